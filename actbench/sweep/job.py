"""What Hydra calls for each run: the whole of a single run's command, or in a sweep one run in a worker."""

import functools
import multiprocessing
import os
import signal
import sys
import threading
import time

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from actbench.command import compose
from actbench.command.options import ConfigError


def job(config: DictConfig) -> None:
    """Check, measure and conclude the run; in a sweep, whose sweeper does the rest, only measure it.

    It exits with the run's code, since Hydra has a line of its own for an exception.
    """
    is_sweep = HydraConfig.get().mode == RunMode.MULTIRUN
    try:
        own = compose.job_of(config)
        from actbench.measure import check, run

        if is_sweep:
            end_with_the_command()
            check.check_worker(own)
            run.run(own, show_progress=False)
            return
        from actbench.sweep.conclude import carry_out
        from actbench.sweep.progress import runs_of

        check.check([own])
        sys.exit(carry_out(runs_of([own]), lambda: run.run(own, show_progress=True)))
    except ConfigError as error:
        if is_sweep:  # its sweeper says it
            raise
        print(f"actbench: {error}", file=sys.stderr)
        sys.exit(2)


@functools.cache
def end_with_the_command() -> None:
    """Watch the command that started this worker: when that is gone, nobody waits for the run.

    A worker may end at any moment, since a run lands whole or not at all. Ctrl-C is for the command.
    """
    command = multiprocessing.parent_process()

    def watch() -> None:
        while os.getppid() == command.pid:  # type: ignore[union-attr]
            time.sleep(1)
        os._exit(1)

    if command is not None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        threading.Thread(target=watch, daemon=True).start()
