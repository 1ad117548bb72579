"""How long the user waits for --help, for an error message and for the first training step."""

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

# Ends the process where the first step would begin.
_FIRST_STEP = """
import os
from actbench.measure.tasks.classification import Classification
Classification.step = lambda self, batch: os._exit(3)
from actbench.__main__ import main
main(["+act=relu"])
"""
# torch's optimizers import torch's compiler before their first step, in every program.
_STEP_OF_TORCH = """
import torch
weight = torch.zeros(1, requires_grad=True)
weight.sum().backward()
torch.optim.Adam([weight]).step()
"""
_COMMANDS = {  # each with its exit code
    "python -c pass": (["-c", "pass"], 0),
    "import torch": (["-c", "import torch"], 0),
    "import torch, a step of its Adam": (["-c", _STEP_OF_TORCH], 0),
    "--help": (["-m", "actbench", "--help"], 0),
    "an error in the config": (["-m", "actbench", "+act=mishh"], 2),
    "first training step": (["-c", _FIRST_STEP], 3),
    "a whole run, +act=mish": (["-m", "actbench", "+act=mish"], 0),
}


def arms(job: Job, seed: int, *, train: Train) -> Iterator[Arm]:
    """Each command in a process of its own, on digits."""
    for name, (arguments, code) in _COMMANDS.items():
        yield Arm("start-up", name, "starts", partial(_prepare, arguments, code))


def _prepare(arguments: list[str], code: int) -> Callable[[], Sample]:
    """The command in an empty folder, where no run is measured yet."""
    checkout = str(Path(__file__).resolve().parents[2])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([checkout, *sys.path[1:]])}

    def work() -> Sample:
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            process = subprocess.run(
                [sys.executable, *arguments], capture_output=True, text=True, env=environment, cwd=folder
            )
            seconds = time.perf_counter() - start
        if process.returncode != code:
            error = process.stderr[-500:]
            raise RuntimeError(f"{arguments[:2]} exited with {process.returncode} instead of {code}: {error}")
        return Sample(1, seconds)

    return work
