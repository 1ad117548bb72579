"""The environment of a measurement, recorded with every run: versions, commit and device."""

import functools
import platform
import subprocess
from pathlib import Path

import torch
from torch import Tensor

import actbench


def environment(device: torch.device) -> dict[str, str]:
    """Versions, commit, and the name of the device."""
    return {
        "actbench": actbench.__version__,
        "commit": _commit(),
        "torch": str(torch.__version__),
        "python": platform.python_version(),
        "device_name": device_name(device),
    }


@functools.cache
def _commit() -> str:
    """The checkout's commit, with a plus sign if code or configs differ from it; empty outside a checkout.

    Read once per process, which does not run what is edited or committed later.
    """
    folder = Path(__file__).resolve().parents[2]
    if not (folder / "pyproject.toml").is_file():  # an installed package, perhaps inside another repository
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
    """The device of that name, in any case; auto is CUDA if available, else the CPU."""
    if name.lower() == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name.lower())


def in_float64(x: Tensor) -> Tensor:
    """A copy of x in float64: on its device, or on the CPU where x is on mps, which has no float64."""
    return x.to("cpu" if x.device.type == "mps" else x.device).to(torch.float64, copy=True)


def device_name(device: torch.device) -> str:
    """The model of the GPU or processor; the processor's architecture where the system does not report a model."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.is_file() else []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor() or platform.machine())
