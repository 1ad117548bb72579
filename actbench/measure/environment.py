"""What numbers were made with: it stands beside them in every table."""

import functools
import platform
import subprocess
from pathlib import Path

import torch

import actbench


def environment(on: torch.device) -> dict[str, str]:
    """Versions, commit, and the name of the device."""
    return {
        "actbench": actbench.__version__,
        "commit": _commit(),
        "torch": str(torch.__version__),
        "python": platform.python_version(),
        "device_name": device_name(on),
    }


@functools.cache
def _commit() -> str:
    """The checkout's commit, with a plus sign where code or configs differ from it; empty outside a checkout.

    Asked once a process: what is edited or committed later is not what this process runs.
    """
    folder = Path(__file__).resolve().parents[2]
    if not (folder / "pyproject.toml").is_file():  # installed, perhaps below somebody else's repository
        return ""

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--", "actbench", "benchmarks", "conf", "experiments")
        return git("rev-parse", "--short=12", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return ""


def device(name: str) -> torch.device:
    """The device of that name; auto is CUDA where there is one."""
    return torch.device("cuda" if name == "auto" and torch.cuda.is_available() else "cpu" if name == "auto" else name)


def device_name(on: torch.device) -> str:
    """What the device calls itself; a processor's architecture where the system does not tell its name."""
    if on.type == "cuda":
        return torch.cuda.get_device_name(on)
    told = Path("/proc/cpuinfo")
    lines = told.read_text(encoding="utf-8").splitlines() if told.is_file() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
