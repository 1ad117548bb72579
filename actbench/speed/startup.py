"""How long one waits: for --help, for what is wrong with a command, for the first training step."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from actbench.plan import Job
from actbench.speed.harness import Arm, Sample, Train

# Ends the process in the place of the first step.
_FIRST_STEP = """
import os
from actbench.tasks.classification import Classification
Classification.step = lambda self, batch: os._exit(0)
from actbench.__main__ import main
main(["+act=relu"])
"""
# torch's optimizers import torch's compiler before their first step, in whatever program.
_STEP_OF_TORCH = """
import torch
weight = torch.zeros(1, requires_grad=True)
weight.sum().backward()
torch.optim.Adam([weight]).step()
"""
_COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "import torch": ["-c", "import torch"],
    "import torch, a step of its Adam": ["-c", _STEP_OF_TORCH],
    "--help": ["-m", "actbench", "--help"],
    "an error in the config": ["-m", "actbench", "+act=mishh"],
    "first training step": ["-c", _FIRST_STEP],
}


def arms(job: Job, seed: int, *, train: Train) -> Iterator[Arm]:
    """Each a process of its own, on digits."""
    for name, arguments in _COMMANDS.items():
        yield Arm("start-up", name, "starts", partial(_prepared, arguments))


def _prepared(arguments: list[str]) -> Callable[[], Sample]:
    package = str(Path(__file__).resolve().parents[2])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([package, *sys.path[1:]])}

    def work() -> Sample:
        subprocess.run([sys.executable, *arguments], capture_output=True, check=False, env=environment)
        return Sample(1)

    return work
