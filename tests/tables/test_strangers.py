"""Results folders of strangers: each run is shown, or named and left out; no file of yours is lost."""

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
from actbench.report import console, results_folder, statistics
from actbench.report.__main__ import main as report_main
from actbench.sweep import conclude, progress
from actbench.tables import atomic, parquet, store, tuning
from actbench.tables.tuning import Setting, Tuning

FOLDER = Path("r")
SMALL = ["num_seeds=1", "train.epochs=1", "data.num_train=64", "data.num_val=100", "model.width=8",
         "model.depth=1", "probes=none"]  # fmt: skip
BOTH = ["-m", "+act=relu,tanh", "hydra/launcher=basic", *SMALL]
INVALID = "{path} is not a valid table: "
pytestmark = pytest.mark.usefixtures("unrendered")
WRONG_TYPE = "its column {name} has type {dtype}, and a config value is a string, a number or a boolean."


@pytest.fixture
def runs() -> list[Path]:
    """Three stored runs; tests damage the first."""
    synthetic.results_folder(FOLDER, synthetic.tables(["elu", "relu", "tanh"], seeds=2, epochs=2))
    return sorted(FOLDER.glob("runs/*"))


def _replace_column(path: Path, name: str, values: pa.Array | list | None) -> None:
    """Replace a column of a file, or remove it if `values` is None; the metadata of the file are dropped."""
    table = pq.read_table(path).replace_schema_metadata(None)
    table = table.drop_columns([name] if name in table.column_names else [])
    pq.write_table(table if values is None else table.append_column(name, pa.array(values)), path)


def _invalid_utf8() -> pa.Array:
    """Two strings that are not UTF-8."""
    return pa.StringArray.from_buffers(2, pa.py_buffer(np.array([0, 1, 2], np.int32)), pa.py_buffer(b"\xff\xfe"))


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("model.width", [b"\xff", b"\xfe"], INVALID + WRONG_TYPE.format(name="model.width", dtype="binary")),
        ("act", [b"relu", b"relu"], INVALID + WRONG_TYPE.format(name="act", dtype="binary")),
        ("a\x1b[2J", [Decimal("1.5")] * 2, INVALID + WRONG_TYPE.format(name="a [2J", dtype="decimal128(2, 1)")),
        (
            "model.width",
            pa.array([2**64 - 1, 0], pa.uint64()),
            INVALID + WRONG_TYPE.format(name="model.width", dtype="uint64"),
        ),
        (
            "optim",
            pa.array([0, 1], pa.timestamp("us", tz="Nowhere/None")),
            INVALID + WRONG_TYPE.format(name="optim", dtype="timestamp[us, tz=Nowhere/None]"),
        ),
        (
            "act",
            pa.array([datetime.date(1, 1, 1)] * 2).dictionary_encode(),
            INVALID + WRONG_TYPE.format(name="act", dtype="date32[day]"),
        ),
        *(
            (
                name,
                _invalid_utf8(),
                "{path} cannot be read: Column %d: In chunk 0: Invalid: Invalid UTF8 sequence at string index 0.",
            )
            for name in ("act", "status", "run_id")
        ),
        ("status", ["done", "\x1b[2Jgone"], INVALID + "a status is one of done, diverged, failed, not [2Jgone."),
        ("status", None, INVALID + "its column status is absent or has gaps."),
        ("variant", ["x", "y"], INVALID + "the column name variant is reserved for reports."),
    ],
)
def test_a_run_with_a_column_of_the_wrong_type_is_left_out(name, values, message, runs):
    path = runs[0] / "runs.parquet"
    _replace_column(path, name, values)
    message = message.format(path=path)
    if "%d" in message:
        message %= pq.read_schema(path).names.index(name)
    tables, left_out = store.read(FOLDER)
    assert left_out == {runs[0]: message}
    assert set(tables.runs["act"]) == {"elu", "tanh"}
    assert store.compact(FOLDER) == [message]
    assert store.read(FOLDER)[1] == {runs[0]: message}


