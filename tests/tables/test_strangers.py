"""A results folder of somebody else: what it holds is shown, or named and left out; nothing of yours is lost."""

import datetime
import os
import shutil
import time
from decimal import Decimal
from pathlib import Path

import commands
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import synthetic

from actbench.__main__ import main
from actbench.measure import run
from actbench.report import console, statistics, workloads
from actbench.report.__main__ import main as report_main
from actbench.sweep import conclude, progress
from actbench.tables import atomic, parquet, store

FOLDER = Path("r")
SMALL = ["num_seeds=1", "train.epochs=1", "data.num_train=64", "data.num_val=100", "data.num_test=100", "model.width=8",
         "model.depth=1", "probes=none"]  # fmt: skip
BOTH = ["-m", "+act=relu,tanh", "hydra/launcher=basic", *SMALL]
NO_TABLE = "{path} is no table of a run: "
AT_FAULT = "its column {name} is {kind}, and a config value is a word, a number or a truth value."


@pytest.fixture
def runs() -> list[Path]:
    """Three landed runs, the first of which is to be spoiled."""
    synthetic.landed(FOLDER, synthetic.tables(["elu", "relu", "tanh"], seeds=2, epochs=2))
    return sorted(FOLDER.glob("runs/*"))


def _put(path: Path, name: str, values: pa.Array | list | None) -> None:
    """Put a column in a file, or, with None, take it away; the file has no marks then."""
    table = pq.read_table(path).replace_schema_metadata(None)
    table = table.drop_columns([name] if name in table.column_names else [])
    pq.write_table(table if values is None else table.append_column(name, pa.array(values)), path)


def _no_text() -> pa.Array:
    """Two strings that are not UTF-8."""
    return pa.StringArray.from_buffers(2, pa.py_buffer(np.array([0, 1, 2], np.int32)), pa.py_buffer(b"\xff\xfe"))


@pytest.mark.parametrize(
    ("name", "values", "told"),
    [
        ("model.width", [b"\xff", b"\xfe"], NO_TABLE + AT_FAULT.format(name="model.width", kind="binary")),
        ("act", [b"relu", b"relu"], NO_TABLE + AT_FAULT.format(name="act", kind="binary")),
        ("a\x1b[2J", [Decimal("1.5")] * 2, NO_TABLE + AT_FAULT.format(name="a [2J", kind="decimal128(2, 1)")),
        (
            "model.width",
            pa.array([2**64 - 1, 0], pa.uint64()),
            NO_TABLE + AT_FAULT.format(name="model.width", kind="uint64"),
        ),
        (
            "optim",
            pa.array([0, 1], pa.timestamp("us", tz="Nowhere/None")),
            NO_TABLE + AT_FAULT.format(name="optim", kind="timestamp[us, tz=Nowhere/None]"),
        ),
        (
            "act",
            pa.array([datetime.date(1, 1, 1)] * 2).dictionary_encode(),
            NO_TABLE + AT_FAULT.format(name="act", kind="date32[day]"),
        ),
        *(
            (
                name,
                _no_text(),
                "{path} cannot be read: Column %d: In chunk 0: Invalid: Invalid UTF8 sequence at string index 0.",
            )
            for name in ("act", "status", "run_id")
        ),
        ("status", ["done", "\x1b[2Jgone"], NO_TABLE + "a status is done, diverged, failed, and not [2Jgone."),
        ("status", None, NO_TABLE + "its column status is absent or has gaps."),
        ("variant", ["x", "y"], NO_TABLE + "variant is the name of a column that a report makes."),
    ],
)
def test_a_column_of_another_kind_leaves_its_run_out(name, values, told, runs):
    path = runs[0] / "runs.parquet"
    _put(path, name, values)
    told = told.format(path=path)
    if "%d" in told:
        told %= pq.read_schema(path).names.index(name)
    found, left_out = store.read(FOLDER)
    assert left_out == {runs[0]: told}
    assert set(found.runs["act"]) == {"elu", "tanh"}
    assert store.compact(FOLDER) == [told]
    assert store.read(FOLDER)[1] == {runs[0]: told}


@pytest.mark.parametrize(
    ("values", "taken"),
    [
        (pa.array(["x", "y"]).dictionary_encode(), ["x", "y"]),
        ([True, False], ["true", "false"]),
        ([2**60 + 1, 2], ["1152921504606846977", "2"]),
        (pa.array([1, 2], pa.float16()), [1.0, 2.0]),
    ],
    ids=["categories", "truth values", "17 digits", "halves"],
)
def test_a_plain_column_beside_fractions_is_taken(values, taken, runs):
    _put(runs[0] / "runs.parquet", "optim.lr", values)
    store.compact(FOLDER)
    found, left_out = store.read(FOLDER)
    assert (len(found.runs), left_out) == (6, {})
    assert found.runs.loc[found.runs["run_id"] == runs[0].name, "optim.lr"].tolist() == taken


