"""What is written is whole or hidden, what is broken is named, what is abandoned goes."""

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
from actbench.report import workloads
from actbench.tables import functions, parquet, store
from actbench.tables.atomic import HERE

FOLDER = Path("r")


@pytest.fixture
def runs() -> list[Path]:
    """Three landed runs, the first of which is to be broken."""
    synthetic.landed(FOLDER, synthetic.tables(["elu", "relu", "tanh"], seeds=2, epochs=2))
    return sorted(FOLDER.glob("runs/*"))


def _column(path: Path, name: str, values: pa.Array | None) -> None:
    table = pq.read_table(path).drop_columns(name)
    pq.write_table(table if values is None else table.append_column(name, values), path)


def _of_format(told: bytes) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        pq.write_table(pq.read_table(path).replace_schema_metadata({b"actbench.format": told}), path)

    return spoil


@pytest.mark.parametrize(
    ("file", "spoil", "sentence"),
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
            "{path} is no table of a run: its column run_id is absent or has gaps.",
        ),
        (
            "epochs",
            lambda path: _column(path, "seed", pa.array([0, None, 1, 1])),
            "{path} is no table of a run: its column seed is absent or has gaps.",
        ),
        (
            "runs",
            lambda path: _column(path, "test_loss", pa.array(["low", "high"])),
            "{path} is no table of a run: its column test_loss is not float64.",
        ),
        (
            "runs",
            lambda path: _column(path, "test_loss", pa.array([[0.1], [0.2]])),
            "{path} is no table of a run: a column is there twice, or holds more than one value.",
        ),
        (
            "runs",
            _of_format(b"2"),
            "{path} is of format 2, which a newer version of actbench wrote, and this one reads up to 1: "
            "update actbench.",
        ),
        (
            "runs",
            _of_format(b"\x1b[2J"),
            "{path} is of a format that is no number: actbench did not write it.",
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
        "an alien format",
    ],
)
def test_a_broken_run_is_named_and_the_others_are_collected(file, spoil, sentence, runs):
    path = runs[0] / f"{file}.parquet"
    spoil(path)
    with pytest.warns(UserWarning, match="^r/runs/") as warned:
        found = store.collect(FOLDER)
    assert [str(one.message) for one in warned] == [sentence.format(path=path)]
    assert set(found.runs["run_id"]) == {path.name for path in runs[1:]}
    assert store.compact(FOLDER) == [sentence.format(path=path)]
    assert len(pd.read_parquet(FOLDER / "tables" / "runs.parquet")) == 4


def test_a_report_says_what_it_left_out_and_writes_through_no_link(runs):
    """A stranger's report.md may be a link to a file of yours."""
    (runs[0] / "epochs.parquet").unlink()
    Path("mine").write_text("mine")
    (FOLDER / "report.md").symlink_to(Path("mine").resolve())
    markdown = (workloads.write(FOLDER).parent / "report.md").read_text()
    told = f"r/runs/{runs[0].name}/epochs.parquet is missing: a run has the tables runs, epochs, layers."
    assert f"### What was left out\n\n- {told}\n" in markdown
    assert "2 activations compared" in markdown
    assert Path("mine").read_text() == "mine"


def test_a_report_of_nothing_whole_says_why(runs):
    for run in runs:
        (run / "runs.parquet").unlink()
    with pytest.raises(NothingToReportError) as error:
        workloads.write(FOLDER)
    assert str(error.value) == "\n".join(
        f"{run}/runs.parquet is missing: a run has the tables runs, epochs, layers." for run in runs
    )
    assert {path.name for path in FOLDER.iterdir()} == {"runs"}


def test_a_broken_run_is_measured_again_and_replaced(runs):
    made = synthetic.tables(["elu"], seeds=2, epochs=2)
    (run,) = made.runs["run_id"].unique()
    path = FOLDER / "runs" / run / "epochs.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    assert store.finished(FOLDER, among={run}) == set()
    store.land(made, FOLDER / "runs" / run)
    assert store.finished(FOLDER, among={run}) == {run}
    assert len(store.collect(FOLDER).runs) == 6
    assert sorted(FOLDER.glob("runs/*")) == runs


def test_broken_tables_are_left_as_they_are(runs):
    """What was published can be restored from where it was published; until then the runs count."""
    store.compact(FOLDER)
    path = FOLDER / "tables" / "epochs.parquet"
    path.write_bytes(b"broken")
    shutil.rmtree(runs[0])
    told = [f"{path} cannot be read: Parquet file size is 6 bytes, smaller than the minimum file footer (8 bytes)."]
    assert store.compact(FOLDER) == told
    assert path.read_bytes() == b"broken"
    found, left_out = store.read(FOLDER)
    assert (set(found.runs["run_id"]), list(left_out.values())) == ({path.name for path in runs[1:]}, told)


