"""float32 against bfloat16 (autocast), eager against torch.compile, with the accuracy of each."""

from collections.abc import Callable, Iterator
from functools import partial
from time import perf_counter

import torch
import torch.nn.functional as F

from actbench.command.job import Job
from actbench.measure import build
from benchmarks.speed.cases import accuracy, batches_of, model_of, one_of_each_net, splits_of
from benchmarks.speed.harness import Arm, Sample, Train
from benchmarks.speed.tutorial import num_samples

_EAGER = "float32, eager"


def arms(job: Job, seed: int, *, train: Train) -> Iterator[Arm]:
    """The same loop in every arm; compiling is off the clock."""
    for case, case_job in one_of_each_net(job):
        for half in (False, True):
            for compiled in (False, True):
                name = f"{'bfloat16' if half else 'float32'}, {'compiled' if compiled else 'eager'}"
                against = {} if name == _EAGER else {_EAGER: None}
                yield Arm(case, name, "samples", partial(_prepare, case_job, seed, half, compiled), against)


def _prepare(job: Job, seed: int, half: bool, compiled: bool) -> Callable[[], Sample]:
    splits = splits_of(job, seed)
    model = model_of(job, seed, splits)
    optimizer = build.optimizer(job.config, model)
    forward = torch.compile(model) if compiled else model
    device = splits.train.labels.device.type

    def loss_of(images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        with torch.autocast(device, torch.bfloat16, enabled=half):
            return F.cross_entropy(forward(images), labels)

    loss_of(*next(batches_of(job, seed, splits.train))).backward()  # compiles
    optimizer.zero_grad(set_to_none=True)

    def work() -> Sample:
        start, steps = perf_counter(), 0
        for batch in batches_of(job, seed, splits.train):
            optimizer.zero_grad(set_to_none=True)
            loss_of(*batch).backward()
            optimizer.step()
            steps += 1
        if device == "cuda":
            torch.cuda.synchronize()
        seconds = perf_counter() - start
        return Sample(num_samples(job, steps), seconds, accuracy(model, splits.test))

    return work
