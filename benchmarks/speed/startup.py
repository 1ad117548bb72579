"""How long one waits: for --help, for what is wrong with a command, for the first training step."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from actbench.command.job import Job
from benchmarks.speed.harness import Arm, Sample, Train

# Ends the process in the place of the first step.
_FIRST_STEP = """
import os
from actbench.tasks.classification import Classification
Classification.step = lambda self, batch: os._exit(3)
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
_COMMANDS = {  # each with the code that it exits with
    "python -c pass": (["-c", "pass"], 0),
    "import torch": (["-c", "import torch"], 0),
    "import torch, a step of its Adam": (["-c", _STEP_OF_TORCH], 0),
    "--help": (["-m", "actbench", "--help"], 0),
    "an error in the config": (["-m", "actbench", "+act=mishh"], 2),
    "first training step": (["-c", _FIRST_STEP], 3),
}


def arms(job: Job, seed: int, *, train: Train) -> Iterator[Arm]:
    """Each a process of its own, on digits."""
    for name, (arguments, code) in _COMMANDS.items():
        yield Arm("start-up", name, "starts", partial(_prepared, arguments, code))


def _prepared(arguments: list[str], code: int) -> Callable[[], Sample]:
    """In a folder of its own, where nothing is measured yet."""
    package = str(Path(__file__).resolve().parents[2])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([package, *sys.path[1:]])}

    def work() -> Sample:
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            ended = subprocess.run(
                [sys.executable, *arguments], capture_output=True, text=True, env=environment, cwd=folder
            )
            seconds = time.perf_counter() - start
        if ended.returncode != code:
            raise RuntimeError(f"{arguments[:2]} ended with {ended.returncode} and not {code}: {ended.stderr[-500:]}")
        return Sample(1, seconds)

    return work
