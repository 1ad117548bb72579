"""Checkpoints: a run of more than a minute can be interrupted, and the same command resumes it bitwise the same.

A checkpoint holds numbers, text and tensors only, and reading one executes no code (`torch.load(weights_only=True)`).
"""

import contextlib
import os
import shutil
import zipfile
from pathlib import Path
from time import monotonic
from typing import Any

import torch

from actbench.tables.atomic import temporary

INTERVAL = 60.0  # seconds between two checkpoints: a shorter run writes none


class Checkpoint:
    """The rows of the seeds that a run has completed, and the state of the current seed after an epoch.

    Args:
        folder: Where the checkpoint is kept until `remove`.
        environment: Versions and device; a checkpoint written under others is not used.
        device: Where the run computes.

    Attributes:
        rows: The rows of each table, of the completed seeds.
    """

    def __init__(self, folder: Path, *, environment: dict[str, str], device: torch.device) -> None:
        self._folder, self._environment, self._device = folder, environment, device
        saved = self._read()
        self.rows: dict[str, list[dict]] = saved.get("rows", {"runs": [], "epochs": [], "layers": []})
        self._states: dict[str, Any] | None = saved.get("states")
        self._saved_at = monotonic()

    def restore(self, stateful: dict[str, Any]) -> bool:
        """Load the saved states into the objects; False if there are none for the current seed."""
        states, self._states = self._states, None
        stateful = stateful | _global_generators(self._device)
        if states is None or not stateful.keys() <= states.keys():  # an older version used other names
            return False
        for name, item in stateful.items():
            state = states[name]
            item.set_state(state) if isinstance(item, torch.Generator) else item.load_state_dict(state)
        return True

    def save(self, stateful: dict[str, Any] | None) -> None:
        """Write the states of the objects at the end of an epoch, if the last checkpoint is a minute old.

        None, between two seeds, saves the rows alone. A run continues without a checkpoint that cannot be written;
        whether its tables can be written shows at its end.
        """
        if monotonic() - self._saved_at < INTERVAL:
            return
        states = (
            None
            if stateful is None
            else {
                name: item.get_state() if isinstance(item, torch.Generator) else item.state_dict()
                for name, item in (stateful | _global_generators(self._device)).items()
            }
        )
        path = self._folder / "state.pt"
        with contextlib.suppress(OSError, RuntimeError), temporary(path) as hidden:
            torch.save({"environment": self._environment, "rows": self.rows, "states": states}, hidden)
            os.replace(hidden, path)
        self._saved_at = monotonic()

    def remove(self) -> None:
        """Delete the checkpoint: the run's tables are written."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _read(self) -> dict[str, Any]:
        """The saved checkpoint; empty if there is none from which this run can resume."""
        path = self._folder / "state.pt"
        try:
            with zipfile.ZipFile(path) as file:  # torch does not verify the checksums
                is_intact = file.testzip() is None
            saved = torch.load(path, map_location="cpu", weights_only=True) if is_intact else None
        except Exception:  # a damaged file may raise any error
            return {}
        return saved if isinstance(saved, dict) and saved.get("environment") == self._environment else {}


def _global_generators(device: torch.device) -> dict[str, torch.Generator]:
    """torch's global generators that a run uses, as rrelu does for its slopes: the CPU's, and that of the run's GPU.

    Named by type, not by number: a machine that resumes the run may see the GPU under another number.
    """
    generators = {"global, cpu": torch.default_generator}
    if device.type == "cuda":
        index = torch.cuda.current_device() if device.index is None else device.index
        generators["global, cuda"] = torch.cuda.default_generators[index]
    return generators
