"""What numbers were made with: it stands beside them in every table."""

import functools
import platform
import subprocess
from pathlib import Path

import torch

import actbench
from actbench import build


def environment(device: str) -> dict[str, str]:
    """Versions, commit, and the name of the device that a config's `device` means."""
    return {
        "actbench": actbench.__version__,
        "commit": _commit(),
        "torch": str(torch.__version__),
        "python": platform.python_version(),
        "device_name": build.device_name(build.device(device)),
    }


@functools.cache
def _commit() -> str:
    """The checkout's commit, with a plus sign where code or configs differ from it; empty outside a checkout.

    Asked once a process: what is edited or committed later is not what this process runs.
    """
    folder = Path(__file__).resolve().parent.parent
    if not (folder / "pyproject.toml").is_file():  # installed, perhaps below somebody else's repository
        return ""

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--", "actbench", "conf", "experiments")
        return git("rev-parse", "--short=12", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return ""
