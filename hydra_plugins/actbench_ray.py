"""Hydra's launcher on Ray: each run of a sweep is a task of a cluster. Hydra finds launchers in this package only.

hydra-ray-launcher 1.2.2 cannot be used: it wants cloudpickle<3 where joblib wants 3 or later, it gives ray.init an
object_store_memory, with which Ray refuses to join a cluster, and its runs land in the folder where a node was started.
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
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict


class RayLauncher(Launcher):
    """Runs of `num_cpus` and `num_gpus` each, on the cluster at `address`, or on a new one of this machine: local."""

    def __init__(self, *, address: str, num_cpus: float, num_gpus: float) -> None:
        self._address, self._resources = address, {"num_cpus": num_cpus, "num_gpus": num_gpus}

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        if not importlib.util.find_spec("ray"):
            from actbench.command.errors import needs_package

            raise needs_package("hydra/launcher=ray", "ray")
        self._hydra_context, self._task_function, self._config = hydra_context, task_function, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        import ray  # here, since Hydra imports its launchers at every start

        setup_globals()
        configs = [self._composed(overrides, num) for num, overrides in enumerate(job_overrides, initial_job_idx)]
        own = {name: value for name, value in os.environ.items() if name.startswith("ACTBENCH_")}
        if self._address != "local":
            _check_answers(self._address)
        before = signal.getsignal(signal.SIGTERM)
        cluster = ray.init(self._address, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        signal.signal(signal.SIGTERM, before)  # Ray's own would end the command without a word
        with cluster:  # when the command has left, however it left, Ray ends its tasks
            task = ray.remote(**self._resources)(_run)
            common = ray.put((os.getcwd(), own, self._hydra_context, self._task_function, Singleton.get_state()))
            return ray.get([task.remote(config, common) for config in configs])

    def _composed(self, overrides: Sequence[str], num: int) -> DictConfig:
        config = self._hydra_context.config_loader.load_sweep_config(self._config, list(overrides))
        with open_dict(config):
            config.hydra.job.id, config.hydra.job.num = str(num), num
        return config


def _check_answers(address: str) -> None:
    """Something listens at HOST:PORT; without that Ray would try for a quarter of an hour."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, ValueError) as error:
        from actbench.command.options import ConfigError

        raise ConfigError(
            f"No Ray cluster answers at hydra.launcher.address={address}: start one with ray start --head and give "
            "the HOST:PORT of its head, or leave the address out."
        ) from error


def _run(config: DictConfig, common: tuple[str, dict[str, str], HydraContext, TaskFunction, Any]) -> JobReturn:
    """One run, in a worker: in the command's folder and with its settings, which a node does not inherit."""
    folder, own, hydra_context, task_function, singletons = common
    os.chdir(folder)
    os.environ.update(own)
    setup_globals()
    Singleton.set_state(singletons)
    HydraConfig.instance().set_config(config)
    return run_job(
        task_function=task_function,
        config=config,
        job_dir_key="hydra.sweep.dir",
        job_subdir_key="hydra.sweep.subdir",
        hydra_context=hydra_context,
    )
