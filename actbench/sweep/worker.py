"""In a worker: it ends with the command that started it."""

import functools
import multiprocessing
import os
import signal
import threading
import time


@functools.cache
def end_with_the_command() -> None:
    """Watch the command that started this process: when that is gone, nobody waits for what is measured here.

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
