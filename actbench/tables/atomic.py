"""Atomic writes: a process may be killed at any moment, here or on another machine, and leaves nothing half-written.

A folder or file is written under a hidden name that identifies its process, then moved into place by one `os.replace`.
"""

import os
import platform
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_HIDDEN = re.compile(r"\..+\.\d+@[^@]+")  # the hidden names of `beside`
_FREE_BYTES = 2**20  # more than the tables of a run take
MEASURED = ("runs", "tables")  # the folders into which a run is written
_MAX_AGE = 3600.0  # seconds, far longer than a write; whether a process on another machine lives is unknown


def _pid_scope() -> str:
    """The scope in which a process id is unique: host name, boot and pid namespace.

    The namespace is needed because each container has a process 1 and some containers share a host name.
    """
    names = [platform.node()]
    with suppress(OSError):  # outside Linux the host name has to do
        names.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8")[:8])
        names.append(str(os.stat("/proc/self/ns/pid").st_ino))
    return ".".join(names)


HERE = _pid_scope()


@contextmanager
def temporary(path: Path) -> Iterator[Path]:
    """A hidden path beside `path` that only this process uses; it is removed at the end unless it was moved."""
    path.parent.mkdir(parents=True, exist_ok=True)
    hidden = path.with_name(f".{path.name}.{os.getpid()}@{HERE}")
    remove(hidden)
    try:
        yield hidden
    finally:
        remove(hidden)


def write_text(path: Path, text: str) -> None:
    """Put a text file in place of the one at `path`, if there is one."""
    with temporary(path) as hidden:
        hidden.write_text(text, encoding="utf-8")
        os.replace(hidden, path)


def discard(folder: Path) -> None:
    """Remove a folder in one step, so that half of it is never seen; a missing folder is ignored."""
    with temporary(folder.with_name(f"{folder.name}.discarded")) as hidden:
        if folder.is_dir():
            with suppress(FileNotFoundError):  # another process removed it first
                os.replace(folder, hidden)


def refuse_links(folder: Path, *, names: tuple[str, ...] = ("tables", "figures", "statistics")) -> None:
    """Check that no subfolder to be written is a link: results of strangers may link to a folder of yours.

    The default `names` are those that a report writes; a run writes MEASURED.

    Raises:
        NotADirectoryError: If a subfolder is a link.
    """
    for name in names:
        if (folder / name).is_symlink():
            raise NotADirectoryError(
                f"{folder / name} is a link, and nothing is written through links: replace it with a folder, or make "
                f"{folder} the link."
            )


def check_space(folder: Path) -> None:
    """Check before a run is measured that its tables can be written here.

    Raises:
        OSError: If the disk is full or not writable, as `store.land` would later raise.
    """
    with temporary(folder) as hidden:
        hidden.write_bytes(os.urandom(_FREE_BYTES))  # random, so that no file system compresses it


def remove_abandoned(folder: Path) -> None:
    """Remove the hidden files and folders that killed processes left in this folder."""
    for path in folder.glob(".*@*"):
        if _HIDDEN.fullmatch(path.name) and _is_abandoned(path):
            remove(path)


def _is_abandoned(path: Path) -> bool:
    """Whether the process in a hidden name has ended on this machine, or the path is older than _MAX_AGE."""
    owner, _, scope = path.name.rpartition("@")
    if scope == HERE and not _is_alive(owner.rpartition(".")[2]):
        return True
    try:
        return time.time() - path.stat().st_mtime > _MAX_AGE
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
