"""A command that is killed, interrupted or out of disk keeps its finished runs, says so, and resumes when repeated."""

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
from actbench.report import console, writer
from actbench.sweep import outcome as sweep_outcome
from actbench.sweep import progress
from actbench.tables import atomic, parquet, schema, store

SMALL = ["num_seeds=1", "train.epochs=1", "data.num_train=64", "data.num_val=100", "model.width=8",
         "model.depth=1", "probes=none"]  # fmt: skip
SWEEP = ["-m", "+act=relu,tanh", "hydra/launcher=basic", "device=cpu", *SMALL]
PLAN = "Sweep: 2 runs; each threads=1, device=cpu.\n"
KILLING = Path(__file__).with_name("killing.py")
pytestmark = pytest.mark.usefixtures("undrawn")


def _raising(error: BaseException, *, at: int):
    """`run.run` that raises an error at its `at`-th call."""
    calls, run_it = [], run.run

    def raising(job, **options):
        calls.append(1)
        if len(calls) == at:
            raise error
        run_it(job, **options)

    return raising


def _assert_stopped(error: BaseException, monkeypatch, capsys, *, code: int, reason: str) -> Path:
    """A sweep that an error stops in its second run says so and keeps the first, whose folder is returned."""
    leftover = Path(f"results/adhoc/runs/.a.{2**40}@{atomic.HERE}")
    leftover.mkdir(parents=True)
    with monkeypatch.context() as patched:
        patched.setattr(run, "run", _raising(error, at=2))
        assert main(SWEEP) == code
    out, err = capsys.readouterr()  # Hydra prints a line about the job that raised
    sentence = f"actbench: {reason}. 1 of 2 runs is measured and kept: the same command goes on from there."
    assert (out, err.splitlines()[-1]) == (PLAN, sentence)
    (finished,) = Path("results/adhoc/runs").iterdir()
    return finished


def test_a_sweep_says_that_the_disk_is_full_and_keeps_its_finished_runs(monkeypatch, capsys):
    full = OSError(28, "No space left on device", "r/runs/.a")
    reason = "Results cannot be written ([Errno 28] No space left on device: 'r/runs/.a'): mend that first"
    _assert_stopped(full, monkeypatch, capsys, code=1, reason=reason)


def test_after_ctrl_c_the_same_command_goes_on_and_measures_no_finished_run_again(monkeypatch, capsys):
    finished = _assert_stopped(KeyboardInterrupt(), monkeypatch, capsys, code=130, reason="Stopped")
    before = (finished / "runs.parquet").read_bytes()
    assert main(SWEEP) == 0
    assert len(store.collect("results/adhoc").runs) == 2
    assert (finished / "runs.parquet").read_bytes() == before


