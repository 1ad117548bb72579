"""Tables of runs: stored, collected and compacted with their documented columns."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actbench.tables import parquet, schema, store
from actbench.tables.bits import pack, unpack
from actbench.tables.schema import SCHEMA


def _tables(run_id: str, *, seeds=(0,), status: str = "done", **config) -> schema.Tables:
    keys = [{"run_id": run_id, "seed": seed, "epoch": 1, "step": 4} for seed in seeds]
    return schema.from_rows(
        runs=[key | {"status": status, "protocol": 1, "test_loss": 0.5} | config for key in keys],
        epochs=[key | {"val_loss": 0.25} for key in keys],
        layers=[key | {"layer_index": i, "layer": f"hidden.{i}", "dead": 0.1 * i} for key in keys for i in (1, 2)],
    )


def test_landed_runs_are_collected_with_documented_dtypes():
    store.land(_tables("a", seeds=(0, 1), act="relu"), Path("r/runs/a"))
    store.land(_tables("b", act="elu", **{"act.alpha": 0.5, "data.standardize": True}), Path("r/runs/b"))
    runs, epochs, layers = store.collect("r")
    assert list(runs["run_id"]) == ["a", "a", "b"]
    assert list(runs["act"]) == ["relu", "relu", "elu"]
    assert runs["act.alpha"].isna().tolist() == [True, True, False]
    assert (len(epochs), len(layers)) == (3, 6)
    for frame, name in ((runs, "runs"), (epochs, "epochs"), (layers, "layers")):
        assert {c.name: c.dtype for c in SCHEMA[name]} == {c.name: str(frame[c.name].dtype) for c in SCHEMA[name]}


def test_compacting_does_not_change_the_collected_tables():
    for name in ("a", "b"):
        store.land(_tables(name, act="relu"), Path("r/runs") / name)
    before = store.collect("r")
    store.compact("r")
    store.compact("r")
    for one, two in zip(before, store.collect("r"), strict=True):
        pd.testing.assert_frame_equal(one, two)
    assert {path.name for path in Path("r/tables").iterdir()} == {"runs.parquet", "epochs.parquet", "layers.parquet"}


def test_published_tables_suffice_without_runs():
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


def test_landing_twice_keeps_the_first_and_leaves_no_temporary_files():
    store.land(_tables("a", act="relu"), Path("r/runs/a"), files={"note.txt": "first"})
    store.land(_tables("a", act="relu"), Path("r/runs/a"), files={"note.txt": "second"})
    assert [path.name for path in Path("r/runs").iterdir()] == ["a"]
    assert Path("r/runs/a/note.txt").read_text() == "first"


def test_a_half_written_run_is_ignored():
    store.land(_tables("a", act="relu"), Path("r/runs/a"))
    Path("r/runs/.b.123").mkdir()
    assert store.finished("r", among={"a", "b"}) == {"a"}
    assert list(store.collect("r").runs["run_id"]) == ["a"]


def test_a_folder_without_results_is_named():
    with pytest.raises(FileNotFoundError) as error:
        store.collect("nowhere")
    assert str(error.value) == (
        "There are no results in nowhere: a results folder holds tables/ or runs/. Give the folder that a run printed, "
        "for instance results/adhoc."
    )


def test_a_parameter_of_mixed_types_is_text():
    """A word in one run and a number in the next need one dtype, so that the column can be written and read."""
    for name, mode in (("a", "fast"), ("b", 2), ("c", None)):
        store.land(_tables(name, act="mine", **{"act.mode": mode}), Path("r/runs") / name)
    store.compact("r")
    modes = store.collect("r").runs["act.mode"]
    assert modes.isna().tolist() == [False, False, True]
    assert modes.dropna().tolist() == ["fast", "2"]


@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_packed_bits_are_unpacked_in_their_order(right):
    """Eight to the byte, the first one highest, as written out by hand."""
    packed = pack(np.array(right))
    text = "".join(str(int(bit)) for bit in right).ljust(8 * len(packed), "0")
    assert packed == bytes(int(text[i : i + 8], 2) for i in range(0, len(text), 8))
    assert unpack(packed, len(right)).tolist() == right


def test_which_images_were_right_is_kept_with_each_run_and_missing_in_older_tables():
    right = {"a": np.arange(21) % 3 > 0, "b": np.arange(21) % 2 > 0}
    for name, bits in right.items():
        store.land(_tables(name, num_test_images=21.0, test_right=pack(bits)), Path("r/runs") / name)
    older = _tables("c")
    with pytest.MonkeyPatch.context() as past:
        past.setattr(parquet, "FORMAT", 1)
        store.land(older._replace(runs=older.runs.drop(columns=["num_test_images", "test_right"])), Path("r/runs/c"))
    before = store.collect("r")
    store.compact("r")
    (Path("r") / "runs").rename("gone")
    for runs in (before.runs, store.collect("r").runs):
        stored = runs.set_index("run_id")
        for name, bits in right.items():
            cells = stored.loc[name]
            assert unpack(cells["test_right"], cells["num_test_images"]).tolist() == bits.tolist()
        assert stored.loc["c", ["num_test_images", "test_right"]].isna().all()


def test_the_block_size_does_not_change_the_collected_tables(monkeypatch):
    """The runs have a config column of mixed types and one with gaps, and one run failed; blocks may be incomplete."""
    for name, config in {"a": {"m": "fast"}, "b": {"m": 2}, "c": {}, "d": {"n": 0.5}, "e": {"m": 2.5}}.items():
        store.land(_tables(name, act="mine", **config), Path("r/runs") / name)
    store.land(_tables("f", status="failed"), Path("r/runs/f.failed"))
    expected = store.collect("r")
    assert list(expected.runs["run_id"]) == list("abcdef")
    for size in (1, 2, 4):
        monkeypatch.setattr(store, "_BLOCK_SIZE", size)
        for one, two in zip(expected, store.collect("r"), strict=True):
            pd.testing.assert_frame_equal(one, two)


def test_columns_have_labels_and_directions():
    assert schema.better("test_accuracy") == "higher"
    assert schema.better("test_loss") == "lower"
    assert schema.better("out_mean") is None
    assert [schema.label(name) for name in ("act.negative_slope", "learned.beta", "gain")] == [
        "negative slope", "learned beta", "gradient gain λ (log, per layer)"
    ]  # fmt: skip


def test_config_columns_are_those_that_are_not_measured():
    runs = _tables("a", act="elu", **{"act.alpha": 0.5}).runs
    assert schema.config_columns(runs) == ["act", "act.alpha"]


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), OSError(116, "Stale file handle")])
def test_a_run_that_only_another_user_may_read_is_left_out(error, monkeypatch):
    """Systems report it by different errors; the other runs are collected."""
    for name in ("relu-1", "tanh-1"):
        store.land(_tables(name, act=name.partition("-")[0]), Path("results/x/runs", name))
    is_file = Path.is_file

    def is_readable_file(path):
        if path.parent.name == "relu-1":
            raise error
        return is_file(path)

    monkeypatch.setattr(Path, "is_file", is_readable_file)
    assert store.finished("results/x", among={"relu-1", "tanh-1"}) == {"tanh-1"}
    with pytest.warns(UserWarning, match="results/x/runs/relu-1/runs.parquet cannot be read: ") as warned:
        runs = store.collect("results/x").runs
    assert [error.strerror in str(warning.message) for warning in warned] == [True]
    assert list(runs["run_id"]) == ["tanh-1"]


def test_an_unreadable_run_is_not_replaced(monkeypatch):
    """It belongs to another user and may be complete."""
    folder = Path("r/runs/a")
    store.land(_tables("a", act="relu"), folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    monkeypatch.setattr(parquet, "is_complete", lambda path, names: False)
    with pytest.raises(OSError, match="not empty"):
        store.land(_tables("a", act="relu", seeds=(0, 1)), folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in folder.parent.iterdir()] == ["a"]
