"""A command that is killed, interrupted or out of disk keeps what is done, says so, and goes on when given again."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from joblib.externals.loky.process_executor import TerminatedWorkerError

from actbench import __main__
from actbench.__main__ import main
from actbench.figures import style
from actbench.measure import checkpoint, identity, run
from actbench.report import console, statistics
from actbench.sweep import conclude, progress
from actbench.tables import atomic, parquet, schema, store

SMALL = ["num_seeds=1", "train.epochs=1", "data.num_train=64", "data.num_val=100", "data.num_test=100", "model.width=8",
         "model.depth=1", "probes=none"]  # fmt: skip
SWEEP = ["-m", "+act=relu,tanh", "hydra/launcher=basic", "device=cpu", *SMALL]
PLAN = "Sweep: 2 runs; each threads=1, device=cpu.\n"
KILLING = Path(__file__).with_name("killing.py")


def _raising(error: BaseException, *, at: int):
    """`run.run`, which ends with an error where it is called for the `at`-th time."""
    begun, run_it = [], run.run

    def raising(job, **given):
        begun.append(1)
        if len(begun) == at:
            raise error
        run_it(job, **given)

    return raising


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (KeyboardInterrupt(), 130, "Stopped"),
        (
            OSError(28, "No space left on device", "r/runs/.a"),
            1,
            "Results cannot be written ([Errno 28] No space left on device: 'r/runs/.a'): mend that first",
        ),
        (
            OSError(30, "Read-only file system"),
            1,
            "Results cannot be written ([Errno 30] Read-only file system): mend that first",
        ),
    ],
    ids=["Ctrl-C", "disk full", "read-only"],
)
def test_what_ends_a_sweep_is_one_sentence_and_what_is_done_is_kept(error, code, told, monkeypatch, capsys):
    litter = Path(f"results/adhoc/runs/.a.{2**40}@{atomic.HERE}")
    litter.mkdir(parents=True)
    with monkeypatch.context() as patched:
        patched.setattr(run, "run", _raising(error, at=2))
        assert main(SWEEP) == code
    out, err = capsys.readouterr()  # Hydra names the job that raised in a line of its own
    sentence = f"actbench: {told}. 1 of 2 runs is measured and kept: the same command goes on from there."
    assert (out, err.splitlines()[-1]) == (PLAN, sentence)
    (kept,) = Path("results/adhoc/runs").iterdir()
    before = (kept / "runs.parquet").read_bytes()

    assert main(SWEEP) == 0
    assert len(store.collect("results/adhoc").runs) == 2
    assert (kept / "runs.parquet").read_bytes() == before


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_what_a_scheduler_sends_ends_a_sweep_as_ctrl_c_does(sent, code, monkeypatch, capsys):
    begun, run_it = [], run.run
    before = signal.signal(sent, signal.SIG_DFL)  # under nohup it is ignored

    def stopped(job, **given):
        begun.append(1)
        if len(begun) == 2:
            os.kill(os.getpid(), sent)
        run_it(job, **given)

    monkeypatch.setattr(run, "run", stopped)
    assert main(SWEEP) == code
    signal.signal(sent, before)
    sentence = "actbench: Stopped. 1 of 2 runs is measured and kept: the same command goes on from there."
    assert capsys.readouterr().err.splitlines()[-1] == sentence


def test_a_signal_that_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    assert main(["+act=mishh"]) == 2
    assert signal.signal(signal.SIGHUP, before) is signal.SIG_IGN


def test_a_file_in_the_place_of_a_run_is_named(job_of, capsys):
    place = Path("results/adhoc/runs", identity.run_id(job_of("+act=relu", *SMALL)))
    place.parent.mkdir(parents=True)
    place.touch()
    assert main(["+act=relu", *SMALL]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"actbench: Results cannot be written ([Errno 20] Not a directory: '{place.parent}/.{place.name}.{os.getpid()}"
        f"@{atomic.HERE}' -> '{place}'): mend that first. 0 of 1 runs are measured and kept: the same command goes on "
        "from there."
    )


@pytest.mark.parametrize(
    ("reader", "unbuffered"),
    [
        ("head -1", "1"),
        pytest.param("true", "", marks=pytest.mark.slow),
        pytest.param("true", "1", marks=pytest.mark.slow),
    ],
)
def test_a_report_is_written_though_nobody_reads_on(reader, unbuffered, monkeypatch):
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    command = f"{sys.executable} -m actbench +act=relu {' '.join(SMALL)}; echo $? > code"
    done = subprocess.run(["sh", "-c", f"({command}) | {reader}"], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert Path("code").read_text() == "0\n"
    assert Path("results/adhoc/report.html").is_file()


def _error(name: str, module: str) -> type[Exception]:
    return type(name, (Exception,), {"__module__": module})


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TerminatedWorkerError, ""),
        (_error("UncompletedJobError", "submitit.core.utils"), "submitit: SIGKILL\n"),
        (_error("NodeDiedError", "ray.exceptions"), "ray: SIGKILL\n"),
    ],
)
def test_a_killed_worker_is_told_in_one_sentence(error, said, monkeypatch, capsys):
    monkeypatch.setattr(progress, "bar", lambda runs: (_ for _ in ()).throw(error("SIGKILL")))
    assert main(SWEEP) == 1
    assert capsys.readouterr() == (
        PLAN,
        f"{said}actbench: A worker was killed: by hand, at a time limit, or by a system out of memory. 0 of 2 "
        "runs are measured and kept: the same command goes on from there.\n",
    )


_RAISED_BY = {
    "joblib": "joblib.externals.loky.process_executor", "submitit": "submitit.core.utils", "ray": "ray.exceptions",
}  # fmt: skip


@pytest.mark.parametrize("package", conclude.WORKER_GONE)
def test_what_the_launchers_raise_is_called_as_we_know_it(package):
    module = pytest.importorskip(_RAISED_BY[package])
    for name in conclude.WORKER_GONE[package]:
        assert issubclass(getattr(module, name), Exception)
        assert getattr(module, name).__module__.startswith(package)


def test_another_error_of_that_name_is_shown_whole(monkeypatch):
    error = _error("OutOfMemoryError", "torch")
    monkeypatch.setattr(progress, "bar", lambda runs: (_ for _ in ()).throw(error()))
    with pytest.raises(error):
        main(SWEEP)


def test_no_run_is_measured_where_it_could_not_be_written(monkeypatch, capsys):
    """The first of three finds the disk full: the others are not trained for nothing."""
    full, begun = OSError(28, "No space left on device"), []

    def check(folder):
        begun.append(folder)
        raise full

    with monkeypatch.context() as patched:
        patched.setattr(atomic, "check_room", check)
        patched.setattr(run, "_measure", lambda *given, **named: pytest.fail("it was measured"))
        assert main([*SWEEP[:1], "+act=relu,tanh,elu", *SWEEP[2:]]) == 1
    assert len(begun) == 3
    assert capsys.readouterr().err.splitlines()[-1] == (
        "actbench: Results cannot be written ([Errno 28] No space left on device): mend that first. 0 of 3 runs are "
        "measured and kept: the same command goes on from there."
    )
    assert main(SWEEP) == 0


def test_room_for_a_run_is_asked_for_and_nothing_stays_of_it(tmp_path):
    atomic.check_room(tmp_path / "runs" / "a")
    assert list((tmp_path / "runs").iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(OSError):  # noqa: PT011 - whichever of them the system has for it
        atomic.check_room(tmp_path / "file" / "a")


def test_a_failure_that_another_process_landed_after_the_run_is_taken_away():
    assert main(["+act=relu", *SMALL]) == 0
    (kept,) = Path("results/adhoc/runs").iterdir()
    kept.with_name(f"{kept.name}.failed").mkdir()
    assert main(["+act=relu", *SMALL]) == 0
    assert list(Path("results/adhoc/runs").iterdir()) == [kept]


def test_runs_of_another_protocol_and_runs_that_are_not_there_are_named(monkeypatch, capsys):
    assert main(["+act=relu", *SMALL]) == 0
    with monkeypatch.context() as older:
        older.setattr(run, "PROTOCOL", identity.PROTOCOL - 1)
        older.setattr(progress, "run_id", lambda job: "relu-000000000000")
        assert main(["+act=tanh", *SMALL]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == (
        "actbench: 1 of 1 runs are not in results/adhoc: the workers write to another folder of that name (a shared "
        "file system is needed), or the activation's file changed meanwhile."
    )
    assert main(["+act=relu", *SMALL]) == 0
    told = f"1 run of PROTOCOL {identity.PROTOCOL - 1}, which is not compared with {identity.PROTOCOL}."
    assert capsys.readouterr().err == f"left out: {told}\n"
    assert f"### What was left out\n\n- {told}\n" in Path("results/adhoc/report.md").read_text()


STOPPED = """
import os, signal
def stopped(z):
    if z.requires_grad and len(z) == 64:
        with open("steps", "a") as file:
            file.write(".")
        if os.path.getsize("steps") == 2:
            os.kill(os.getpid(), signal.SIGUSR2)
    return z.relu()
