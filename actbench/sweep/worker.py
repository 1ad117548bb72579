"""In a worker: it ends with the command that started it, and when a scheduler ends it that is no failure."""

import functools
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


@functools.cache
def end_with_the_command() -> None:
    """In a worker, watch the command that started it: when that is gone, nobody waits for what is measured here.

    A worker may end at any moment, since a run lands whole or not at all. Ctrl-C is for the command, which ends it.
    """
    command = multiprocessing.parent_process()

    def watch() -> None:
        while os.getppid() == command.pid:  # type: ignore[union-attr]
            time.sleep(1)
        os._exit(1)

    if command is not None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        threading.Thread(target=watch, daemon=True).start()


class _Ended(BaseException):
    """No failure of a run, which catches those: what a scheduler's handler raised stands behind it."""


@contextmanager
def ended_by_a_scheduler() -> Iterator[None]:
    """submitit ends a job at its time limit by what its handler of a signal raises, wherever the run is just then.

    That is not the run's failure: its checkpoint stays.
    """

    def telling(handler: Callable[[int, FrameType | None], Any]) -> Callable[[int, FrameType | None], None]:
        def tell(number: int, frame: FrameType | None) -> None:
            try:
                handler(number, frame)
            except (Exception, SystemExit) as raised:
                raise _Ended from raised

        return tell

    found = {number: signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGUSR2)}
    handlers = {number: handler for number, handler in found.items() if callable(handler)}
    for number, handler in handlers.items():
        signal.signal(number, telling(handler))
    try:
        yield
    except _Ended as ended:
        raise ended.__cause__ from None  # type: ignore[misc]
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
