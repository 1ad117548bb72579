"""The cases: two networks on their data sets, as the published sweeps train them, and what arms need of a case."""

from collections.abc import Iterator
from dataclasses import replace

import torch
from omegaconf import DictConfig, OmegaConf
from torch import nn

from actbench.command.job import Job
from actbench.command.options import options
from actbench.measure import build, environment
from actbench.measure.data.splits import Split, Splits, sizes, split

# As in the experiments mnist_mlp and mnist_cnn.
NETS = {"mlp": {"depth": 4}, "cnn": {"widths": [16, 32, 64]}}


def job_of(job: Job, case: str, *, probes: str = "none") -> Job:
    """The classification job of a case such as mnist/cnn, with the command's other settings."""
    data, model = case.split("/")
    config = DictConfig(OmegaConf.to_container(job.config))
    choices = {"data": data, "model": model, "task": "classification", "probes": probes}
    for group, choice in choices.items():
        config[group] = OmegaConf.load(options(group)[choice])
    config.data.num_train = job.config.data.num_train
    if "root" in config.data and "root" in job.config.data:
        config.data.root = job.config.data.root
    config.model.update(NETS[model])
    OmegaConf.resolve(config)
    return replace(job, config=config, choices=job.choices | choices)


def cases(job: Job) -> Iterator[tuple[str, Job]]:
    """Each case of the command, in words, with its job."""
    for case in job.config.task.cases:
        yield case.replace("/", ", "), job_of(job, case)


def one_of_each_net(job: Job) -> Iterator[tuple[str, Job]]:
    """The first case of each network, for comparisons in which the data set makes little difference."""
    models: set[str] = set()
    for case, case_job in cases(job):
        if case_job.choices["model"] not in models:
            models.add(case_job.choices["model"])
            yield case, case_job


def splits_of(job: Job, seed: int) -> Splits:
    """The splits of a seed, drawn as a run draws them."""
    data = job.config.data
    device = environment.device(job.config.device)
    return split(build.source(data), **sizes(data), standardize=data.standardize, seed=seed, device=device)


def model_of(job: Job, seed: int, splits: Splits) -> nn.Module:
    """The model with the initial weights of a seed."""
    device = environment.device(job.config.device)
    return build.model(job.config, splits.train, seed=seed, on=device)


@torch.no_grad()
def accuracy(model: nn.Module, test: Split) -> float:
    """Fraction of correct answers."""
    model.eval()
    correct = [(model(images).argmax(1) == labels).sum() for images, labels in test.in_turn(1000)]
    model.train()
    return float(sum(correct) / len(test.labels))
