"""What Hydra calls for each run: the whole of a single run's command, or in a sweep one run in a worker."""

import sys

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from actbench.command import compose
from actbench.command.options import ConfigError


def job(config: DictConfig) -> None:
    """Check, measure and conclude the run; in a sweep, whose sweeper does the rest, only measure it.

    It exits with the run's code, as Hydra has a line of its own for an exception and returns nothing.
    """
    hydra = HydraConfig.get()
    if hydra.mode == RunMode.MULTIRUN:
        _measure(config)
        return
    try:
        asked = compose.job_of(config, hydra)
        from actbench.measure import run
        from actbench.sweep import preflight
        from actbench.sweep.conclude import carry_out
        from actbench.sweep.progress import by_folder

        preflight.check([asked])
        sys.exit(carry_out(by_folder([asked]), lambda: run.run(asked, show_progress=True)))
    except ConfigError as error:
        print(f"actbench: {error}", file=sys.stderr)
        sys.exit(2)


def _measure(config: DictConfig) -> None:
    """One run of a sweep, in this process or in a worker."""
    from actbench.measure import run
    from actbench.sweep import preflight, worker

    worker.end_with_the_command()
    asked = compose.job_of(config, HydraConfig.get())
    preflight.check_worker(asked)
    with worker.ended_by_a_scheduler():
        run.run(asked, show_progress=False)
