"""Writes are atomic, broken files are named, abandoned files are removed."""

import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import synthetic

from actbench.compare.workloads import NothingToReportError
from actbench.report import results_folder
from actbench.tables import functions, parquet, store
from actbench.tables.atomic import HERE

FOLDER = Path("r")
pytestmark = pytest.mark.usefixtures("unrendered")


@pytest.fixture
def runs() -> list[Path]:
    """Three stored runs; tests break the first."""
    synthetic.results_folder(FOLDER, synthetic.tables(["elu", "relu", "tanh"], seeds=2, epochs=2))
    return sorted(FOLDER.glob("runs/*"))


def _replace_column(path: Path, name: str, values: pa.Array | None) -> None:
    table = pq.read_table(path).drop_columns(name)
    pq.write_table(table if values is None else table.append_column(name, values), path)


def _set_format(version: bytes) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        pq.write_table(pq.read_table(path).replace_schema_metadata({b"actbench.format": version}), path)

    return damage


@pytest.mark.parametrize(
    ("file", "damage", "message"),
    [
        ("epochs", Path.unlink, "{path} is missing: a run has the tables runs, epochs, layers."),
        (
            "runs",
            lambda path: path.write_bytes(path.read_bytes()[:1000]),
            "{path} cannot be read: Parquet magic bytes not found in footer. Either the file is corrupted or this is "
            "not a parquet file.",
        ),
        (
            "layers",
            lambda path: path.write_bytes(b"\x1b[2J"),
            "{path} cannot be read: Parquet file size is 4 bytes, smaller than the minimum file footer (8 bytes).",
        ),
        (
            "runs",
            lambda path: pd.DataFrame({"price": [1.0]}).to_parquet(path),
            "{path} is not a valid table: its column run_id is absent or has gaps.",
        ),
        (
            "epochs",
            lambda path: _replace_column(path, "seed", pa.array([0, None, 1, 1])),
            "{path} is not a valid table: its column seed is absent or has gaps.",
        ),
        (
            "runs",
            lambda path: _replace_column(path, "test_loss", pa.array(["low", "low"])),
            "{path} cannot be read: Failed to parse string: 'low' as a scalar of type double.",
        ),
        (
            "runs",
            lambda path: _replace_column(path, "test_loss", pa.array([[0.1], [0.2]])),
            "{path} cannot be read: Unsupported cast from list<element: double> to double using function cast_double.",
        ),
        (
            "runs",
            _set_format(b"3"),
            "{path} has format 3, written by a newer version of actbench, and this version reads formats up to 2: "
            "update actbench.",
        ),
    ],
    ids=[
        "missing",
        "truncated",
        "alien bytes",
        "alien table",
        "a key with gaps",
        "words",
        "lists",
        "a newer format",
    ],
)
def test_a_broken_run_is_named_and_the_others_are_collected(file, damage, message, runs):
    path = runs[0] / f"{file}.parquet"
    damage(path)
    with pytest.warns(UserWarning, match="^r/runs/") as warned:
        tables = store.collect(FOLDER)
    assert [str(warning.message) for warning in warned] == [message.format(path=path)]
    assert set(tables.runs["run_id"]) == {path.name for path in runs[1:]}
    assert store.compact(FOLDER) == [message.format(path=path)]
    assert len(pd.read_parquet(FOLDER / "tables" / "runs.parquet")) == 4


def test_a_report_names_what_it_left_out_and_does_not_write_through_a_link(runs):
    """The report.md of a stranger may be a link to a file of yours."""
    (runs[0] / "epochs.parquet").unlink()
    Path("mine").write_text("mine")
    (FOLDER / "report.md").symlink_to(Path("mine").resolve())
    markdown = (results_folder.write(FOLDER).parent / "report.md").read_text()
    message = f"r/runs/{runs[0].name}/epochs.parquet is missing: a run has the tables runs, epochs, layers."
    assert f"### What was left out\n\n- {message}\n" in markdown
    assert markdown.startswith("# How do elu and tanh compare on digits?")
    assert Path("mine").read_text() == "mine"


def test_a_report_without_any_complete_run_says_why(runs):
    for run in runs:
        (run / "runs.parquet").unlink()
    with pytest.raises(NothingToReportError) as error:
        results_folder.write(FOLDER)
    assert str(error.value) == "\n".join(
        f"{run}/runs.parquet is missing: a run has the tables runs, epochs, layers." for run in runs
    )
    assert {path.name for path in FOLDER.iterdir()} == {"runs"}


def test_a_broken_run_is_measured_again_and_replaced(runs):
    tables = synthetic.tables(["elu"], seeds=2, epochs=2)
    (run_id,) = tables.runs["run_id"].unique()
    path = FOLDER / "runs" / run_id / "epochs.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    assert store.finished(FOLDER, among={run_id}) == set()
    store.land(tables, FOLDER / "runs" / run_id)
    assert store.finished(FOLDER, among={run_id}) == {run_id}
    assert len(store.collect(FOLDER).runs) == 6
    assert sorted(FOLDER.glob("runs/*")) == runs