def test_a_failed_run_has_no_layers(runs):
    """Its activation would be drawn without a place among those that were measured."""
    _put(runs[0] / "runs.parquet", "status", ["failed", "done"])
    found = store.collect(FOLDER)
    for frame in (found.epochs, found.layers):
        assert set(frame.loc[frame["run_id"] == runs[0].name, "seed"]) == {1}
        assert set(frame["run_id"]) == {path.name for path in runs}
        assert list(frame.index) == list(range(len(frame)))


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(runs):
    (runs[0] / "runs.parquet").unlink()
    os.mkfifo(runs[0] / "runs.parquet")
    told = f"{runs[0]}/runs.parquet is missing: a run has the tables runs, epochs, layers."
    assert store.read(FOLDER)[1] == {runs[0]: told}
    assert store.finished(FOLDER, among={path.name for path in runs}) == {path.name for path in runs[1:]}


@pytest.mark.parametrize("name", ["runs", "tables"])
def test_nothing_is_taken_away_through_a_link_nor_what_is_only_named_alike(name, capsys):
    mine, age = Path("mine"), 2 * 3600
    mine.mkdir()
    for file in (".notes@work", ".me@example.org.key", f".a.{2**40}@{atomic.HERE}"):
        (mine / file).touch()
        os.utime(mine / file, (time.time() - age, time.time() - age))
    before = set(mine.iterdir())
    (FOLDER / "runs").mkdir(parents=True)
    kept = FOLDER / ".notes@work"
    kept.touch()
    os.utime(kept, (time.time() - age, time.time() - age))
    store.clean(FOLDER)
    assert kept.exists()

    shutil.rmtree(FOLDER / name, ignore_errors=True)
    (FOLDER / name).symlink_to(mine.resolve())
    assert main(["+act=relu", "output.root=.", f"output.name={FOLDER}", "num_seeds=1", "train.epochs=1"]) == 1
    told = f"r/{name} is a link, and nothing is written through one: put a folder in its place, or make r the link."
    assert told in capsys.readouterr().err
    assert set(mine.iterdir()) == before


@pytest.mark.parametrize("name", ["tables", "figures", "statistics"])
def test_nothing_is_written_through_a_link(name, runs, capsys):
    mine = Path("mine")
    mine.mkdir()
    for file in ("precious.csv", "ranking.png", "runs.parquet"):
        (mine / file).write_text("mine")
    (FOLDER / name).symlink_to(mine.resolve())
    told = f"r/{name} is a link, and nothing is written through one: put a folder in its place, or make r the link."
    assert report_main(["r"]) == 2
    assert capsys.readouterr() == ("", f"actbench.report: {told}\n")
    with pytest.raises(NotADirectoryError) as caught:
        store.compact(FOLDER)
    assert str(caught.value) == told
    assert {path.name: path.read_text() for path in mine.iterdir()} == dict.fromkeys(
        ("precious.csv", "ranking.png", "runs.parquet"), "mine"
    )


def test_a_report_is_made_where_runs_lie_elsewhere(runs):
    (FOLDER / "runs").rename("scratch")
    (FOLDER / "runs").symlink_to(Path("scratch").resolve())
    assert report_main(["r"]) == 0


def _newer(path: Path) -> None:
    pq.write_table(pq.read_table(path).replace_schema_metadata({b"actbench.format": b"2"}), path)


@pytest.mark.parametrize(
    ("file", "spoil"),
    [
        ("epochs", Path.unlink),
        ("epochs", lambda path: path.write_bytes(b"broken")),
        ("layers", _newer),
        ("runs", lambda path: _put(path, "status", [[1]] * 6)),
        ("runs", lambda path: _put(path, "run_id", [[1]] * 6)),
        ("runs", lambda path: _put(path, "run_id", None)),
    ],
    ids=["missing", "broken", "a newer format", "lists of status", "lists of names", "no names"],
)
def test_what_stands_in_broken_tables_is_measured_again(file, spoil, runs):
    names = {path.name for path in runs}
    store.compact(FOLDER)
    shutil.rmtree(FOLDER / "runs")
    assert store.finished(FOLDER, among=names) == names
    spoil(FOLDER / "tables" / f"{file}.parquet")
    assert store.finished(FOLDER, among=names) == set()


