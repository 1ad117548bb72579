"""The command: python -m actbench +act=mish."""

import contextlib
import os
import signal
import sys
from pathlib import Path

from actbench import __version__

_received: list[int] = []  # a launcher may raise a KeyboardInterrupt of its own for a signal


def main(argv: list[str] | None = None) -> int:
    """Run a command line; the code is 0 done, 1 a run failed, 2 it is not valid, 130 Ctrl-C.

    SIGTERM and SIGHUP, of a scheduler or a closed terminal, end it as Ctrl-C does: 143 or 129.
    """
    argv = sys.argv[1:] if argv is None else argv
    from actbench.command.options import ConfigError

    _received[:] = [signal.SIGINT]
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # under nohup it is ignored, and stays so
            signal.signal(number, _stop)
    try:
        if {"--help", "-h", "--version"} & set(argv):
            from actbench.command.help import text

            with contextlib.suppress(BrokenPipeError):  # --help | head
                print(f"actbench {__version__}" if "--version" in argv else text(argv), flush=True)
            return 0
        return _run(argv)
    except ConfigError as error:
        print(f"actbench: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        print(f"actbench: {str(stop) or 'Stopped before the first run.'}", file=sys.stderr)
        return 128 + _received[-1]  # as a shell tells it


def _stop(number: int, frame: object) -> None:
    _received.append(number)
    raise KeyboardInterrupt


def _run(argv: list[str]) -> int:
    """Let Hydra compose the command and call `hydra_job`, or the sweeper of several."""
    sys.path.insert(0, str(Path.cwd()))  # the user's own activation may lie in the working folder
    import hydra

    from actbench.command import line, options
    from actbench.command.errors import translated_errors
    from actbench.sweep.entry import hydra_job

    line.register(argv)
    sys.argv[1:] = line.hydra_arguments(argv)
    # A run records its own failure. Any other exception is a defect of ours: Hydra shows all of it.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        with translated_errors(argv):
            start = hydra.main(str(options.CONF), config_name="config", version_base="1.3")
            start(hydra_job)()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
