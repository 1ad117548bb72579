"""What a sweep's launcher is told beside the command line: workers, the device, a folder of its own."""

import os
import time

import joblib

from actbench import build, landing
from actbench.plan import Command


def overrides(command: Command) -> list[str]:
    """Hydra's overrides that follow from the machine and the command, none of which the command gives."""
    return [*workers(command), *same_device(command), *own_folder(command)]


def workers(command: Command) -> list[str]:
    """Sweeps use as many workers as cores have room for their threads, unless the command says otherwise; on a GPU one,
    and one where speed is compared: its jobs would slow each other.
    """
    given = _given(command)
    chosen = given.get("hydra/launcher", "joblib") != "joblib" or "hydra.launcher.n_jobs" in given
    alone = any(
        job.choices["task"] == "speed" or build.device(job.config.device).type == "cuda" for job in command.jobs
    )
    if not command.sweep or chosen:
        return []
    threads = max(job.config.threads for job in command.jobs)
    return [f"hydra.launcher.n_jobs={1 if alone else max(1, joblib.cpu_count() // threads)}"]


def same_device(command: Command) -> list[str]:
    """A sweep's auto is told here, once: a worker that sees another device would measure other runs."""
    if not command.sweep or {job.config.device for job in command.jobs} != {"auto"}:
        return []
    return [f"device={build.device('auto')}"]


def own_folder(command: Command) -> list[str]:
    """submitit names the files of a job on this machine by its process alone, and containers may share a home."""
    given = _given(command)
    if given.get("hydra/launcher") != "submitit_local" or "hydra.launcher.submitit_folder" in given:
        return []
    alone = f"{landing.HERE}.{os.getpid()}.{time.time_ns()}"
    return [f"hydra.launcher.submitit_folder=${{hydra.sweep.dir}}/.submitit/{alone}/%j"]


def elsewhere(command: Command) -> bool:
    """Whether runs are made on other machines, which may have a GPU where this one has none."""
    given = _given(command)
    launcher, joins = given.get("hydra/launcher"), "hydra.launcher.address" in given
    return launcher in ("slurm", "submitit_slurm") or (launcher == "ray" and joins)


def _given(command: Command) -> dict[str, str]:
    return dict(text.lstrip("+").partition("=")[::2] for text in command.argv)