@pytest.mark.parametrize(
    ("values", "collected"),
    [
        (pa.array(["x", "y"]).dictionary_encode(), ["x", "y"]),
        ([True, False], ["true", "false"]),
        ([2**60 + 1, 2], ["1152921504606846977", "2"]),
        (pa.array([1, 2], pa.float16()), [1.0, 2.0]),
    ],
    ids=["categories", "booleans", "17 digits", "float16"],
)
def test_a_scalar_column_beside_floats_is_collected(values, collected, runs):
    _replace_column(runs[0] / "runs.parquet", "optim.lr", values)
    store.compact(FOLDER)
    tables, left_out = store.read(FOLDER)
    assert (len(tables.runs), left_out) == (6, {})
    assert tables.runs.loc[tables.runs["run_id"] == runs[0].name, "optim.lr"].tolist() == collected


def test_a_failed_run_has_no_layers(runs):
    """A figure would otherwise draw its activation without a place among the measured ones."""
    _replace_column(runs[0] / "runs.parquet", "status", ["failed", "done"])
    tables = store.collect(FOLDER)
    for frame in (tables.epochs, tables.layers):
        assert set(frame.loc[frame["run_id"] == runs[0].name, "seed"]) == {1}
        assert set(frame["run_id"]) == {path.name for path in runs}
        assert list(frame.index) == list(range(len(frame)))


def test_a_pipe_in_place_of_a_file_does_not_block(runs):
    (runs[0] / "runs.parquet").unlink()
    os.mkfifo(runs[0] / "runs.parquet")
    message = f"{runs[0]}/runs.parquet is missing: a run has the tables runs, epochs, layers."
    assert store.read(FOLDER)[1] == {runs[0]: message}
    assert store.finished(FOLDER, among={path.name for path in runs}) == {path.name for path in runs[1:]}


@pytest.mark.parametrize("name", ["runs", "tables"])
def test_cleaning_removes_nothing_through_a_link_and_no_file_with_a_similar_name(name, capsys):
    mine, age = Path("mine"), 2 * 3600
    mine.mkdir()
    for file in (".notes@work", ".me@example.org.key", f".a.{2**40}@{atomic.HERE}"):
        (mine / file).touch()
        os.utime(mine / file, (time.time() - age, time.time() - age))
    before = set(mine.iterdir())
    (FOLDER / "runs").mkdir(parents=True)
    notes = FOLDER / ".notes@work"
    notes.touch()
    os.utime(notes, (time.time() - age, time.time() - age))
    store.clean(FOLDER)
    assert notes.exists()

    shutil.rmtree(FOLDER / name, ignore_errors=True)
    (FOLDER / name).symlink_to(mine.resolve())
    assert main(["+act=relu", "output.root=.", f"output.name={FOLDER}", "num_seeds=1", "train.epochs=1"]) == 1
    message = f"r/{name} is a link, and nothing is written through links: replace it with a folder, or make r the link."
    assert message in capsys.readouterr().err
    assert set(mine.iterdir()) == before


@pytest.mark.parametrize("name", ["tables", "figures", "statistics"])
def test_nothing_is_written_through_a_link(name, runs, capsys):
    mine = Path("mine")
    mine.mkdir()
    for file in ("precious.csv", "ranking.png", "runs.parquet"):
        (mine / file).write_text("mine")
    (FOLDER / name).symlink_to(mine.resolve())
    message = f"r/{name} is a link, and nothing is written through links: replace it with a folder, or make r the link."
    assert report_main(["r"]) == 2
    assert capsys.readouterr() == ("", f"actbench.report: {message}\n")
    with pytest.raises(NotADirectoryError) as error:
        store.compact(FOLDER)
    assert str(error.value) == message
    assert {path.name: path.read_text() for path in mine.iterdir()} == dict.fromkeys(
        ("precious.csv", "ranking.png", "runs.parquet"), "mine"
    )


def test_a_report_is_made_if_runs_is_a_link(runs):
    (FOLDER / "runs").rename("scratch")
    (FOLDER / "runs").symlink_to(Path("scratch").resolve())
    assert report_main(["r"]) == 0


def _set_newer_format(path: Path) -> None:
    pq.write_table(
        pq.read_table(path).replace_schema_metadata({b"actbench.format": b"%d" % (parquet.FORMAT + 1)}), path
    )


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        ("epochs", Path.unlink),
        ("epochs", lambda path: path.write_bytes(b"broken")),
        ("layers", _set_newer_format),
        ("runs", lambda path: _replace_column(path, "status", [[1]] * 6)),
        ("runs", lambda path: _replace_column(path, "run_id", [[1]] * 6)),
        ("runs", lambda path: _replace_column(path, "run_id", None)),
    ],
    ids=["missing", "broken", "a newer format", "lists as status", "lists as run_id", "no run_id"],
)
def test_runs_in_broken_tables_are_measured_again(file, damage, runs):
    run_ids = {path.name for path in runs}
    store.compact(FOLDER)
    shutil.rmtree(FOLDER / "runs")
    assert store.finished(FOLDER, among=run_ids) == run_ids
    damage(FOLDER / "tables" / f"{file}.parquet")
    assert store.finished(FOLDER, among=run_ids) == set()