def test_tables_that_pandas_wrote_with_an_index_are_read(runs):
    names = {path.name for path in runs}
    store.compact(FOLDER)
    shutil.rmtree(FOLDER / "runs")
    path = FOLDER / "tables" / "runs.parquet"
    pd.read_parquet(path).set_index("run_id").to_parquet(path)
    assert store.finished(FOLDER, among=names) == names
    assert len(store.collect(FOLDER).runs) == 6


def test_broken_tables_are_kept_whatever_their_folder_is_called(runs):
    """Its name is shown on one line of printable characters, and is not told by that."""
    folder = Path("r  r\x1b")
    FOLDER.rename(folder)
    store.compact(folder)
    (folder / "tables" / "epochs.parquet").write_bytes(b"broken")
    shutil.rmtree(folder / "runs" / runs[0].name)
    store.compact(folder)
    assert len(pd.read_parquet(folder / "tables" / "runs.parquet")) == 6


def test_tables_that_are_replaced_while_they_are_read_lose_no_run(runs, monkeypatch):
    """Another command compacts at that moment: what was read tells which runs are in it, not what is there now."""
    shutil.move(runs[0], "elsewhere")
    store.compact(FOLDER)
    shutil.move("elsewhere", runs[0])
    read = parquet.read

    def overtaken(part, **given):
        found = read(part, **given)
        if part == FOLDER / "tables":
            monkeypatch.setattr(parquet, "read", read)
            store.compact(FOLDER)
        return found

    monkeypatch.setattr(parquet, "read", overtaken)
    assert len(store.collect(FOLDER).runs) == 6


def test_a_command_whose_run_cannot_be_read_says_what_to_do(capsys):
    """Damaged in the middle, its end is whole: it is not measured again, and the command does not succeed."""
    jobs = commands.jobs(*BOTH)
    for job in jobs:
        run.run(job, show_progress=False)
    folder = Path("results/adhoc")
    relu, _ = sorted((folder / "runs").iterdir())
    path = relu / "runs.parquet"
    path.write_bytes(b"PAR1" + b"\0" * 400 + path.read_bytes()[404:])
    left_out = (
        f"left out: {path} cannot be read: Couldn't deserialize thrift: TProtocolException: Invalid data "
        "Deserializing page header failed.\n"
    )
    told = (
        "actbench: 1 of {} cannot be read: delete or restore the folder of each file that was left out, and give the "
        "same command again.\n"
    )
    assert conclude.conclude(progress.runs_of(jobs)) == 1
    out, err = capsys.readouterr()
    assert err == left_out + told.format("2 runs")
    assert "\nReport: results/adhoc/report.html\n" in out
    assert conclude.conclude(progress.runs_of(jobs[:1])) == 1
    assert capsys.readouterr() == ("", left_out + told.format("1 runs"))


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (
            lambda path: path.write_bytes(b"junk"),
            "{} cannot be read: Parquet file size is 4 bytes, smaller than the minimum file footer (8 bytes).",
        ),
        (
            lambda path: pd.DataFrame({"price": [1.0]}).to_parquet(path),
            "{} is no table of a run: its column index is absent or has gaps.",
        ),
    ],
    ids=["junk", "another table"],
)
def test_properties_that_cannot_be_read_are_left_out(spoil, told, runs):
    (FOLDER / "tables").mkdir()
    path = FOLDER / "tables" / "properties.parquet"
    spoil(path)
    facts, left_out = statistics.facts(FOLDER)
    assert (len(facts), left_out) == (0, [told.format(path)])
    markdown = workloads.write(FOLDER).with_suffix(".md").read_text("utf-8")
    assert f"### What was left out\n\n- {told.format(path)}\n" in markdown


def test_the_summary_is_silent_on_cost_without_its_settings(runs):
    found = store.collect(FOLDER)
    found = found._replace(runs=found.runs.drop(columns="threads").assign(peak_mib=1.0))
    assert "Ran on" not in console.text(found, run_ids={path.name for path in runs})


def test_nothing_whole_to_choose_a_rate_from_is_one_sentence(runs, capsys):
    for folder in runs:
        (folder / "runs.parquet").unlink()
    with pytest.warns(UserWarning, match="is missing: a run has the tables"):
        assert report_main(["--tuned", "r"]) == 2
    told = "actbench.report: There are no runs in r with an activation and a learning rate to choose from.\n"
    assert capsys.readouterr() == ("", told)
