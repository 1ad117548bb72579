"""Packs of seeds trained as one stacked model (`torch.func`) against one after another, on the CPU and on a GPU."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state

from actbench.command.job import Job
from actbench.measure import build
from actbench.measure.data.splits import Splits
from actbench.measure.streams import stream
from benchmarks.speed.cases import model_of, one_of_each_net, splits_of
from benchmarks.speed.harness import Arm, LeftOutError, Sample, Train

PACKS = (1, 4, 10, 64)
# Updates that an arm makes, over all seeds: as many in each arm, so that arms of a case do the same work.
UPDATES = {"cpu": 256, "cuda": 1280}


def arms(job: Job, seed: int, *, train: Train) -> Iterator[Arm]:
    """All packs of a case see the same split; orders and initial weights are the seeds' own."""
    for case, own in one_of_each_net(job):
        for device, updates in UPDATES.items():
            placed = replace(own, config=own.config.copy())
            placed.config.device = device
            name = f"{case}, {device}"
            yield Arm(name, "one after another", "updates", partial(_prepared, placed, seed, 1, updates, _alone))
            for pack in PACKS:
                aim = 20.0 if (pack, device, own.choices["model"]) == (64, "cuda", "mlp") else None
                made = partial(_prepared, placed, seed, pack, updates, training)
                yield Arm(name, f"{pack} stacked", "updates", made, {"one after another": aim})


def _prepared(job: Job, seed: int, pack: int, updates: int, makes: Callable) -> Callable[[], Sample]:
    if job.config.device == "cuda" and not torch.cuda.is_available():
        raise LeftOutError("There is no GPU here: give the command on a machine with one.")
    steps = -(-updates // pack)
    run = makes(job, splits_of(job, seed), seeds=range(seed, seed + pack), steps=steps)

    def work() -> Sample:
        run()
        return Sample(steps * pack)

    return work


def _alone(job: Job, splits: Splits, *, seeds: Sequence[int], steps: int) -> Callable[[], object]:
    """The steps that a run makes."""
    (seed,) = seeds
    task = build.task(job.config, model_of(job, seed, splits), splits=splits, seed=seed)

    def run() -> None:
        for index in _orders(job, splits, seeds, steps):
            task.step(splits.train.take(index[0]))

    return run


def training(job: Job, splits: Splits, *, seeds: Sequence[int], steps: int) -> Callable[[], dict[str, Tensor]]:
    """Trains a pack; gives the stacked parameters (K, …), of seed k what a run of its own gives up to rounding."""
    models = [model_of(job, seed, splits) for seed in seeds]
    models[0].memory_format = torch.preserve_format  # type: ignore[assignment]  # vmap knows no other
    stacked, buffers = stack_module_state(models)  # type: ignore[arg-type]
    learned = nn.ParameterList(stacked.values())
    optimizer = build.optimizer(job.config, learned)

    def logits(parameters: dict[str, Tensor], state: dict[str, Tensor], images: Tensor) -> Tensor:
        return functional_call(models[0], (parameters, state), (images,))

    def run() -> dict[str, Tensor]:
        parameters = dict(zip(stacked, learned, strict=True))
        for index in _orders(job, splits, seeds, steps):
            batch = splits.train.take(index.flatten())
            images, labels = (t.unflatten(0, index.shape) for t in batch)  # (K, B, C, H, W), (K, B)
            given = torch.vmap(logits, randomness="different")(parameters, buffers, images)  # (K, B, classes)
            optimizer.zero_grad(set_to_none=True)
            loss = F.cross_entropy(given.flatten(0, 1), labels.flatten(), reduction="sum")
            (loss / labels.shape[1]).backward()  # the sum over seeds of each one's mean
            optimizer.step()
        return parameters

    return run


def _orders(job: Job, splits: Splits, seeds: Sequence[int], steps: int) -> Iterator[Tensor]:
    """Examples of each step, (K, B): of each seed in its own order, from the beginning again where it ends."""
    n, size = len(splits.train.labels), job.config.train.batch_size
    orders = torch.stack([torch.randperm(n, generator=stream(seed, "order")) for seed in seeds])
    orders = orders[:, : n - n % size].to(splits.train.labels.device)
    for step in range(steps):
        start = step * size % orders.shape[1]
        yield orders[:, start : start + size]
