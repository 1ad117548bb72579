"""What Hydra calls for each run: a single run's command in full, or one run of a sweep."""

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

from actbench.command import compose, options
from actbench.command.options import ConfigError


def hydra_job(config: DictConfig) -> None:
    """Check, measure and report a single run, and exit with its code; of a sweep, measure one run.

    A single run exits, since Hydra prints a line of its own about an exception.
    """
    if HydraConfig.get().mode == RunMode.MULTIRUN:
        _measure(config)
        return
    try:
        job = compose.job_of(config)
        from actbench.measure import preflight, run
        from actbench.sweep.outcome import carry_out
        from actbench.sweep.progress import runs_of, say, say_notes

        preflight.check([job])
        for sentence in run.renew([job]):
            say(sentence)
        say_notes([job])
        sys.exit(carry_out(runs_of([job]), lambda: run.run(job, show_progress=True)))
    except ConfigError as error:
        print(f"actbench: {error}", file=sys.stderr)
        sys.exit(2)


def _measure(config: DictConfig) -> None:
    from actbench.measure import preflight, run

    end_with_the_command()
    sources = HydraConfig.get().runtime.config_sources
    options.use_config_dir(next((s.path for s in sources if s.provider == "command-line"), None))
    job = compose.job_of(config)
    preflight.check_worker(job)
    run.run(job, show_progress=False)


@functools.cache
def end_with_the_command() -> None:
    """End this worker when the command that started it is gone. Ctrl-C is left to the command.

    A worker may end at any moment, since a run lands whole or not at all.
    """
    command = multiprocessing.parent_process()

    def watch() -> None:
        while os.getppid() == command.pid:  # type: ignore[union-attr]
            time.sleep(1)
        os._exit(1)

    if command is not None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        threading.Thread(target=watch, daemon=True).start()
