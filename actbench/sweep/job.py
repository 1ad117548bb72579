"""What Hydra calls for each run: the whole of a single run's command, or in a sweep one run in a worker."""

import sys

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from actbench.command import compose
from actbench.command.options import ConfigError


def job(config: DictConfig) -> None:
    """Check, measure and conclude the run; in a sweep, whose sweeper does the rest, only measure it.

    It exits with the run's code, since Hydra has a line of its own for an exception and returns nothing.
    """
    hydra = HydraConfig.get()
    if hydra.mode == RunMode.MULTIRUN:
        _measure(config)
        return
    try:
        run_job = compose.job_of(config, hydra)
        from actbench.measure import check, run
        from actbench.sweep import conclude, progress

        check.check([run_job])
        runs = progress.by_folder([run_job])
        sys.exit(conclude.carry_out(runs, lambda: run.run(run_job, show_progress=True)))
    except ConfigError as error:
        print(f"actbench: {error}", file=sys.stderr)
        sys.exit(2)


def _measure(config: DictConfig) -> None:
    """One run of a sweep, in this process or in a worker."""
    from actbench.measure import check, run
    from actbench.sweep.worker import end_with_the_command

    end_with_the_command()
    run_job = compose.job_of(config, HydraConfig.get())
    check.check_worker(run_job)
    run.run(run_job, show_progress=False)