@pytest.mark.parametrize(("signal_number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_the_signals_of_a_scheduler_end_a_sweep_as_ctrl_c_does(signal_number, code, monkeypatch, capsys):
    calls, run_it = [], run.run
    before = signal.signal(signal_number, signal.SIG_DFL)  # nohup makes processes ignore SIGHUP

    def stopped(job, **options):
        calls.append(1)
        if len(calls) == 2:
            os.kill(os.getpid(), signal_number)
        run_it(job, **options)

    monkeypatch.setattr(run, "run", stopped)
    assert main(SWEEP) == code
    signal.signal(signal_number, before)
    sentence = "actbench: Stopped. 1 of 2 runs is measured and kept: the same command goes on from there."
    assert capsys.readouterr().err.splitlines()[-1] == sentence


def test_a_signal_that_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    assert main(["+act=mishh"]) == 2
    assert signal.signal(signal.SIGHUP, before) is signal.SIG_IGN


def test_a_file_where_a_runs_folder_belongs_is_named(job_of, capsys):
    path = Path("results/adhoc/runs", identity.run_id(job_of("+act=relu", *SMALL)))
    path.parent.mkdir(parents=True)
    path.touch()
    assert main(["+act=relu", *SMALL]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"actbench: Results cannot be written ([Errno 20] Not a directory: '{path.parent}/.{path.name}.{os.getpid()}"
        f"@{atomic.HERE}' -> '{path}'): mend that first. 0 of 1 runs are measured and kept: the same command goes on "
        "from there."
    )


def test_a_report_is_written_when_the_reader_of_the_output_has_gone(monkeypatch):
    read_end, write_end = os.pipe()
    os.close(read_end)
    with open(write_end, "w") as stream:  # closed without an error, as when a process ends
        monkeypatch.setattr(sys, "stdout", stream)
        assert main(["+act=relu", *SMALL]) == 0
    assert Path("results/adhoc/report.html").is_file()


@pytest.mark.slow
@pytest.mark.parametrize(("reader", "unbuffered"), [("head -1", "1"), ("true", ""), ("true", "1")])
def test_a_process_ends_well_when_the_reader_of_its_output_has_gone(reader, unbuffered, monkeypatch):
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    command = f"{sys.executable} -m actbench +act=relu {' '.join(SMALL)}; echo $? > code"
    process = subprocess.run(["sh", "-c", f"({command}) | {reader}"], capture_output=True, text=True, check=True)
    assert process.stderr == ""
    assert Path("code").read_text() == "0\n"
    assert Path("results/adhoc/report.html").is_file()


def _error(name: str, module: str) -> type[Exception]:
    return type(name, (Exception,), {"__module__": module})


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (TerminatedWorkerError, ""),
        (_error("UncompletedJobError", "submitit.core.utils"), "submitit: SIGKILL\n"),
        (_error("NodeDiedError", "ray.exceptions"), "ray: SIGKILL\n"),
    ],
)
def test_a_killed_worker_is_reported_in_one_sentence(error, cause, monkeypatch, capsys):
    monkeypatch.setattr(progress, "bar", lambda runs: (_ for _ in ()).throw(error("SIGKILL")))
    assert main(SWEEP) == 1
    assert capsys.readouterr() == (
        PLAN,
        f"{cause}actbench: A worker was killed: by hand, at a time limit, or by a system out of memory. 0 of 2 "
        "runs are measured and kept: the same command goes on from there.\n",
    )


_RAISED_BY = {
    "joblib": "joblib.externals.loky.process_executor", "submitit": "submitit.core.utils", "ray": "ray.exceptions",
}  # fmt: skip


@pytest.mark.parametrize("package", sweep_outcome.WORKER_GONE)
def test_the_errors_of_launchers_that_mean_a_killed_worker_exist(package):
    module = pytest.importorskip(_RAISED_BY[package])
    for name in sweep_outcome.WORKER_GONE[package]:
        assert issubclass(getattr(module, name), Exception)
        assert getattr(module, name).__module__.startswith(package)


def test_an_error_of_the_same_name_from_another_package_is_not_caught(monkeypatch):
    error = _error("OutOfMemoryError", "torch")
    monkeypatch.setattr(progress, "bar", lambda runs: (_ for _ in ()).throw(error()))
    with pytest.raises(error):
        main(SWEEP)


def test_no_run_is_trained_that_could_not_be_written(monkeypatch, capsys):
    """With a full disk, none of the three runs is trained for nothing."""
    full, folders = OSError(28, "No space left on device"), []

    def check(folder):
        folders.append(folder)
        raise full

    monkeypatch.setattr(atomic, "check_space", check)
    monkeypatch.setattr(run, "_measure", lambda *args, **kwargs: pytest.fail("A run was trained."))
    assert main([*SWEEP[:1], "+act=relu,tanh,elu", *SWEEP[2:]]) == 1
    assert len(folders) == 3
    assert capsys.readouterr().err.splitlines()[-1] == (
        "actbench: Results cannot be written ([Errno 28] No space left on device): mend that first. 0 of 3 runs are "
        "measured and kept: the same command goes on from there."
    )


