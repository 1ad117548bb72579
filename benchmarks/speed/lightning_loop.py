"""Lightning's Trainer on the work of the tutorial loop. No other file imports Lightning."""

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
def import_lightning() -> tuple[ModuleType, Mapping[str, str]]:
    """Lightning, and the environment variables that its import sets, which are taken back.

    On a machine without a GPU, PYTORCH_NVML_BASED_CUDA_CHECK makes every step of every optimizer look for a driver
    again: the loops measured beside Lightning's would be a tenth slower.

    Raises:
        LeftOutError: If Lightning is not installed.
    """
    with _restored_environment():
        before = dict(os.environ)
        try:
            import lightning
        except ImportError:
            raise LeftOutError("Lightning is not installed: pip install 'actbench[speed]'.") from None
        return lightning, {name: value for name, value in os.environ.items() if before.get(name) != value}


@contextmanager
def _restored_environment(variables: Mapping[str, str] | None = None) -> Iterator[None]:
    """Set environment variables, and restore the environment afterwards."""
    before = dict(os.environ)
    os.environ.update(variables or {})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def lightning_fit(model: nn.Module, *, epochs: int, lr: float, callbacks: tuple = ()) -> Callable[[DataLoader], None]:
    """Training by Lightning's Trainer without logger, checkpoints, progress bar and summary.

    Raises:
        LeftOutError: If Lightning is not installed.
    """
    L, variables = import_lightning()  # noqa: N806
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
        with warnings.catch_warnings(), _restored_environment(variables):
            warnings.simplefilter("ignore")  # it warns that a loader without workers is slow, which is measured here
            trainer = L.Trainer(
                max_epochs=epochs, accelerator=accelerator, devices=1, callbacks=list(callbacks), **quiet
            )
            trainer.fit(Module(), loader)

    return fit