def test_broken_tables_are_not_overwritten(runs):
    """Published tables can be restored from where they were published; until then the runs are used."""
    store.compact(FOLDER)
    path = FOLDER / "tables" / "epochs.parquet"
    path.write_bytes(b"broken")
    shutil.rmtree(runs[0])
    messages = [f"{path} cannot be read: Parquet file size is 6 bytes, smaller than the minimum file footer (8 bytes)."]
    assert store.compact(FOLDER) == messages
    assert path.read_bytes() == b"broken"
    tables, left_out = store.read(FOLDER)
    assert (set(tables.runs["run_id"]), list(left_out.values())) == ({path.name for path in runs[1:]}, messages)


def test_tables_of_two_writes_do_not_hide_a_run(runs):
    """After a kill between the three files, missing rows are read from runs/, and no key occurs twice."""
    expected = store.collect(FOLDER)
    shutil.move(runs[0], "elsewhere")
    store.compact(FOLDER)
    old = (FOLDER / "tables" / "epochs.parquet").read_bytes()
    shutil.move("elsewhere", runs[0])
    store.compact(FOLDER)
    (FOLDER / "tables" / "epochs.parquet").write_bytes(old)
    for one, two in zip(expected, store.collect(FOLDER), strict=True):
        keys = [name for name in ("run_id", "seed", "epoch", "step", "layer_index") if name in one]
        pd.testing.assert_frame_equal(*(f.sort_values(keys, ignore_index=True) for f in (one, two)))


def test_compacted_runs_are_not_read_again(runs, monkeypatch):
    store.compact(FOLDER)
    read, folders = parquet.read, []
    monkeypatch.setattr(parquet, "read", lambda folder, **options: folders.append(folder) or read(folder, **options))
    assert len(store.collect(FOLDER).runs) == 6
    assert folders == [FOLDER / "tables"]


def test_a_run_that_lands_while_tables_are_written_is_in_them(runs, monkeypatch):
    """If two commands end at once, the one that read fewer runs and wrote last checks again."""
    write, late_run = store.write, synthetic.tables(["mish"], seeds=2, epochs=2)

    def write_then_land(tables, folder):
        write(tables, folder)
        monkeypatch.setattr(store, "write", write)
        synthetic.results_folder(FOLDER, late_run)

    monkeypatch.setattr(store, "write", write_then_land)
    store.compact(FOLDER)
    assert len(pd.read_parquet(FOLDER / "tables" / "runs.parquet")) == 8


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failed_landing_leaves_no_files(error, monkeypatch):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(parquet, "write", fail)
    with pytest.raises(type(error)):
        store.land(synthetic.tables(["relu"], seeds=1), FOLDER / "runs" / "a")
    assert list((FOLDER / "runs").iterdir()) == []


def test_files_of_dead_processes_are_removed_and_those_of_living_ones_kept(runs):
    dead = os.posix_spawn("/bin/true", ["true"], {})
    os.waitpid(dead, 0)
    (FOLDER / "tables").mkdir()
    old = time.time() - 2 * 3600
    is_kept = {
        f"runs/.a.{dead}@{HERE}": False,
        f"tables/.runs.parquet.{dead}@{HERE}": False,
        f".report.{dead}@{HERE}": False,
        f"runs/.a.{os.getpid()}@{HERE}": True,
        f"runs/.a.{dead}@{platform.node()}": True,  # a container with this host name
        "runs/.b.1@far.away": True,
        "runs/.c.1@far.away": False,  # too old for a landing
        f"runs/.{runs[0].name}": False,  # the checkpoint of a finished run
        "runs/.unfinished": True,
    }
    for name in is_kept:
        (FOLDER / name).mkdir()
    os.utime(FOLDER / "runs/.c.1@far.away", (old, old))
    store.clean(FOLDER)
    assert {name: (FOLDER / name).exists() for name in is_kept} == is_kept


def test_containers_with_the_same_host_name_are_distinguished():
    """Each has a process 1, and no other container can find out whether that process is alive."""
    container = ["unshare", "--pid", "--fork"]
    if subprocess.run([*container, "true"], capture_output=True).returncode:
        pytest.skip("The test makes a container with unshare, which is not allowed here.")
    code = "import os; from actbench.tables.atomic import HERE; print(os.getpid(), HERE)"
    out = subprocess.run([*container, sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    pid, scope = out.split()
    assert (pid, scope.split(".")[0]) == ("1", platform.node())
    assert scope != HERE


def test_tables_of_functions_are_written_under_the_same_hidden_names(monkeypatch):
    """The copy that a killed report leaves in tables/ is then removed too."""
    moved, replace = [], os.replace
    monkeypatch.setattr(os, "replace", lambda hidden, path: moved.append(hidden.name) or replace(hidden, path))
    functions.write(pd.DataFrame({"function": ["elu"]}), FOLDER, "properties")
    assert moved == [f".properties.{suffix}.{os.getpid()}@{HERE}" for suffix in ("parquet", "csv")]
    assert sorted(path.name for path in (FOLDER / "tables").iterdir()) == ["properties.csv", "properties.parquet"]
