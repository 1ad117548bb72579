"""Hydra's launcher on Ray: each run of a sweep is a task of a cluster.

hydra-ray-launcher 1.2.2 needs cloudpickle<3 (joblib 3), cannot join a cluster since it sets
object_store_memory, and writes results where a node was started.
"""

import importlib.util
import os
import signal
import socket
from collections.abc import Sequence
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig, open_dict

from actbench.command.errors import NEEDS_PACKAGE
from actbench.command.options import ConfigError


class RayLauncher(Launcher):
    """Runs of `num_cpus` and `num_gpus` each, on the cluster at `address`, or on this machine: local."""

    def __init__(self, *, address: str, num_cpus: float, num_gpus: float) -> None:
        self._address = address
        self._resources = {"num_cpus": num_cpus, "num_gpus": num_gpus}

    def setup(self, **context: Any) -> None:
        if not importlib.util.find_spec("ray"):
            raise ConfigError(NEEDS_PACKAGE.format("hydra/launcher=ray", "ray"))
        self._context = context

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Any:
        import ray

        setup_globals()
        context, sweep = self._context["hydra_context"], self._context["config"]
        configs = [context.config_loader.load_sweep_config(sweep, list(o)) for o in job_overrides]
        for num, config in enumerate(configs, initial_job_idx):
            with open_dict(config):
                config.hydra.job.id, config.hydra.job.num = str(num), num
        settings = {k: value for k, value in os.environ.items() if k.startswith("ACTBENCH_")}
        if self._address != "local":
            _check_answers(self._address)
        before = signal.getsignal(signal.SIGTERM)
        quiet = {"include_dashboard": False, "log_to_driver": False, "logging_level": "ERROR"}
        cluster = ray.init(self._address, **quiet)
        signal.signal(signal.SIGTERM, before)  # Ray's own would end the command without a word
        with cluster:  # when the command has left, however it left, Ray ends its tasks
            run = ray.remote(**self._resources)(_run)
            task = self._context["task_function"]
            common = ray.put((os.getcwd(), settings, context, task, Singleton.get_state()))
            return ray.get([run.remote(config, common) for config in configs])


def _check_answers(address: str) -> None:
    """Raise a ConfigError if nothing listens at HOST:PORT: Ray would try for a quarter of an hour."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, ValueError) as error:
        start = "start one with ray start --head and give the HOST:PORT of its head"
        where = f"hydra.launcher.address={address}: {start}, or leave the address out."
        raise ConfigError(f"No Ray cluster answers at {where}") from error


def _run(config: DictConfig, common: tuple) -> JobReturn:
    """One run, in a worker: in the command's folder and with its settings, which a node lacks."""
    folder, settings, context, task, singletons = common
    os.chdir(folder)
    os.environ.update(settings)
    setup_globals()
    Singleton.set_state(singletons)
    HydraConfig.instance().set_config(config)
    return run_job(task, config, "hydra.sweep.dir", "hydra.sweep.subdir", context)
