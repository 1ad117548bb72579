"""Hydra's sweeper of actbench: jobs are composed and checked before the first starts, measured ones are left out.

Hydra finds sweepers in this package only, and imports them at every start, so that torch is imported later.
"""

import contextlib
import io
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class ActbenchSweeper(BasicSweeper):
    """Hydra's basic sweeper; `params` are the axes of an experiment, which the command line may replace."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self._given: dict[str, Any] = {"hydra_context": hydra_context, "task_function": task_function, "config": config}

    def sweep(self, arguments: list[str]) -> Any:
        """Measure what is missing and conclude.

        Raises:
            ConfigError: If a job cannot be meant or cannot run.
            SystemExit: With the command's code.
        """
        from actbench.command import compose

        config = self._given["config"]
        jobs = compose.sweep(self._given["hydra_context"].config_loader, config, arguments)

        from actbench.measure import check
        from actbench.measure.identity import run_id
        from actbench.sweep import conclude, launch, progress

        every, hydra = [job for _, job in jobs], config.hydra
        check.check(every, elsewhere=launch.is_elsewhere(hydra))
        runs = progress.by_folder(every)
        done = progress.finished(runs)
        progress.announce(every, runs, done)
        launch.set_launcher(hydra, every)
        device = launch.device_override(every)
        waiting = [[*overrides, *device] for overrides, job in jobs if run_id(job) not in done[job.folder]]

        def start() -> None:
            with progress.bar(runs):
                self._launch(waiting)

        raise SystemExit(conclude.carry_out(runs, start))

    def _launch(self, jobs: list[list[str]]) -> None:
        """Start the jobs, as many at a time as the command allows, and wait for them."""
        super().setup(**self._given)  # only now, since what the launcher is given depends on the jobs
        assert self.launcher is not None
        done = 0
        for batch in self.split_overrides_to_chunks(jobs, self.max_batch_size) if jobs else ():
            ended = self.launcher.launch(batch, initial_job_idx=done)
            done += len(ended)
            with contextlib.redirect_stderr(io.StringIO()):  # Hydra has a line of its own for what is raised here
                for job in ended:
                    _ = job.return_value
