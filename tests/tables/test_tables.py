"""TODO."""

import os
from pathlib import Path

import pandas as pd
import pytest

from actbench.tables import parquet, schema, store
from actbench.tables.schema import SCHEMA


def _tables(run_id: str, *, seeds=(0,), status: str = "done", **config) -> schema.Tables:
    keys = [{"run_id": run_id, "seed": seed, "epoch": 1, "step": 4} for seed in seeds]
    return schema.from_rows(
        runs=[key | {"status": status, "protocol": 1, "test_loss": 0.5} | config for key in keys],
        epochs=[key | {"val_loss": 0.25} for key in keys],
        layers=[key | {"layer_index": i, "layer": f"hidden.{i}", "dead": 0.1 * i} for key in keys for i in (1, 2)],
    )


def test_what_is_landed_is_collected_with_documented_dtypes():
    store.land(_tables("a", seeds=(0, 1), act="relu"), Path("r/runs/a"))
    store.land(_tables("b", act="elu", **{"act.alpha": 0.5, "data.standardize": True}), Path("r/runs/b"))
    runs, epochs, layers = store.collect("r")
    assert list(runs["run_id"]) == ["a", "a", "b"]
    assert list(runs["act"]) == ["relu", "relu", "elu"]
    assert runs["act.alpha"].isna().tolist() == [True, True, False]
    assert (len(epochs), len(layers)) == (3, 6)
    for frame, name in ((runs, "runs"), (epochs, "epochs"), (layers, "layers")):
        assert {c.name: c.dtype for c in SCHEMA[name]} == {c.name: str(frame[c.name].dtype) for c in SCHEMA[name]}


def test_compacting_changes_nothing_that_is_collected():
    for name in ("a", "b"):
        store.land(_tables(name, act="relu"), Path("r/runs") / name)
    before = store.collect("r")
    store.compact("r")
    store.compact("r")
    for one, two in zip(before, store.collect("r"), strict=True):
        pd.testing.assert_frame_equal(one, two)
    assert {path.name for path in Path("r/tables").iterdir()} == {"runs.parquet", "epochs.parquet", "layers.parquet"}


def test_published_tables_are_enough():
    store.land(_tables("a", act="relu"), Path("r/runs/a"))
    store.compact("r")
    (Path("r") / "runs").rename("gone")
    assert list(store.collect("r").runs["run_id"]) == ["a"]
    assert store.finished("r", among={"a", "b"}) == {"a"}


def test_a_finished_run_replaces_its_failure():
    store.land(_tables("a", status="failed", act="relu"), Path("r/runs/a.failed"))
    assert store.finished("r", among={"a", "b"}) == set()
    store.compact("r")
    store.land(_tables("a", act="relu"), Path("r/runs/a"))
    assert list(store.collect("r").runs["status"]) == ["done"]
    assert store.finished("r", among={"a", "b"}) == {"a"}
    assert len(store.collect("r").epochs) == 1


def test_landing_twice_keeps_the_first_and_leaves_no_litter():
    store.land(_tables("a", act="relu"), Path("r/runs/a"), files={"note.txt": "first"})
    store.land(_tables("a", act="relu"), Path("r/runs/a"), files={"note.txt": "second"})
    assert [path.name for path in Path("r/runs").iterdir()] == ["a"]
    assert Path("r/runs/a/note.txt").read_text() == "first"


def test_what_is_half_written_is_not_there():
    store.land(_tables("a", act="relu"), Path("r/runs/a"))
    Path("r/runs/.b.123").mkdir()
    assert store.finished("r", among={"a", "b"}) == {"a"}
    assert list(store.collect("r").runs["run_id"]) == ["a"]


def test_a_folder_without_results_is_named():
    with pytest.raises(FileNotFoundError) as caught:
        store.collect("nowhere")
    assert str(caught.value) == (
        "There are no results in nowhere: a results folder holds tables/ or runs/. Give the folder that a run printed, "
        "for instance results/adhoc."
    )


def test_a_parameter_of_several_kinds_is_text():
    """A word in one run, a number in the next: one dtype a column, so that the tables can be written and read."""
    for name, mode in (("a", "fast"), ("b", 2), ("c", None)):
        store.land(_tables(name, act="mine", **{"act.mode": mode}), Path("r/runs") / name)
    store.compact("r")
    modes = store.collect("r").runs["act.mode"]
    assert modes.isna().tolist() == [False, False, True]
    assert modes.dropna().tolist() == ["fast", "2"]


def test_it_does_not_matter_how_many_parts_become_one_at_a_time(monkeypatch):
    """A config of several kinds, one that is not always there, and a failed run, in blocks and beside them."""
    for name, config in {"a": {"m": "fast"}, "b": {"m": 2}, "c": {}, "d": {"n": 0.5}, "e": {"m": 2.5}}.items():
        store.land(_tables(name, act="mine", **config), Path("r/runs") / name)
    store.land(_tables("f", status="failed"), Path("r/runs/f.failed"))
    whole = store.collect("r")
    assert list(whole.runs["run_id"]) == list("abcdef")
    for at_once in (1, 2, 4):
        monkeypatch.setattr(store, "_AT_ONCE", at_once)
        for one, two in zip(whole, store.collect("r"), strict=True):
            pd.testing.assert_frame_equal(one, two)


def test_labels_and_directions_are_stated_once():
    assert schema.better("test_accuracy") == "higher"
    assert schema.better("test_loss") == "lower"
    assert schema.better("out_mean") is None
    assert schema.label("act.alpha") == "act.alpha"


def test_config_columns_are_those_that_are_not_measured():
    runs = _tables("a", act="elu", **{"act.alpha": 0.5}).runs
    assert schema.config_columns(runs) == ["act", "act.alpha"]


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), OSError(116, "Stale file handle")])
def test_a_run_that_another_user_keeps_to_himself_is_left_out(error, monkeypatch):
    """Each system's own word for it; the others are collected."""
    for name in ("relu-1", "tanh-1"):
        store.land(_tables(name, act=name.partition("-")[0]), Path("results/x/runs", name))
    is_file = Path.is_file

    def refused(path):
        if path.parent.name == "relu-1":
            raise error
        return is_file(path)

    monkeypatch.setattr(Path, "is_file", refused)
    assert store.finished("results/x", among={"relu-1", "tanh-1"}) == {"tanh-1"}
    with pytest.warns(UserWarning, match="results/x/runs/relu-1/runs.parquet cannot be read: ") as told:
        runs = store.collect("results/x").runs
    assert [error.strerror in str(warning.message) for warning in told] == [True]
    assert list(runs["run_id"]) == ["tanh-1"]


def test_a_run_that_may_not_be_read_is_not_replaced(monkeypatch):
    """Another user's, measured already for all that is known."""
    folder = Path("r/runs/a")
    store.land(_tables("a", act="relu"), folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    monkeypatch.setattr(parquet, "whole", lambda path, names: False)
    with pytest.raises(OSError, match="not empty"):
        store.land(_tables("a", act="relu", seeds=(0, 1)), folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in folder.parent.iterdir()] == ["a"]