"""


@pytest.mark.parametrize("error", [RuntimeError("timed-out too many times"), SystemExit(-1)])
def test_a_run_that_a_scheduler_stops_has_not_failed(error, monkeypatch, job_of):
    """submitit's handler raises at a time limit, or to be queued again: the run goes on from its checkpoint."""

    def at_the_limit(number, frame):
        raise error

    Path("stopped.py").write_text(STOPPED)
    monkeypatch.setattr(checkpoint, "INTERVAL", 0.0)
    given = ["+act=custom", "act._target_=stopped.stopped", *SMALL[:1], "train.epochs=4", *SMALL[2:]]
    asked = job_of(*given)
    before = signal.signal(signal.SIGUSR2, at_the_limit)
    try:
        with pytest.raises(type(error)) as raised:
            run.run(asked, show_progress=False)
    finally:
        signal.signal(signal.SIGUSR2, before)
    assert raised.value is error
    name = identity.run_id(asked)
    assert [path.name for path in Path("results/adhoc/runs").iterdir()] == [f".{name}"]
    assert Path("steps").stat().st_size == 2
    assert main(given) == 0
    assert Path("steps").stat().st_size == 2 + 3  # the first epoch is not trained again
    assert [path.name for path in Path("results/adhoc/runs").iterdir()] == [name]


