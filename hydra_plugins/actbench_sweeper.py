"""Hydra's sweeper of actbench: it checks all jobs before it starts the first, and skips measured ones.

Hydra imports its plugins at every start, so torch is imported later.
"""

import contextlib
import io
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

from actbench.command import compose
from actbench.command.compose import Lines
from actbench.command.options import ConfigError


class ActbenchSweeper(BasicSweeper):
    """Hydra's basic sweeper; the command line may replace `params`, the axes of an experiment."""

    def setup(self, **context: Any) -> None:
        self._context = context

    def sweep(self, arguments: list[str]) -> Any:
        """Measure what is missing, report, and exit; a ConfigError if a job is not valid or cannot run."""
        config, loader = self._context["config"], self._context["hydra_context"].config_loader
        if (n := self.max_batch_size) is not None and not (type(n) is int and n > 0):
            raise ConfigError(f"hydra.sweeper.max_batch_size={n} must be a whole number, 1 or more.")
        lines = compose.jobs_of_sweep(loader, config, arguments)
        self._check(lines)

        from actbench.measure import preflight, run
        from actbench.sweep import launch, outcome, progress

        jobs = [job for _, job in lines]
        preflight.check(jobs, elsewhere=launch.is_elsewhere(config.hydra))
        for sentence in run.renew(jobs):
            progress.say(sentence)
        launch.set_launcher(config.hydra, jobs)
        runs: progress.Runs = set()
        raise SystemExit(outcome.carry_out(runs, lambda: self._measure(lines, runs)))

    def _check(self, lines: Lines) -> None:
        """Raise a ConfigError if the jobs are not what this sweeper measures."""

    def _measure(self, lines: Lines, runs: set) -> None:
        """Add the runs of these jobs to `runs`, and measure those that are missing."""
        from actbench.measure.identity import run_id
        from actbench.sweep import launch, progress

        jobs = [job for _, job in lines]
        added = progress.runs_of(jobs)
        runs |= added
        done = progress.finished(added)
        progress.announce(jobs, num_runs=len(added), num_done=len(done))
        device = launch.device_override(jobs)
        # The shared track first: where another track has its setting, that run's numbers are taken.
        ordered = sorted(lines, key=lambda line: line[1].choices["track"] != "shared")
        waiting: dict[tuple, list[str]] = {}  # several lines may ask for one run
        for line, job in ordered:
            waiting.setdefault((job.folder, run_id(job)), [*line, *device])
        new = [line for run, line in waiting.items() if run not in done]
        with progress.bar(added):
            self._launch(new)

    def _launch(self, lines: list[list[str]]) -> None:
        """Launch the jobs, as many at a time as the command allows, and wait for them."""
        super().setup(**self._context)  # only now: the launcher's settings depend on the jobs
        size = self.max_batch_size or len(lines) or 1
        for n in range(0, len(lines), size):
            ended = self.launcher.launch(lines[n : n + size], n)  # type: ignore[union-attr]
            with contextlib.redirect_stderr(io.StringIO()):  # Hydra's line about an exception
                for job in ended:
                    _ = job.return_value
