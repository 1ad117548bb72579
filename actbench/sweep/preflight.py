"""The checks before the first run that need torch: device, results folder, data, activation, model; each kind once."""

import json
import platform
import tempfile
from pathlib import Path

import torch
from omegaconf import OmegaConf

from actbench.command.job import Job
from actbench.command.options import ConfigError
from actbench.measure import environment
from actbench.measure.check import check_act, check_data, check_model


def check(jobs: list[Job], *, elsewhere: bool = False) -> None:
    """End with a ConfigError where one of the jobs cannot run; on what device is not known of those run elsewhere."""
    seen: set[str] = set()
    for job in jobs:
        for check_one, nodes in (
            *([] if elsewhere else [(_check_device, ["device"])]),
            (_check_output, ["output"]),
            (check_data, ["data", "train"]),
            (check_act, ["act"]),
            (check_model, ["act", "model", "norm", "init", "optim", "data", "task", "train", "device"]),
        ):
            concerned = OmegaConf.to_container(OmegaConf.masked_copy(job.config, nodes))
            key = json.dumps([check_one.__name__, concerned, job.choices["act"]], sort_keys=True)
            if key not in seen:
                seen.add(key)
                check_one(job)


def _check_device(job: Job) -> None:
    name = job.config.device
    if not _is_there(name):
        raise ConfigError(f"device={name}, but torch finds no such device here: give device=cpu or device=auto.")


def check_worker(job: Job) -> None:
    """End with a ConfigError where a worker has no such device, though the command's machine has."""
    if not _is_there(job.config.device):
        raise ConfigError(
            f"device={job.config.device}, but torch finds none in a worker on {platform.node()}: have the launcher "
            "give it one (hydra.launcher.gpus_per_node=1, with Ray hydra.launcher.num_gpus=1), or give device=cpu."
        )


def _is_there(device: str) -> bool:
    try:
        torch.empty(0, device=environment.device(device))
    except (RuntimeError, AssertionError):
        return False
    return True


def _check_output(job: Job) -> None:
    folder = job.folder.resolve()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not existing.is_dir():
        raise ConfigError(
            f"Results cannot be written to {job.folder}: {_shown(existing)} is a file. Give output.root=FOLDER."
        )
    try:
        tempfile.TemporaryFile(dir=existing).close()
    except OSError as error:
        raise ConfigError(
            f"Results cannot be written to {job.folder}: {_shown(existing)} is not writable ({error.strerror}). "
            "Give output.root=FOLDER."
        ) from None


def _shown(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) and path != Path.cwd() else path
