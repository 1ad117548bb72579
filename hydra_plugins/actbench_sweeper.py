"""Hydra's sweeper of actbench: jobs are checked before the first starts, measured ones left out.

Hydra imports its plugins at every start, so that torch is imported later.
"""

import contextlib
import io
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

from actbench.command import compose


class ActbenchSweeper(BasicSweeper):
    """Hydra's basic sweeper; the command line may replace an experiment's axes, its `params`."""

    def setup(self, **given: Any) -> None:
        self._given = given

    def sweep(self, arguments: list[str]) -> Any:
        """Measure what is missing and conclude.

        Raises:
            ConfigError: If a job cannot be meant or cannot run.
            SystemExit: With the command's code.
        """
        config, loader = self._given["config"], self._given["hydra_context"].config_loader
        lines = compose.sweep(loader, config)

        from actbench.measure import check
        from actbench.measure.identity import run_id
        from actbench.sweep import conclude, launch, progress

        jobs = [job for _, job in lines]
        check.check(jobs, elsewhere=launch.is_elsewhere(config.hydra))
        runs = progress.runs_of(jobs)
        done = progress.finished(runs)
        progress.announce(jobs, num_runs=len(runs), num_done=len(done))
        launch.set_launcher(config.hydra, jobs)
        device = launch.device_override(jobs)
        waiting = [[*line, *device] for line, job in lines if (job.folder, run_id(job)) not in done]

        def start() -> None:
            with progress.bar(runs):
                self._launch(waiting)

        raise SystemExit(conclude.carry_out(runs, start))

    def _launch(self, lines: list[list[str]]) -> None:
        """Start the jobs, as many at a time as the command allows, and wait for them."""
        super().setup(**self._given)  # only now, as what the launcher is given depends on the jobs
        assert self.launcher is not None
        at_once = self.max_batch_size or len(lines)
        for first in range(0, len(lines), at_once or 1):
            ended = self.launcher.launch(lines[first : first + at_once], initial_job_idx=first)
            with contextlib.redirect_stderr(io.StringIO()):  # Hydra's line for what is raised
                for job in ended:
                    _ = job.return_value
