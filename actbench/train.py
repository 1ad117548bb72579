"""The training loop of one seed: epochs, the probe schedule, divergence."""

import math
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from actbench import probes
from actbench.checkpoint import Checkpoint
from actbench.data.splits import Split, Splits, batches
from actbench.trace import LayerTrace


class Task(Protocol):
    """What the loop asks of a task; `chance` holds the evaluation of a model that ignores its input.

    A task whose optimizer is None trains nothing and has neither `step` nor `weights`: it is evaluated and probed at
    initialisation.
    """

    optimizer: torch.optim.Optimizer | None
    chance: dict[str, float]

    def step(self, batch: Split) -> Tensor: ...
    def evaluate(self, split: Split) -> dict[str, float]: ...
    def weights(self) -> dict[nn.Module, Tensor]: ...
    def trace(self, batch: Split, *, weights_before: dict[nn.Module, Tensor] | None) -> list[LayerTrace]: ...
    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state: dict[str, Any]) -> None: ...


@dataclass(frozen=True)
class Prober:
    """When and on what a task is probed.

    Attributes:
        batch: The fixed probe batch.
        steps: The steps after which to probe; 0 is initialisation.
        shape: The shape of the activation of a layer with its present parameters.
    """

    batch: Split
    steps: Collection[int]
    shape: Callable[[nn.Module], probes.Shape]

    def rows(self, task: Task, *, weights_before: dict[nn.Module, Tensor] | None) -> list[dict]:
        """One row per activation layer."""
        return [
            {"layer_index": t.layer_index, "layer": t.layer} | probes.measure(t, shape=self.shape) | probes.learned(t.f)
            for t in task.trace(self.batch, weights_before=weights_before)
        ]


@dataclass
class History:
    """What the loop saw: rows for the tables `epochs` and `layers`, and the clock."""

    status: str = "done"
    epochs: list[dict] = field(default_factory=list)
    layers: list[dict] = field(default_factory=list)
    step: int = 0
    train_seconds: float = 0.0
    probe_seconds: float = 0.0

    def state_dict(self) -> dict[str, Any]:
        return dict(vars(self))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        vars(self).update(state)


def train(
    task: Task,
    splits: Splits,
    *,
    epochs: Iterable[int],
    num_steps: int,
    batch_size: int,
    schedule: Callable[[float], float],
    augment: Callable[..., Tensor],
    prober: Prober,
    order: torch.Generator,
    augmentation: torch.Generator,
    checkpoint: Checkpoint,
) -> History:
    """Train until the last epoch or divergence: a training or validation loss that is not finite.

    Without an optimizer there is no epoch, and a measure at initialisation that is not finite is divergence.

    Args:
        task: Model and optimizer.
        splits: Training and validation examples; test is not touched.
        epochs: 1, 2, …; a progress bar may be wrapped around it.
        num_steps: Steps of the whole run, for the schedule.
        batch_size: Examples per step.
        schedule: Factor on the learning rate at a share of all steps.
        augment: Changes the images of a batch, drawing from `augmentation`.
        prober: Probes outside the training step and outside the training clock.
        order: Draws the order of examples.
        augmentation: Draws what `augment` does to each batch.
        checkpoint: What an interrupted run goes on from.
    """
    history = History()
    if task.optimizer is None:
        _start(history, task, splits, prober)
        history.status = "done" if all(map(math.isfinite, history.epochs[0].values())) else "diverged"
        return history
    scheduler = LambdaLR(task.optimizer, lambda step: schedule(step / num_steps))
    parts = {"task": task, "scheduler": scheduler, "history": history, "order": order, "augmentation": augmentation}
    if not checkpoint.restore(parts):
        _start(history, task, splits, prober)
    for epoch in epochs:
        if epoch <= history.epochs[-1]["epoch"]:  # before the checkpoint
            continue
        lr = scheduler.get_last_lr()[0]
        total, num_batches, probed = torch.zeros((), device=splits.train.labels.device), 0, history.probe_seconds
        start = perf_counter()
        for batch in batches(splits.train, batch_size=batch_size, order=order):
            probing = history.step + 1 in prober.steps
            weights_before = task.weights() if probing else None
            total += task.step(Split(augment(batch.images, generator=augmentation), batch.labels))
            scheduler.step()
            history.step, num_batches = history.step + 1, num_batches + 1
            if probing:
                _probe(history, task, prober, epoch=epoch, weights_before=weights_before)
        train_loss = (total / num_batches).item()  # waits for the device
        seconds = perf_counter() - start - (history.probe_seconds - probed)
        history.train_seconds += seconds
        row = {"epoch": epoch, "step": history.step, "lr": lr, "train_loss": train_loss, "train_seconds": seconds}
        history.epochs.append(row | _val(task, splits))
        if not (math.isfinite(train_loss) and math.isfinite(history.epochs[-1]["val_loss"])):
            history.status = "diverged"
            break
        checkpoint.save(parts)
    return history


def _start(history: History, task: Task, splits: Splits, prober: Prober) -> None:
    """What is seen at initialisation."""
    history.epochs.append({"epoch": 0, "step": 0, **_val(task, splits)})
    _probe(history, task, prober, epoch=0, weights_before=None)


def _probe(
    history: History, task: Task, prober: Prober, *, epoch: int, weights_before: dict[nn.Module, Tensor] | None
) -> None:
    if history.step not in prober.steps:
        return
    if prober.batch.labels.is_cuda:  # steps still queued are training time, not probing time
        torch.cuda.synchronize()
    start = perf_counter()
    keys = {"epoch": epoch, "step": history.step}
    history.layers += [keys | row for row in prober.rows(task, weights_before=weights_before)]
    history.probe_seconds += perf_counter() - start


def _val(task: Task, splits: Splits) -> dict[str, float]:
    return {f"val_{name}": value for name, value in task.evaluate(splits.val).items()}
