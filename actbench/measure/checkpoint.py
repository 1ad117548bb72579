"""A run that takes longer than a minute can be interrupted: the same command goes on with it, bitwise as if it had not.

A checkpoint holds numbers, words and tensors only, and reading one executes nothing (`torch.load(weights_only=True)`).
"""

import contextlib
import os
import shutil
import zipfile
from pathlib import Path
from time import monotonic
from typing import Any

import torch

from actbench.tables.atomic import beside

INTERVAL = 60.0  # seconds between two checkpoints: a shorter run writes none


class Checkpoint:
    """The rows of the seeds that a run has measured, and the parts of the one it is at as they stood after an epoch.

    Args:
        folder: Where the checkpoint is kept until `remove`.
        environment: Versions and device; a checkpoint that others wrote is not gone on from.
        device: Where the run computes.

    Attributes:
        rows: The rows of each table, of the seeds that are measured.
    """

    def __init__(self, folder: Path, *, environment: dict[str, str], device: torch.device) -> None:
        self._folder, self._environment, self._device = folder, environment, device
        saved = self._read()
        self.rows: dict[str, list[dict]] = saved.get("rows", {"runs": [], "epochs": [], "layers": []})
        self._states: dict[str, Any] | None = saved.get("states")
        self._written = monotonic()

    def restore(self, parts: dict[str, Any]) -> bool:
        """Put the parts in the state of the checkpoint; False where there is none of this seed."""
        states, self._states = self._states, None
        parts = parts | _global_generators(self._device)
        if states is None or not parts.keys() <= states.keys():  # none, or of an older way to name them
            return False
        for name, part in parts.items():
            state = states[name]
            part.set_state(state) if isinstance(part, torch.Generator) else part.load_state_dict(state)
        return True

    def save(self, parts: dict[str, Any] | None) -> None:
        """Write the state of the parts at the end of an epoch, if the last checkpoint is a minute old.

        None stands for no parts, between two seeds: only the rows are kept.

        Where it cannot be written the run goes on without; whether its tables can be is seen when it lands.
        """
        if monotonic() - self._written < INTERVAL:
            return
        states = (
            None
            if parts is None
            else {
                name: part.get_state() if isinstance(part, torch.Generator) else part.state_dict()
                for name, part in (parts | _global_generators(self._device)).items()
            }
        )
        path = self._folder / "state.pt"
        with contextlib.suppress(OSError, RuntimeError), beside(path) as hidden:
            torch.save({"environment": self._environment, "rows": self.rows, "states": states}, hidden)
            os.replace(hidden, path)
        self._written = monotonic()

    def remove(self) -> None:
        """The run has landed: nothing of it has to be kept."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _read(self) -> dict[str, Any]:
        """What was saved; nothing where there is none, or none that this run can go on from."""
        path = self._folder / "state.pt"
        try:
            with zipfile.ZipFile(path) as file:  # torch does not ask whether the bytes are those that were written
                whole = file.testzip() is None
            saved = torch.load(path, map_location="cpu", weights_only=True) if whole else None
        except Exception:  # a damaged file raises what it likes
            return {}
        return saved if isinstance(saved, dict) and saved.get("environment") == self._environment else {}


def _global_generators(device: torch.device) -> dict[str, torch.Generator]:
    """torch's own generators that a run draws from, rrelu its slopes: the CPU's, and that of the run's GPU.

    By type and not by number: the machine that goes on may see other GPUs beside it.
    """
    found = {"global, cpu": torch.default_generator}
    if device.type == "cuda":
        index = torch.cuda.current_device() if device.index is None else device.index
        found["global, cuda"] = torch.cuda.default_generators[index]
    return found
