"""The training loop of one seed: epochs, the probe schedule, divergence."""

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from actbench.measure import probes
from actbench.measure.checkpoint import Checkpoint
from actbench.measure.data.splits import Batch, Split, Splits, batches
from actbench.measure.trace import LayerTrace


class Task(Protocol):
    """What the loop asks of a task, which names its own losses and measures: each is a column of the tables.

    A step updates and gives the mean losses before it: a loss is `train_<name>`, as a mean over the epoch. `evaluate`
    needs held-out examples: `val_<name>` and `test_<name>`; `chance` is what it gives a model that ignores its input.
    `observe` needs none: `<name>`. `picture` is (C, H, W) uint8, to be looked at, where the task makes images.

    A task without optimizers trains nothing, and is never asked for a step: it is evaluated and probed at
    initialisation.
    """

    optimizers: Sequence[torch.optim.Optimizer]

    @staticmethod
    def num_outputs(num_classes: int) -> int: ...
    def step(self, batch: Batch) -> dict[str, Tensor]: ...
    def evaluate(self, split: Split) -> dict[str, float]: ...
    def chance(self, split: Split) -> dict[str, float]: ...
    def observe(self) -> dict[str, float]: ...
    def picture(self) -> Tensor | None: ...
    def weights(self) -> dict[nn.Module, Tensor]: ...
    def trace(self, batch: Batch, *, weights_before: dict[nn.Module, Tensor] | None) -> list[LayerTrace]: ...
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

    batch: Batch
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
    """Train until the last epoch or divergence: a loss or a validation measure that is not finite.

    Without optimizers there is no epoch, and a measure at initialisation that is not finite is divergence.

    Args:
        task: Models and optimizers.
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
    if not task.optimizers:
        _start(history, task, splits, prober)
        history.status = "done" if all(map(math.isfinite, history.epochs[0].values())) else "diverged"
        return history
    initial = [[group["lr"] for group in optimizer.param_groups] for optimizer in task.optimizers]
    parts = {"task": task, "history": history, "order": order, "augmentation": augmentation}
    if not checkpoint.restore(parts):
        _start(history, task, splits, prober)
    for epoch in epochs:
        if epoch <= history.epochs[-1]["epoch"]:  # before the checkpoint
            continue
        lr = initial[0][0] * schedule(history.step / num_steps)
        totals: dict[str, Tensor] = {}
        num_batches, probed = 0, history.probe_seconds
        start = perf_counter()
        for batch in batches(splits.train, batch_size=batch_size, order=order):
            probing = history.step + 1 in prober.steps
            weights_before = task.weights() if probing else None
            _set_lr(task.optimizers, initial, factor=schedule(history.step / num_steps))
            losses = task.step(Batch(augment(batch.images, generator=augmentation), batch.labels))
            totals = {name: totals.get(name, 0) + loss for name, loss in losses.items()}
            history.step, num_batches = history.step + 1, num_batches + 1
            if probing:
                _probe(history, task, prober, epoch=epoch, weights_before=weights_before)
        # Here the clock waits for the device.
        means = {f"train_{name}": (total / num_batches).item() for name, total in totals.items()}
        seconds = perf_counter() - start - (history.probe_seconds - probed)
        history.train_seconds += seconds
        row = {"epoch": epoch, "step": history.step, "lr": lr, **means, "train_seconds": seconds}
        held_out = _val(task, splits)
        history.epochs.append(row | held_out | task.observe())
        if not all(map(math.isfinite, [*means.values(), *held_out.values()])):
            history.status = "diverged"
            break
        checkpoint.save(parts)
    return history


def _set_lr(optimizers: Sequence[torch.optim.Optimizer], initial: list[list[float]], *, factor: float) -> None:
    # Not LambdaLR, which has a state to be kept for what is a function of the step alone.
    for optimizer, rates in zip(optimizers, initial, strict=True):
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * factor


def _start(history: History, task: Task, splits: Splits, prober: Prober) -> None:
    """What is seen at initialisation."""
    history.epochs.append({"epoch": 0, "step": 0} | _val(task, splits) | task.observe())
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
