"""CIFAR-10 to 90 %: this package's experiment beside the usual tutorial, whose steps are timed and scaled."""

from collections.abc import Callable, Iterator
from functools import partial
from time import perf_counter

import torch
import torchvision
from torch import nn

from actbench.command import compose
from actbench.command.job import Job
from benchmarks.speed import loops
from benchmarks.speed.harness import Arm, Sample, Train

# Lightning's "CIFAR10 ~94% Baseline Tutorial" (Lightning-AI/tutorials, lightning_examples/cifar10-baseline):
# torchvision's ResNet-18 for small images, batches of 64 of 45,000 images, SGD with OneCycleLR, "92-93% accuracy in
# 20-30 epochs": at most 20 to 90 %.
EPOCHS, BATCH_SIZE, NUM_TRAIN = 20, 64, 45_000
STEPS = 4  # that are timed, of either
AIM = 20.0
_TUTORIAL = "ResNet-18 tutorial"


def arms(job: Job, seed: int, *, train: Train) -> Iterator[Arm]:
    """Training alone, without evaluation, one thread each; work is a training to the end of its epochs."""
    case = "cifar10 to 90 %"
    yield Arm(case, "cifar10_conv", "trainings", partial(_ours, job, seed, train), {_TUTORIAL: AIM})
    yield Arm(case, _TUTORIAL, "trainings", partial(_tutorial, seed))


def _ours(job: Job, seed: int, train: Train) -> Callable[[], Sample]:
    """An epoch of a few steps, with augmentation and schedule, by the run's own clock."""
    whole = compose.job_from(["+experiment=cifar10_conv", "+act=relu", "probes=none", f"threads={job.config.threads}"])
    epochs, size = whole.config.train.epochs, whole.config.train.batch_size
    whole.config.train.epochs, whole.config.data.num_train = 1, STEPS * size

    def work() -> Sample:
        _, history = train(whole, seed)
        return Sample(1, history.train_seconds / history.step * epochs * (NUM_TRAIN // size))

    return work


def _tutorial(seed: int) -> Callable[[], Sample]:
    """Steps on random images of CIFAR-10's shape, which take as long; without the loader, which has processes there."""
    model = torchvision.models.resnet18(num_classes=10)
    model.conv1 = nn.Conv2d(3, 64, kernel_size=3, padding=1, bias=False)
    model.maxpool = nn.Identity()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
    draws = torch.Generator().manual_seed(seed)
    images = torch.randn(BATCH_SIZE, 3, 32, 32, generator=draws)
    labels = torch.randint(10, (BATCH_SIZE,), generator=draws)
    loops.step(model, optimizer, images, labels)  # allocates

    def work() -> Sample:
        start = perf_counter()
        for _ in range(STEPS):
            loops.step(model, optimizer, images, labels)
        return Sample(1, (perf_counter() - start) / STEPS * EPOCHS * (NUM_TRAIN // BATCH_SIZE))

    return work
