"""Seeds trained together as one stacked model (`torch.func`) against one after another, on the CPU and on a GPU."""

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
# Updates of an arm over all its seeds: the same number in each arm, so that the arms of a case do the same work.
UPDATES = {"cpu": 256, "cuda": 1280}


def arms(job: Job, seed: int, *, train: Train) -> Iterator[Arm]:
    """All packs of a case use one split; each seed has its own order and initial weights."""
    for case, case_job in one_of_each_net(job):
        for device, updates in UPDATES.items():
            device_job = replace(case_job, config=case_job.config.copy())
            device_job.config.device = device
            name = f"{case}, {device}"
            alone = partial(_prepare, device_job, seed, 1, updates, _training_alone)
            yield Arm(name, "one after another", "updates", alone)
            for pack in PACKS:
                aim = 20.0 if (pack, device, case_job.choices["model"]) == (64, "cuda", "mlp") else None
                together = partial(_prepare, device_job, seed, pack, updates, training)
                yield Arm(name, f"{pack} stacked", "updates", together, {"one after another": aim})


def _prepare(job: Job, seed: int, pack: int, updates: int, training: Callable) -> Callable[[], Sample]:
    if job.config.device == "cuda" and not torch.cuda.is_available():
        raise LeftOutError("There is no GPU here: give the command on a machine with one.")
    steps = -(-updates // pack)
    run = training(job, splits_of(job, seed), seeds=range(seed, seed + pack), steps=steps)

    def work() -> Sample:
        run()
        return Sample(steps * pack)

    return work


def _training_alone(job: Job, splits: Splits, *, seeds: Sequence[int], steps: int) -> Callable[[], object]:
    """The steps of a run."""
    (seed,) = seeds
    task = build.task(job.config, model_of(job, seed, splits), splits=splits, seed=seed)

    def run() -> None:
        for index in _batch_indices(job, splits, seeds, steps):
            task.step(splits.train.take(index[0]))

    return run


def training(job: Job, splits: Splits, *, seeds: Sequence[int], steps: int) -> Callable[[], dict[str, Tensor]]:
    """Trains K seeds at once. Returns the stacked parameters (K, …), those of K single runs up to rounding."""
    models = [model_of(job, seed, splits) for seed in seeds]
    models[0].memory_format = torch.preserve_format  # type: ignore[assignment]  # vmap supports no other
    stacked, buffers = stack_module_state(models)  # type: ignore[arg-type]
    parameter_list = nn.ParameterList(stacked.values())
    optimizer = build.optimizer(job.config, parameter_list)

    def logits(parameters: dict[str, Tensor], state: dict[str, Tensor], images: Tensor) -> Tensor:
        return functional_call(models[0], (parameters, state), (images,))

    def run() -> dict[str, Tensor]:
        parameters = dict(zip(stacked, parameter_list, strict=True))
        for index in _batch_indices(job, splits, seeds, steps):
            batch = splits.train.take(index.flatten())
            images, labels = (t.unflatten(0, index.shape) for t in batch)  # (K, B, C, H, W), (K, B)
            outputs = torch.vmap(logits, randomness="different")(parameters, buffers, images)  # (K, B, classes)
            optimizer.zero_grad(set_to_none=True)
            loss = F.cross_entropy(outputs.flatten(0, 1), labels.flatten(), reduction="sum")
            (loss / labels.shape[1]).backward()  # the sum over seeds of each seed's mean
            optimizer.step()
        return parameters

    return run


def _batch_indices(job: Job, splits: Splits, seeds: Sequence[int], steps: int) -> Iterator[Tensor]:
    """Indices (K, B) of the examples of each step: each seed has its own order, repeated when it ends."""
    n, size = len(splits.train.labels), job.config.train.batch_size
    orders = torch.stack([torch.randperm(n, generator=stream(seed, "order")) for seed in seeds])
    orders = orders[:, : n - n % size].to(splits.train.labels.device)
    for step in range(steps):
        start = step * size % orders.shape[1]
        yield orders[:, start : start + size]
