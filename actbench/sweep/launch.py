"""Settings of a sweep's launcher that the command leaves open: workers, device, a folder."""

import os
import time
from collections.abc import Sequence

import joblib
from omegaconf import DictConfig, open_dict, read_write

from actbench.command.check import key_of
from actbench.command.job import Job
from actbench.measure.environment import device
from actbench.tables.atomic import HERE


def set_launcher(hydra: DictConfig, jobs: Sequence[Job]) -> None:
    """Set in Hydra's node what follows from the machine and the jobs, unless the command sets it.

    joblib has as many workers as the cores have room for their threads, and one on a GPU. submitit
    names a job's files by its process alone, and containers may share a home, so that each command
    needs a folder.
    """
    launcher = hydra.runtime.choices["hydra/launcher"]
    overrides = set(map(key_of, hydra.overrides.hydra))
    with read_write(hydra), open_dict(hydra):
        if launcher == "joblib" and "hydra.launcher.n_jobs" not in overrides:
            on_gpu = any(device(job.config.device).type != "cpu" for job in jobs)
            threads = max(job.config.threads for job in jobs)
            hydra.launcher.n_jobs = 1 if on_gpu else max(1, joblib.cpu_count() // threads)
        if launcher == "submitit_local" and "hydra.launcher.submitit_folder" not in overrides:
            name = f"{HERE}.{os.getpid()}.{time.time_ns()}"
            hydra.launcher.submitit_folder = f"${{hydra.sweep.dir}}/.submitit/{name}/%j"


def device_override(jobs: Sequence[Job]) -> list[str]:
    """What device=auto means, resolved once: a worker with another device would run other jobs."""
    return [f"device={device('auto')}"] if {job.config.device for job in jobs} == {"auto"} else []


def is_elsewhere(hydra: DictConfig) -> bool:
    """Whether runs go to other machines, which may have a GPU where this one has none."""
    is_local = hydra.launcher.get("address") == "local"  # Ray's
    launcher = hydra.runtime.choices["hydra/launcher"]
    return launcher in ("slurm", "submitit_slurm", "ray") and not is_local