def test_a_check_for_room_leaves_no_file(tmp_path):
    atomic.check_space(tmp_path / "runs" / "a")
    assert list((tmp_path / "runs").iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(OSError):  # noqa: PT011 - which OSError depends on the system
        atomic.check_space(tmp_path / "file" / "a")


def test_a_failure_beside_the_same_run_done_is_removed(job_of):
    run.run(job_of("+act=relu", *SMALL), show_progress=False)
    (done,) = Path("results/adhoc/runs").iterdir()
    done.with_name(f"{done.name}.failed").mkdir()
    assert main(["+act=relu", *SMALL]) == 0
    assert list(Path("results/adhoc/runs").iterdir()) == [done]


def test_runs_of_another_protocol_and_missing_runs_are_counted(monkeypatch, job_of, capsys):
    run.run(job_of("+act=relu", *SMALL), show_progress=False)
    with monkeypatch.context() as older:
        older.setattr(run, "PROTOCOL", identity.PROTOCOL - 1)
        older.setattr(progress, "run_id", lambda job: "relu-000000000000")
        assert main(["+act=tanh", *SMALL]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == (
        "actbench: 1 of 1 runs are not in results/adhoc: the workers write to another folder of that name (they need "
        "a shared file system), or what the activation needs changed meanwhile or differs by process."
    )
    assert main(["+act=relu", *SMALL]) == 0
    sentence = f"1 run of PROTOCOL {identity.PROTOCOL - 1}, which is not compared with {identity.PROTOCOL}."
    assert capsys.readouterr().err == f"left out: {sentence}\n"
    assert f"### What was left out\n\n- {sentence}\n" in Path("results/adhoc/report.md").read_text()


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
    """submitit's handler raises at a time limit or to queue the job again: the run resumes from its checkpoint."""

    def at_the_limit(number, frame):
        raise error

    Path("stopped.py").write_text(STOPPED)
    monkeypatch.setattr(checkpoint, "INTERVAL", 0.0)
    overrides = ["+act=custom", "act._target_=stopped.stopped", *SMALL[:1], "train.epochs=4", *SMALL[2:]]
    job = job_of(*overrides)
    before = signal.signal(signal.SIGUSR2, at_the_limit)
    try:
        with pytest.raises(type(error)) as raised:
            run.run(job, show_progress=False)
    finally:
        signal.signal(signal.SIGUSR2, before)
    assert raised.value is error
    name = identity.run_id(job)
    assert [path.name for path in Path("results/adhoc/runs").iterdir()] == [f".{name}"]
    assert Path("steps").stat().st_size == 2
    run.run(job, show_progress=False)
    assert Path("steps").stat().st_size == 2 + 3  # the first epoch is not trained again
    assert [path.name for path in Path("results/adhoc/runs").iterdir()] == [name]


def test_runs_that_workers_write_elsewhere_are_counted(monkeypatch, capsys):
    """The workers write to another disk, so the folder here stays empty without an error."""
    monkeypatch.setattr(run, "run", lambda job, **options: None)
    assert main(["+act=relu", *SMALL]) == 1
    assert capsys.readouterr().err == (
        "actbench: 1 of 1 runs are not in results/adhoc: the workers write to another folder of that name (they need "
        "a shared file system), or what the activation needs changed meanwhile or differs by process.\n"
    )


def test_an_interrupted_first_compaction_is_done_again(monkeypatch, job_of):
    """Whichever file it stops at: tables without `runs` are not read as published."""
    run.run(job_of("+act=relu", *SMALL), show_progress=False)
    expected, target = store.collect("results/adhoc"), Path("results/adhoc/tables")
    assert len(expected.runs) == 1
    for count in range(3):
        moved, move = [], os.replace

        def interrupted(source, destination, moved=moved, move=move, count=count):
            if len(moved) == count:
                raise KeyboardInterrupt
            moved.append(destination)
            move(source, destination)

        with monkeypatch.context() as patched:
            patched.setattr(os, "replace", interrupted)
            with pytest.raises(KeyboardInterrupt):
                store.compact("results/adhoc")
        assert len(list(target.iterdir())) == count
        assert store.compact("results/adhoc") == []
        assert len(list(target.iterdir())) == 3
        published = parquet.read(target, dtypes=store._DTYPES)
        assert published.together
        assert published.tables["runs"].num_rows == len(expected.runs)
        shutil.rmtree(target)


def test_ctrl_c_before_the_first_run_says_so(monkeypatch, capsys):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(__main__, "_run", stop)
    assert main(SWEEP) == 130
    assert capsys.readouterr() == ("", "actbench: Stopped before the first run.\n")


def test_a_full_disk_leaves_no_run_half_written(job_of, monkeypatch):
    """A run's tables land together or not at all, and a run that could not land has not failed."""
    written, write = [], parquet.write

    def full(frame, path, **options):
        if written:
            raise OSError(28, "No space left on device")
        written.append(path)
        write(frame, path, **options)

    job = job_of("+act=relu", *SMALL)
    with monkeypatch.context() as patched:
        patched.setattr(parquet, "write", full)
        with pytest.raises(OSError, match="No space left on device"):
            run.run(job, show_progress=False)
    assert list(Path("results/adhoc/runs").iterdir()) == []
    run.run(job, show_progress=False)
    assert list(store.collect("results/adhoc").runs["status"]) == ["done"]


def test_the_summary_says_where_it_ran_and_how_much_memory_it_took(measure):
    tables = measure("+act=relu")
    (row,) = tables.runs.to_dict("records")
    last = console.text(tables, run_ids={row["run_id"]}).split("\n\n")[-1]
    minutes = tables.runs["train_seconds"].sum() / 60
    assert last.replace("\n", " ") == (
        f"Ran on {row['device_name']}, threads=1; {minutes:,.1f} minutes of training in all; "
        f"peak memory of a run: {row['peak_mib']:,.0f} MiB."
    )


def _kill(moments: int, seconds: float, victim: str, *command: str) -> dict:
    """What killing.py prints; nothing but results is left in the folder."""
    argv = [sys.executable, str(KILLING), str(moments), str(seconds), victim, *command]
    path = os.pathsep.join([str(KILLING.parent.parent), os.environ.get("PYTHONPATH", "")])  # tests/ has commands.py
    process = subprocess.run(argv, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path}, check=True)
    assert not list(Path("results").rglob(".*"))
    assert {path.suffix for path in Path("results/adhoc").iterdir()} == {"", ".html", ".md"}
    return json.loads(process.stdout.splitlines()[-1])


def _assert_as_if_never_killed(num_runs: int) -> None:
    """The runs of results/ are those of whole/results/, each once and equal to the last bit."""
    clock = ["train_seconds", "probe_seconds", "samples_per_second", "peak_mib"]
    killed, whole = (store.collect(Path(root, "adhoc")) for root in ("results", "whole/results"))
    assert len(killed.runs) == num_runs
    for frame, expected in zip(killed, whole, strict=True):
        assert frame.drop(columns=clock, errors="ignore").equals(expected.drop(columns=clock, errors="ignore"))


def test_a_sweep_that_is_killed_at_random_moments_is_finished_by_the_same_command():
    outcome = _kill(3, 0.05, "jobs", "-m", "+act=relu,tanh", "seed=0,1", *SMALL)
    assert (outcome["wrong"], outcome["code"], len(outcome["counts"])) == ([], 0, 3)
    assert outcome["counts"][0] < 4  # the first kill struck a sweep that was not done
    _assert_as_if_never_killed(4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("victim", "launcher"),
    [
        ("main", "hydra/launcher=basic"),
        ("main", "hydra.launcher.n_jobs=2"),
        ("worker", "hydra.launcher.n_jobs=2"),
    ],
)
def test_a_sweep_survives_twenty_kills_of_the_command_or_a_worker(victim, launcher):
    outcome = _kill(20, 0.25, victim, "-m", "+act=relu,tanh,elu", "seed=0,1,2,3,4,5,6,7", launcher, *SMALL)
    assert (outcome["wrong"], outcome["code"], len(outcome["counts"])) == ([], 0, 20)
    assert len(set(outcome["counts"])) >= 5  # kills struck a sweep that was not done
    _assert_as_if_never_killed(24)


# A container with this host's name, in which each command has process ID 1; and one with another host name.
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
def test_two_commands_may_sweep_into_one_folder(second, machines):
    if machines[1] and subprocess.run([*CONTAINER, "true"], capture_output=True).returncode:
        pytest.skip("The second machine is simulated with unshare, which is not allowed here.")
    sweeps, probed = [(machines[0], "relu,tanh,elu,gelu"), (machines[1], second)], SMALL[:-1]
    launcher = "hydra/launcher=basic"
    processes = [
        subprocess.Popen([*machine, sys.executable, "-m", "actbench", "-m", f"+act={acts}", launcher, *probed])
        for machine, acts in sweeps
    ]
    assert [process.wait() for process in processes] == [0, 0]
    assert not list(Path("results").rglob(".*"))
    store.compact("results/adhoc")
    runs, epochs, layers = (pd.read_parquet(f"results/adhoc/tables/{name}.parquet") for name in schema.SCHEMA)
    assert not epochs.duplicated(["run_id", "seed", "epoch"]).any()
    assert not layers.duplicated(["run_id", "seed", "step", "layer_index"]).any()
    assert sorted(runs["act"]) == sorted({"relu", "tanh", "elu", "gelu", *second.split(",")})
    assert set(runs["status"]) == {"done"}
    assert len(list(Path("results/adhoc/runs").iterdir())) == len(runs)


_FULL = OSError(28, "No space left on device")


def _raising_at(part: str):
    """Wraps a writer: the disk is full at paths that contain `part`."""

    def wrap(write):
        def full(content, path, **options):
            if part in str(path):
                raise _FULL
            return write(content, path, **options)

        return full

    return wrap


@pytest.mark.parametrize(
    ("module", "name", "part"),
    [
        (parquet, "write", "tables/"),
        pytest.param(style, "save", "figures/", marks=pytest.mark.slow),
        pytest.param(writer, "write_tables", "", marks=pytest.mark.slow),
    ],
    ids=["tables", "figures", "statistics"],
)
def test_a_disk_that_is_full_after_the_last_run_is_one_sentence(module, name, part, monkeypatch, capsys):
    """In compaction or in the report: existing files stay as they are, and the same command then succeeds."""
    assert main(["+act=tanh", *SMALL]) == 0
    before = {path: path.read_bytes() for path in Path("results/adhoc").rglob("*") if path.is_file()}
    capsys.readouterr()
    write = getattr(module, name)
    full = _raising_at(part)(write) if part else lambda *args, **kwargs: (_ for _ in ()).throw(_FULL)
    with monkeypatch.context() as patched:
        patched.setattr(module, name, full)
        assert main(["+act=relu", *SMALL]) == 1
    assert capsys.readouterr().err == (
        "actbench: Results cannot be written ([Errno 28] No space left on device): mend that first. 1 of 1 runs is "
        "measured and kept: the same command goes on from there.\n"
    )
    after = {path: path.read_bytes() for path in before}
    assert {path for path in before if after[path] != before[path] and path.parent.name != "tables"} == set()
    assert not list(Path("results").rglob(".*"))
    assert main(["+act=relu", *SMALL]) == 0
    assert set(store.collect("results/adhoc").runs["act"]) == {"tanh", "relu"}


class _Bar:
    """tqdm at a terminal, with its counts kept."""

    disable = False

    def __init__(self, *, total, unit, desc, disable):
        self.n, self.total, self.closed = 0, total, False
        assert (unit, desc, disable) == ("run", "sweep", None)

    def refresh(self):
        assert 0 <= self.n <= self.total

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.closed = True


def test_the_bar_counts_the_runs_that_have_ended(monkeypatch, job_of):
    """Failed runs count too, each once; runs measured before count from the start."""
    bars = []
    monkeypatch.setattr(progress, "tqdm", lambda **options: bars.append(_Bar(**options)) or bars[-1])
    Path("broken.py").write_text(
        "def broken(z):\n    if z.requires_grad and len(z) == 64:\n        1 / 0\n    return z\n"
    )
    argv = ["-m", "+act=custom", "act._target_=broken.broken,torch.tanh", "hydra/launcher=basic", *SMALL]
    assert main(argv) == 1
    assert [(bar.n, bar.total, bar.closed) for bar in bars] == [(2, 2, True)]
    run.run(job_of("+act=relu", *SMALL), show_progress=False)
    with monkeypatch.context() as stopped:
        stopped.setattr(run, "run", _raising(KeyboardInterrupt(), at=2))
        assert main(["-m", "+act=relu,elu,gelu", "hydra/launcher=basic", *SMALL]) == 130
    assert (bars[1].n, bars[1].total, bars[1].closed) == (2, 3, True)
