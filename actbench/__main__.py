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
       python -m actbench.report PATH                        a results folder's report again, from its tables
       python -m actbench.properties [+act=NAME]             what is computed of a function
       python -m actbench.cost [NAME ...]                    time and memory against ReLU
       python -m actbench.tuning PATH                        the learning rates that a tuning experiment chose"""


# What the launchers raise then, by package and name: submitit and Ray are extras.
_WORKER_GONE = {
    "joblib": ("TerminatedWorkerError",),
    "submitit": ("UncompletedJobError", "FailedJobError"),
    "ray": ("WorkerCrashedError", "NodeDiedError", "OutOfMemoryError", "LocalRayletDiedError"),
}


def job(config) -> None:
    """What Hydra calls for each run, in this process or in a worker."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    from actbench import plan, preflight, run, sweep

    sweep.end_with_the_command()
    hydra = HydraConfig.get()
    asked = plan.job_of(config, dict(hydra.runtime.choices))
    preflight.check_worker(asked)
    with sweep.ended_by_a_scheduler():
        run.run(asked, show_progress=hydra.mode == RunMode.RUN)


def main(argv: list[str] | None = None) -> int:
    """Run a command line; the exit code is 0 done, 1 a run failed, 2 the command cannot be meant, 130 Ctrl-C.

    What a scheduler or a terminal that closes sends, SIGTERM or SIGHUP, ends it as Ctrl-C does, with 143 or 129.
    """
    argv = sys.argv[1:] if argv is None else argv
    if "--help" in argv or "-h" in argv:
        from actbench.help import text

        with contextlib.suppress(BrokenPipeError):  # --help | head
            print(f"{USAGE}\n\n{text()}", flush=True)
        return 0
    from actbench.config import ConfigError

    received: list[int] = []
    try:
        with _stopped_by(signal.SIGTERM, signal.SIGHUP, received=received):
            return _run(argv, received)
    except ConfigError as error:
        print(f"actbench: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("actbench: Stopped before the first run.", file=sys.stderr)
        return _code(received)


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


def _code(received: list[int]) -> int:
    """128 and the signal, as a shell tells it."""
    return 128 + (received[0] if received else signal.SIGINT)


def _run(argv: list[str], received: list[int]) -> int:
    """Read, check, run, report; the signals that are `received` meanwhile end it."""
    sys.path.insert(0, str(Path.cwd()))  # the user's own activation may lie in the working folder
    from actbench import plan

    command = plan.read(argv)
    if plan.asks_only(argv):
        _hand_to_hydra(argv)
        return 0

    from actbench import launching, preflight, sweep

    preflight.check(command.jobs, elsewhere=launching.elsewhere(command))
    with contextlib.suppress(OSError):  # nobody reads, or it goes into a file on a full disk: that stops no run
        sweep.tell_plan(command)
    try:
        with sweep.progress(command):
            _hand_to_hydra([*command.argv, *launching.overrides(command)])
        return _concluded(command)
    except KeyboardInterrupt:
        why, code = "Stopped", _code(received)
    except OSError as error:  # what a run raises is caught and recorded there; this is what could not be
        why, code = f"Results cannot be written ({error}): mend that first", 1
    except Exception as error:
        package = type(error).__module__.partition(".")[0]
        if type(error).__name__ not in _WORKER_GONE.get(package, ()):
            raise
        why, code = "A worker was killed: by hand, at a time limit, or by a system that is out of memory", 1
        if package != "joblib":  # these know more, where the log lies and whether it was something else
            print(f"{package}: {error}", file=sys.stderr)
    print(f"actbench: {why}. {sweep.so_far(command)}", file=sys.stderr)
    return code


def _concluded(command) -> int:
    """Tell and write what came out; it is written all the same where nobody reads on, as behind `| head`."""
    from actbench import sweep

    for unread in (sys.stdout, sys.stderr):
        try:
            code = sweep.conclude(command)
            sys.stdout.flush()
            return code
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), unread.fileno())
    return sweep.conclude(command)


def _hand_to_hydra(argv: list[str]) -> None:
    """Let Hydra run the jobs here or through the launcher, or print what it was asked for."""
    import hydra

    from actbench.config import CONF

    before, sys.argv = sys.argv, [sys.argv[0], *argv]
    # Jobs catch their own failures; whatever else is raised is a defect of ours and is shown whole.
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    try:
        hydra.main(config_path=str(CONF), config_name="config", version_base="1.3")(job)()
    finally:
        sys.argv = before


if __name__ == "__main__":
    sys.exit(main())
