"""Lightning's Trainer on the work of the tutorial's loop; Lightning is imported here alone."""

import functools
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType

import torch
from torch import nn
from torch.utils.data import DataLoader

from benchmarks.speed.harness import LeftOutError


@functools.cache
def imported() -> tuple[ModuleType, Mapping[str, str]]:
    """Lightning, and what its import sets in the environment, where it does not stay.

    With PYTORCH_NVML_BASED_CUDA_CHECK every step of every optimizer asks for a GPU's driver anew, where there is none:
    the loops measured beside Lightning's would be a tenth slower.

    Raises:
        LeftOutError: If Lightning is not installed.
    """
    with _environment():
        before = dict(os.environ)
        try:
            import lightning
        except ImportError:
            raise LeftOutError("Lightning is not installed: pip install 'actbench[speed]'.") from None
        return lightning, {name: value for name, value in os.environ.items() if before.get(name) != value}


@contextmanager
def _environment(more: Mapping[str, str] | None = None) -> Iterator[None]:
    """Afterwards the environment is as it was."""
    before = dict(os.environ)
    os.environ.update(more or {})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def lightning(model: nn.Module, *, epochs: int, lr: float, callbacks: tuple = ()) -> Callable[[DataLoader], None]:
    """Lightning's Trainer without logger, checkpoints, bar and summary.

    Raises:
        LeftOutError: If Lightning is not installed.
    """
    L, sets = imported()  # noqa: N806
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)

    class Module(L.LightningModule):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.model, self.criterion = model, nn.CrossEntropyLoss()

        def training_step(self, batch, index):
            images, labels = batch
            return self.criterion(self.model(images), labels)

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters(), lr=lr)

    quiet = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
    accelerator = "gpu" if next(model.parameters()).is_cuda else "cpu"

    def fit(loader: DataLoader) -> None:
        with warnings.catch_warnings(), _environment(sets):
            warnings.simplefilter("ignore")  # that a loader without workers is slow is what is measured
            trainer = L.Trainer(
                max_epochs=epochs, accelerator=accelerator, devices=1, callbacks=list(callbacks), **quiet
            )
            trainer.fit(Module(), loader)

    return fit
