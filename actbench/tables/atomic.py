"""Writing so that a process may be killed at any moment, here or on another machine.

A folder or file is made under a hidden name that tells its process, and moved to its place by one `os.replace`.
"""

import os
import platform
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_HIDDEN = re.compile(r"\..+\.\d+@[^@]+")  # the names that `beside` makes
_ROOM = 2**20  # bytes, more than a run's tables take
MEASURED = ("runs", "tables")
_AGE = 3600.0  # seconds after which what a process elsewhere has not moved to its place is abandoned


def _here() -> str:
    """Where a process is told by its number: the host by name and boot, and the namespace, since each container has
    a process 1 and some share a host's name.
    """
    told = [platform.node()]
    with suppress(OSError):  # elsewhere than on Linux the name has to do
        told.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8")[:8])
        told.append(str(os.stat("/proc/self/ns/pid").st_ino))
    return ".".join(told)


HERE = _here()


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """A hidden path beside this one, of this process alone; what is still there at the end is taken away."""
    path.parent.mkdir(parents=True, exist_ok=True)
    hidden = path.with_name(f".{path.name}.{os.getpid()}@{HERE}")
    remove(hidden)
    try:
        yield hidden
    finally:
        remove(hidden)


def discard(folder: Path) -> None:
    """Take a folder away at once, so that half of it is never seen; nothing is done where it is not there."""
    with beside(folder.with_name(f"{folder.name}.discarded")) as hidden:
        if folder.is_dir():
            with suppress(FileNotFoundError):  # another process was first
                os.replace(folder, hidden)


def refuse_links(folder: Path, *, names: tuple[str, ...] = ("tables", "figures", "statistics")) -> None:
    """A stranger's results may hold a link to a folder of yours; these are written to by a report, by a run MEASURED.

    Raises:
        NotADirectoryError: If one of these is a link.
    """
    for name in names:
        if (folder / name).is_symlink():
            raise NotADirectoryError(
                f"{folder / name} is a link, and nothing is written through one: put a folder in its place, or make "
                f"{folder} the link."
            )


def check_room(folder: Path) -> None:
    """Before a run is measured: it could be written here.

    Raises:
        OSError: If the disk is full or may not be written to, as landing would.
    """
    with beside(folder) as hidden:
        hidden.write_bytes(os.urandom(_ROOM))  # which no file system makes smaller


def remove_abandoned(folder: Path) -> None:
    """Take away what killed processes left beside what they were writing in this folder."""
    for path in folder.glob(".*@*"):
        if _HIDDEN.fullmatch(path.name) and _is_abandoned(path):
            remove(path)


def _is_abandoned(path: Path) -> bool:
    """Whether the process in a hidden name is gone: asked here, judged by the age elsewhere."""
    owner, _, where = path.name.rpartition("@")
    if where == HERE and not _is_alive(owner.rpartition(".")[2]):
        return True
    try:
        return time.time() - path.stat().st_mtime > _AGE
    except FileNotFoundError:
        return False


def _is_alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except PermissionError:
        return True
    except (ProcessLookupError, ValueError, OverflowError):
        return False
    return True


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