def test_workers_that_write_elsewhere(monkeypatch, capsys):
    """Their disk is not this machine's: the folder stays empty, which is no error of writing."""
    monkeypatch.setattr(run, "run", lambda job, **given: None)
    assert main(["+act=relu", *SMALL]) == 1
    assert capsys.readouterr().err == (
        "actbench: 1 of 1 runs are not in results/adhoc: the workers write to another folder of that name (a shared "
        "file system is needed), or the activation's file changed meanwhile.\n"
    )


def test_a_first_compaction_that_was_interrupted_is_made_again(monkeypatch):
    """After each of its files: what is there without `runs` is not published."""
    assert main(["+act=relu", *SMALL]) == 0
    whole, target = store.read("results/adhoc")[0], Path("results/adhoc/tables")
    for count in range(3):
        shutil.rmtree(target)
        moved, move = [], os.replace

        def interrupted(source, place, moved=moved, move=move, count=count):
            if len(moved) == count:
                raise KeyboardInterrupt
            moved.append(place)
            move(source, place)

        with monkeypatch.context() as patched:
            patched.setattr(os, "replace", interrupted)
            with pytest.raises(KeyboardInterrupt):
                store.compact("results/adhoc")
        assert len(list(target.iterdir())) == count
        assert store.compact("results/adhoc") == []
        assert len(list(target.iterdir())) == 3
        published = parquet.read(target, dtypes=store._DTYPES)
        assert published.together
        assert published.tables["runs"].num_rows == len(whole.runs)


def test_ctrl_c_while_the_command_is_read(monkeypatch, capsys):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(__main__, "_run", stop)
    assert main(SWEEP) == 130
    assert capsys.readouterr() == ("", "actbench: Stopped before the first run.\n")


def test_a_full_disk_ends_no_run_halfway(job_of, monkeypatch):
    """The tables of a run are written whole or not at all; a run that could not land is no failed run."""
    written, write = [], parquet.write

    def full(frame, path, **given):
        if written:
            raise OSError(28, "No space left on device")
        written.append(path)
        write(frame, path, **given)

    job = job_of("+act=relu", *SMALL)
    with monkeypatch.context() as patched:
        patched.setattr(parquet, "write", full)
        with pytest.raises(OSError, match="No space left on device"):
            run.run(job, show_progress=False)
    assert list(Path("results/adhoc/runs").iterdir()) == []
    run.run(job, show_progress=False)
    assert list(store.collect("results/adhoc").runs["status"]) == ["done"]