def test_tables_of_two_writings_do_not_hide_a_run(runs):
    """Killed between the three files: what they lack is read from runs/, and no key is there twice."""
    whole = store.collect(FOLDER)
    shutil.move(runs[0], "elsewhere")
    store.compact(FOLDER)
    old = (FOLDER / "tables" / "epochs.parquet").read_bytes()
    shutil.move("elsewhere", runs[0])
    store.compact(FOLDER)
    (FOLDER / "tables" / "epochs.parquet").write_bytes(old)
    for one, two in zip(whole, store.collect(FOLDER), strict=True):
        keys = [name for name in ("run_id", "seed", "epoch", "step", "layer_index") if name in one]
        pd.testing.assert_frame_equal(*(f.sort_values(keys, ignore_index=True) for f in (one, two)))


def test_what_is_compacted_is_not_read_again(runs, monkeypatch):
    store.compact(FOLDER)
    read, asked = parquet.read, []
    monkeypatch.setattr(parquet, "read", lambda part, **given: asked.append(part) or read(part, **given))
    assert len(store.collect(FOLDER).runs) == 6
    assert asked == [FOLDER / "tables"]


def test_a_run_that_lands_while_tables_are_written_is_in_them(runs, monkeypatch):
    """Two commands end at once: the one that read less and wrote last looks again."""
    write, late = store.write, synthetic.tables(["mish"], seeds=2, epochs=2)

    def interrupted(measured, folder):
        write(measured, folder)
        monkeypatch.setattr(store, "write", write)
        synthetic.landed(FOLDER, late)

    monkeypatch.setattr(store, "write", interrupted)
    store.compact(FOLDER)
    assert len(pd.read_parquet(FOLDER / "tables" / "runs.parquet")) == 8


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_landing_that_fails_leaves_nothing(error, monkeypatch):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(parquet, "write", fail)
    with pytest.raises(type(error)):
        store.land(synthetic.tables(["relu"], seeds=1), FOLDER / "runs" / "a")
    assert list((FOLDER / "runs").iterdir()) == []


def test_what_the_dead_left_goes_and_what_the_living_write_stays(runs):
    dead = os.posix_spawn("/bin/true", ["true"], {})
    os.waitpid(dead, 0)
    (FOLDER / "tables").mkdir()
    old = time.time() - 2 * 3600
    places = {
        f"runs/.a.{dead}@{HERE}": False,
        f"tables/.runs.parquet.{dead}@{HERE}": False,
        f".report.{dead}@{HERE}": False,
        f"runs/.a.{os.getpid()}@{HERE}": True,
        f"runs/.a.{dead}@{platform.node()}": True,  # a container of this name
        "runs/.b.1@far.away": True,
        "runs/.c.1@far.away": False,  # too old for a landing
        f"runs/.{runs[0].name}": False,  # the checkpoint of a run that has landed
        "runs/.unfinished": True,
    }
    for place in places:
        (FOLDER / place).mkdir()
    os.utime(FOLDER / "runs/.c.1@far.away", (old, old))
    store.clean(FOLDER)
    assert {place: (FOLDER / place).exists() for place in places} == places


def test_containers_of_one_host_name_are_told_apart():
    """Each has a process 1: its files are not those of another one, and whether it lives cannot be asked elsewhere."""
    container = ["unshare", "--pid", "--fork"]
    if subprocess.run([*container, "true"], capture_output=True).returncode:
        pytest.skip("A container is made by unshare, which is not allowed here.")
    code = "import os; from actbench.tables.atomic import HERE; print(os.getpid(), HERE)"
    told = subprocess.run([*container, sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    number, there = told.split()
    assert (number, there.split(".")[0]) == ("1", platform.node())
    assert there != HERE


def test_tables_of_functions_are_made_under_the_same_hidden_names(monkeypatch):
    """So that what a killed report left of its copy in tables/ is taken away too."""
    moved, replace = [], os.replace
    monkeypatch.setattr(os, "replace", lambda hidden, path: moved.append(hidden.name) or replace(hidden, path))
    functions.write(pd.DataFrame({"function": ["elu"]}), FOLDER, "properties")
    assert moved == [f".properties.{kind}.{os.getpid()}@{HERE}" for kind in ("parquet", "csv")]
    assert sorted(path.name for path in (FOLDER / "tables").iterdir()) == ["properties.csv", "properties.parquet"]