def test_tables_written_by_pandas_with_an_index_are_read(runs):
    run_ids = {path.name for path in runs}
    store.compact(FOLDER)
    shutil.rmtree(FOLDER / "runs")
    path = FOLDER / "tables" / "runs.parquet"
    pd.read_parquet(path).set_index("run_id").to_parquet(path)
    assert store.finished(FOLDER, among=run_ids) == run_ids
    assert len(store.collect(FOLDER).runs) == 6


def test_broken_tables_are_kept_in_a_folder_with_an_unprintable_name(runs):
    """Messages replace unprintable characters, so the folder cannot be identified by its name in a message."""
    folder = Path("r  r\x1b")
    FOLDER.rename(folder)
    store.compact(folder)
    (folder / "tables" / "epochs.parquet").write_bytes(b"broken")
    shutil.rmtree(folder / "runs" / runs[0].name)
    store.compact(folder)
    assert len(pd.read_parquet(folder / "tables" / "runs.parquet")) == 6


def test_no_run_is_lost_if_tables_are_replaced_while_they_are_read(runs, monkeypatch):
    """Another command compacts at that moment: only runs in the tables as read are skipped in runs/."""
    shutil.move(runs[0], "elsewhere")
    store.compact(FOLDER)
    shutil.move("elsewhere", runs[0])
    read = parquet.read

    def read_then_compact(folder, **options):
        stored = read(folder, **options)
        if folder == FOLDER / "tables":
            monkeypatch.setattr(parquet, "read", read)
            store.compact(FOLDER)
        return stored

    monkeypatch.setattr(parquet, "read", read_then_compact)
    assert len(store.collect(FOLDER).runs) == 6


def test_a_command_whose_run_cannot_be_read_says_what_to_do(capsys):
    """A file damaged in the middle still has its footer: the run is not measured again, and the command fails."""
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
    summary = "actbench: 1 of {} cannot be read: delete or restore each folder left out, and repeat the command.\n"
    assert conclude.conclude(progress.runs_of(jobs)) == 1
    out, err = capsys.readouterr()
    assert err == left_out + summary.format("2 runs")
    assert "\nReport: results/adhoc/report.html\n" in out
    assert conclude.conclude(progress.runs_of(jobs[:1])) == 1
    assert capsys.readouterr() == ("", left_out + summary.format("1 runs"))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda path: path.write_bytes(b"junk"),
            "{} cannot be read: Parquet file size is 4 bytes, smaller than the minimum file footer (8 bytes).",
        ),
        (
            lambda path: pd.DataFrame({"price": [1.0]}).to_parquet(path),
            "{} is not a valid table: its column index is absent or has gaps.",
        ),
    ],
    ids=["junk", "another table"],
)
def test_properties_that_cannot_be_read_are_left_out(damage, message, runs):
    (FOLDER / "tables").mkdir()
    path = FOLDER / "tables" / "properties.parquet"
    damage(path)
    facts, left_out = statistics.facts(FOLDER)
    assert (len(facts), left_out) == (0, [message.format(path)])
    markdown = results_folder.write(FOLDER).with_suffix(".md").read_text("utf-8")
    assert f"### What was left out\n\n- {message.format(path)}\n" in markdown


def test_the_summary_has_no_cost_if_its_settings_are_missing(runs):
    tables = store.collect(FOLDER)
    tables = tables._replace(runs=tables.runs.drop(columns="threads").assign(peak_mib=1.0))
    assert "Ran on" not in console.text(tables, run_ids={path.name for path in runs})


def test_a_tuning_without_any_complete_run_is_one_message(runs, capsys):
    tuning.write(Tuning(1000, (1,), (), (0.1,), ("he",), Setting(0.1, "he"), {}), FOLDER)
    for folder in runs[1:]:
        shutil.rmtree(folder)
    (runs[0] / "runs.parquet").unlink()
    for arguments in (["--tuned", "r"], ["r"]):
        assert report_main(arguments) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert "runs.parquet is missing: a run has the tables" in err