def test_the_summary_says_where_it_ran_and_how_much_memory_it_took(measure):
    found = measure("+act=relu")
    (row,) = found.runs.to_dict("records")
    told = console.text(found, run_ids={row["run_id"]}).splitlines()[-1]
    minutes = found.runs["train_seconds"].sum() / 60
    assert told == (
        f"Ran on {row['device_name']}, threads=1; {minutes:,.1f} minutes of training in all; "
        f"peak memory of a run: {row['peak_mib']:,.0f} MiB."
    )


def _killed(moments: int, seconds: float, victim: str, *command: str) -> dict:
    """What tests/killing.py found, and that nothing but results is left."""
    given = [sys.executable, str(KILLING), str(moments), str(seconds), victim, *command]
    path = os.pathsep.join([str(KILLING.parent.parent), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(given, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path}, check=True)
    assert not list(Path("results").rglob(".*"))
    assert {path.suffix for path in Path("results/adhoc").iterdir()} == {"", ".html", ".md"}
    return json.loads(done.stdout.splitlines()[-1])


def _same_as_if_never_killed(num_runs: int) -> None:
    """The runs of results/ are those of whole/results/, each there once, to the last bit."""
    clock = ["train_seconds", "probe_seconds", "samples_per_second", "peak_mib"]
    killed, whole = (store.collect(Path(root, "adhoc")) for root in ("results", "whole/results"))
    assert len(killed.runs) == num_runs
    for one, two in zip(killed, whole, strict=True):
        assert one.drop(columns=clock, errors="ignore").equals(two.drop(columns=clock, errors="ignore"))


def test_a_sweep_that_is_killed_at_random_moments_is_finished_by_the_same_command():
    found = _killed(3, 0.05, "jobs", "-m", "+act=relu,tanh", "seed=0,1", *SMALL)
    assert (found["wrong"], found["code"], len(found["counts"])) == ([], 0, 3)
    assert found["counts"][0] < 4  # the first kill struck a sweep that was not done
    _same_as_if_never_killed(4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("victim", "launcher"),
    [
        ("main", "hydra/launcher=basic"),
        ("main", "hydra.launcher.n_jobs=2"),
        ("worker", "hydra.launcher.n_jobs=2"),
    ],
)
def test_main_or_worker_killed_at_twenty_random_moments(victim, launcher):
    found = _killed(20, 0.25, victim, "-m", "+act=relu,tanh,elu", "seed=0,1,2,3,4,5,6,7", launcher, *SMALL)
    assert (found["wrong"], found["code"], len(found["counts"])) == ([], 0, 20)
    assert len(set(found["counts"])) >= 5  # kills struck a sweep that was not done
    _same_as_if_never_killed(24)


# Processes of their own under this host's name, each command's number 1; and under another name.
CONTAINER = ["unshare", "--uts", "--pid", "--fork", "--mount-proc"]
ON_ANOTHER_MACHINE = [*CONTAINER, "sh", "-c", 'hostname elsewhere && exec "$@"', "sh"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("second", "machines"),
    [
        ("gelu,elu,tanh,mish", ([], [])),
        ("relu,tanh,elu,gelu", ([], ON_ANOTHER_MACHINE)),
        ("gelu,elu,tanh,mish", (CONTAINER, CONTAINER)),
    ],
    ids=["overlapping, on one machine", "the same, on two", "overlapping, in two containers"],
)
def test_two_commands_sweep_into_one_folder(second, machines):
    if machines[1] and subprocess.run([*CONTAINER, "true"], capture_output=True).returncode:
        pytest.skip("A second machine is made by unshare, which is not allowed here.")
    commands, probed = [(machines[0], "relu,tanh,elu,gelu"), (machines[1], second)], SMALL[:-1]
    both = [
        subprocess.Popen([*on, sys.executable, "-m", "actbench", "-m", f"+act={a}", "hydra/launcher=basic", *probed])
        for on, a in commands
    ]
    assert [process.wait() for process in both] == [0, 0]
    assert not list(Path("results").rglob(".*"))
    store.compact("results/adhoc")
    runs, epochs, layers = (pd.read_parquet(f"results/adhoc/tables/{name}.parquet") for name in schema.SCHEMA)
    assert not epochs.duplicated(["run_id", "seed", "epoch"]).any()
    assert not layers.duplicated(["run_id", "seed", "step", "layer_index"]).any()
    assert sorted(runs["act"]) == sorted({"relu", "tanh", "elu", "gelu", *second.split(",")})
    assert set(runs["status"]) == {"done"}
    assert len(list(Path("results/adhoc/runs").iterdir())) == len(runs)


_FULL = OSError(28, "No space left on device")


def _raising_at(place: str):
    """A writer that finds the disk full where the path holds this."""

    def wrap(write):
        def full(content, path, **given):
            if place in str(path):
                raise _FULL
            return write(content, path, **given)

        return full

    return wrap


@pytest.mark.parametrize(
    ("module", "name", "place"),
    [
        (parquet, "write", "tables/"),
        pytest.param(style, "save", "figures/", marks=pytest.mark.slow),
        pytest.param(statistics, "land", "", marks=pytest.mark.slow),
    ],
    ids=["tables", "figures", "statistics"],
)
def test_a_disk_that_is_full_when_all_is_measured(module, name, place, monkeypatch, capsys):
    """While tables are compacted or a report is made: one sentence, what is there stays, the same command ends well."""
    assert main(["+act=tanh", *SMALL]) == 0
    before = {path: path.read_bytes() for path in Path("results/adhoc").rglob("*") if path.is_file()}
    capsys.readouterr()
    write = getattr(module, name)
    full = _raising_at(place)(write) if place else lambda *given, **named: (_ for _ in ()).throw(_FULL)
    with monkeypatch.context() as patched:
        patched.setattr(module, name, full)
        assert main(["+act=relu", *SMALL]) == 1
    assert capsys.readouterr().err == (
        "actbench: Results cannot be written ([Errno 28] No space left on device): mend that first. 1 of 1 runs is "
        "measured and kept: the same command goes on from there.\n"
    )
    kept = {path: path.read_bytes() for path in before}
    assert {path for path in before if kept[path] != before[path] and path.parent.name != "tables"} == set()
    assert not list(Path("results").rglob(".*"))
    assert main(["+act=relu", *SMALL]) == 0
    assert set(store.collect("results/adhoc").runs["act"]) == {"tanh", "relu"}


class _Bar:
    """tqdm at a terminal, which remembers what it was told."""

    disable = False

    def __init__(self, *, total, unit, desc, disable):
        self.n, self.total, self.closed = 0, total, False
        assert (unit, desc, disable) == ("run", "sweep", None)

    def refresh(self):
        assert 0 <= self.n <= self.total

    def __enter__(self):
        return self

    def __exit__(self, *raised):
        self.closed = True


def test_the_bar_counts_what_has_ended(monkeypatch):
    """Failed runs as well, each once; those that were measured before stand in it from the start."""
    bars = []
    monkeypatch.setattr(progress, "tqdm", lambda **given: bars.append(_Bar(**given)) or bars[-1])
    Path("broken.py").write_text(
        "def broken(z):\n    if z.requires_grad and len(z) == 64:\n        1 / 0\n    return z\n"
    )
    assert main(["-m", "+act=relu,tanh", "hydra/launcher=basic", *SMALL]) == 0
    given = ["-m", "+act=custom", "act._target_=broken.broken,torch.tanh", "hydra/launcher=basic", *SMALL]
    assert main(given) == 1
    assert [(bar.n, bar.total, bar.closed) for bar in bars] == [(2, 2, True), (2, 2, True)]
    with monkeypatch.context() as stopped:
        stopped.setattr(run, "run", _raising(KeyboardInterrupt(), at=2))
        assert main(["-m", "+act=relu,elu,gelu", "hydra/launcher=basic", *SMALL]) == 130
    assert (bars[2].n, bars[2].total, bars[2].closed) == (2, 3, True)
