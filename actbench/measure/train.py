"""The training loop of one seed: epochs, the probe schedule, divergence."""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from actbench.measure import probes
from actbench.measure.checkpoint import Checkpoint
from actbench.measure.data.splits import Batch, Split, Splits, batches
from actbench.measure.trace import Activation, LayerTrace


class Task(Protocol):
    """What the loop needs from a task. A task names its own losses and measures, each a column of the tables.

    `step` makes one update and returns the mean losses before it; their means over the epoch are `train_<name>`.
    `evaluate` measures held-out examples, as `val_<name>` and `test_<name>`; `test` says also which of them were
    classified rightly, (N,) bool, None where the task does not classify. `chance` is the evaluation of a model that
    ignores its input. `observe` needs no examples, and its measures are `<name>`. `picture` is a (C, H, W) uint8 image
    for the reader, or None where the task makes no images.

    A task without optimizers is only evaluated and probed at initialisation; its `step` is never called.
    """

    optimizers: Sequence[torch.optim.Optimizer]

    @staticmethod
    def num_outputs(num_classes: int) -> int: ...
    def step(self, batch: Batch) -> dict[str, Tensor]: ...
    def evaluate(self, split: Split) -> dict[str, float]: ...
    def test(self, split: Split) -> tuple[dict[str, float], Tensor | None]: ...
    def chance(self, split: Split) -> dict[str, float]: ...
    def observe(self) -> dict[str, float]: ...
    def picture(self) -> Tensor | None: ...
    def weights(self) -> dict[nn.Module, Tensor]: ...
    def trace(self, batch: Batch, *, weights_before: dict[nn.Module, Tensor] | None) -> list[LayerTrace]: ...
    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state: dict[str, Any]) -> None: ...


@dataclass(frozen=True)
class Prober:
    """The batch on which a task is probed, and the steps after which it is.

    Attributes:
        batch: The fixed probe batch.
        steps: The steps after which to probe; 0 is initialisation.
        bounds: The bounds of an activation layer's functions with its present parameters.
        names: The name of a layer's function.
    """

    batch: Batch
    steps: Collection[int]
    bounds: Callable[[Activation], list[probes.Bounds]]
    names: Mapping[nn.Module, str]

    def rows(self, task: Task, *, weights_before: dict[nn.Module, Tensor] | None) -> list[dict]:
        """One row per activation layer."""
        return [
            {"layer_index": t.layer_index, "layer": t.layer, "layer_act": self.names.get(t.f)}
            | probes.measure(t, bounds=self.bounds)
            | probes.act_parameters(t.f)
            for t in task.trace(self.batch, weights_before=weights_before)
        ]


@dataclass
class History:
    """The record of a training run: rows of the tables `epochs` and `layers`, and the clock."""

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
    """Train until the last epoch, or until a loss or a validation measure is not finite, which is divergence.

    A task without optimizers has no epochs; it has diverged if a measure at initialisation is not finite.

    Args:
        task: Models and optimizers.
        splits: Training and validation examples; test is not touched.
        epochs: 1, 2, …; a progress bar may be wrapped around it.
        num_steps: Steps of the whole run, for the schedule.
        batch_size: Examples per step.
        schedule: Factor on the learning rate, a function of the share of steps already made.
        augment: Changes the images of a batch, with random numbers from `augmentation`.
        prober: Probes between training steps; the training clock does not count its time.
        order: Generator of the order of examples.
        augmentation: Generator for `augment`.
        checkpoint: Where an interrupted run resumes.
    """
    history = History()
    if not task.optimizers:
        _record_initialisation(history, task, splits, prober)
        history.status = "done" if all(map(math.isfinite, history.epochs[0].values())) else "diverged"
        return history
    initial_rates = [[group["lr"] for group in optimizer.param_groups] for optimizer in task.optimizers]
    stateful = {"task": task, "history": history, "order": order, "augmentation": augmentation}
    if not checkpoint.restore(stateful):
        _record_initialisation(history, task, splits, prober)
    for epoch in epochs:
        if epoch <= history.epochs[-1]["epoch"]:  # before the checkpoint
            continue
        lr = initial_rates[0][0] * schedule(history.step / num_steps)
        totals: dict[str, Tensor] = {}
        num_batches, probe_seconds_before = 0, history.probe_seconds
        start = perf_counter()
        for batch in batches(splits.train, batch_size=batch_size, order=order):
            is_probed = history.step + 1 in prober.steps
            weights_before = task.weights() if is_probed else None
            _set_lr(task.optimizers, initial_rates, factor=schedule(history.step / num_steps))
            losses = task.step(Batch(augment(batch.images, generator=augmentation), batch.labels))
            totals = {name: totals.get(name, 0) + loss for name, loss in losses.items()}
            history.step, num_batches = history.step + 1, num_batches + 1
            if is_probed:
                _probe(history, task, prober, epoch=epoch, weights_before=weights_before)
        # item() waits for the device, so that the clock counts the steps still queued.
        means = {f"train_{name}": (total / num_batches).item() for name, total in totals.items()}
        seconds = perf_counter() - start - (history.probe_seconds - probe_seconds_before)
        history.train_seconds += seconds
        row = {"epoch": epoch, "step": history.step, "lr": lr, **means, "train_seconds": seconds}
        held_out = _validate(task, splits)
        history.epochs.append(row | held_out | task.observe())
        if not all(map(math.isfinite, [*means.values(), *held_out.values()])):
            history.status = "diverged"
            break
        checkpoint.save(stateful)
    return history


def _set_lr(optimizers: Sequence[torch.optim.Optimizer], initial_rates: list[list[float]], *, factor: float) -> None:
    # Not LambdaLR: it has a state to save, and the rate is a function of the step alone.
    for optimizer, rates in zip(optimizers, initial_rates, strict=True):
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * factor


def _record_initialisation(history: History, task: Task, splits: Splits, prober: Prober) -> None:
    history.epochs.append({"epoch": 0, "step": 0} | _validate(task, splits) | task.observe())
    _probe(history, task, prober, epoch=0, weights_before=None)


def _probe(
    history: History, task: Task, prober: Prober, *, epoch: int, weights_before: dict[nn.Module, Tensor] | None
) -> None:
    if history.step not in prober.steps:
        return
    if prober.batch.labels.device.type != "cpu":  # steps still queued count as training time
        torch.accelerator.synchronize()
    start = perf_counter()
    keys = {"epoch": epoch, "step": history.step}
    history.layers += [keys | row for row in prober.rows(task, weights_before=weights_before)]
    history.probe_seconds += perf_counter() - start


def _validate(task: Task, splits: Splits) -> dict[str, float]:
    return {f"val_{name}": value for name, value in task.evaluate(splits.val).items()}
