"""The command: python -m actbench +act=mish."""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

USAGE = """Usage: python -m actbench +act=NAME [KEY=VALUE ...]         one run: a pack of seeds, a report
       python -m actbench -m +act=A,B [KEY=V,W ...]          a sweep over all combinations, on every core
       python -m actbench +experiment=NAME [KEY=VALUE ...]   a question from experiments/
       python -m actbench +act=custom act._target_=FILE.FUNCTION +act.PARAMETER=VALUE     your own activation
       python -m actbench.report FOLDER ...                  a report again, or one over several folders
       python -m actbench.catalogue [+act=NAME]              what is computed of a function; --cost: its time
       python -m actbench.ledger                             every claim decided from what is published"""


def main(argv: list[str] | None = None) -> int:
    """Run a command line; the exit code is 0 done, 1 a run failed, 2 the command cannot be meant, 130 Ctrl-C.

    What a scheduler or a terminal that closes sends, SIGTERM or SIGHUP, ends it as Ctrl-C does, with 143 or 129.
    """
    argv = sys.argv[1:] if argv is None else argv
    if {"--help", "-h"} & set(argv):
        from actbench.command.help import text

        with contextlib.suppress(BrokenPipeError):  # --help | head
            print(f"{USAGE}\n\n{text()}", flush=True)
        return 0
    if "--version" in argv:
        from actbench import __version__

        print(f"actbench {__version__}")
        return 0
    from actbench.command.options import ConfigError

    received: list[int] = []
    try:
        with _stopped_by(signal.SIGTERM, signal.SIGHUP, received=received):
            return _run(argv)
    except ConfigError as error:
        print(f"actbench: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        print(f"actbench: {str(stop) or 'Stopped before the first run.'}", file=sys.stderr)
        return 128 + (received[0] if received else signal.SIGINT)  # as a shell tells it


@contextlib.contextmanager
def _stopped_by(*signals: signal.Signals, received: list[int]) -> Iterator[None]:
    """These signals are a KeyboardInterrupt; one that is ignored, as under nohup, stays so.

    Which it was is `received`: a launcher may raise a KeyboardInterrupt of its own in the place of this one.
    """

    def stop(number: int, frame: object) -> None:
        received.append(number)
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in signals}
    for number, handler in before.items():
        if handler is signal.SIG_DFL:
            signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is signal.SIG_DFL:
                signal.signal(number, handler)


def _run(argv: list[str]) -> int:
    """Let Hydra compose the command and call the job, or the sweeper of its jobs."""
    sys.path.insert(0, str(Path.cwd()))  # the user's own activation may lie in the working folder
    import hydra
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from actbench.command.errors import explained
    from actbench.command.line import assignments, hydra_arguments, register
    from actbench.command.options import CONF
    from actbench.sweep.job import job

    register(argv)
    before, sys.argv = sys.argv, [sys.argv[0], *hydra_arguments(argv)]
    # Jobs catch their own failures; whatever else is raised is a defect of ours and is shown whole.
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    try:
        hydra.main(config_path=str(CONF), config_name="config", version_base="1.3")(job)()
    except (HydraException, OmegaConfBaseException) as error:
        raise explained(error, assignments(argv)) from error
    except SystemExit as ended:
        return int(ended.code or 0)
    finally:
        sys.argv = before
    return 0


if __name__ == "__main__":
    sys.exit(main())
