"""A single run in its field, as sentences: from a sweep beside it, from the one that is shipped, or how to get one."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import synthetic
from pages import numbers

from actbench.report import field, results_folder
from actbench.report.__main__ import main as report_main
from actbench.tables import store
from actbench.tables.schema import Tables

ROOT = Path(__file__).resolve().parents[2]
DIGITS = ROOT / "results" / "digits_mlp"
SAME = {"track": "shared", "data.num_folds": 5, "data.num_classes": 10, "looks": "[10, 20, 40]"}


def beside(root: Path, names: list[str], *, seeds: int = 20, name: str = "sweep", **config) -> Path:
    """A results folder with a sweep, compacted."""
    folder = root / name
    synthetic.results_folder(folder, synthetic.tables(names, seeds=seeds, depth=1, epochs=1, **SAME | config))
    store.compact(folder)
    return folder


def said(root: Path, name: str = "mine", *, seeds: int = 10, first_seed: int = 0, **config) -> list[str]:
    """What is said of a run in the folder adhoc."""
    config = SAME | config
    tables = synthetic.tables([name], seeds=seeds, first_seed=first_seed, depth=1, epochs=1, **config)
    return field.sentences(root / "adhoc", tables, tables.runs["run_id"].iloc[0])


def test_the_shipped_field_is_what_the_command_makes_of_the_published_sweep(tmp_path, monkeypatch):
    published = field.SHIPPED / "digits_mlp" / "tables" / "runs.parquet"
    assert published.stat().st_size < 2**20
    monkeypatch.setattr(field, "SHIPPED", tmp_path)
    made = field.ship(DIGITS)
    assert made == tmp_path / "digits_mlp" / "tables" / "runs.parquet"
    pd.testing.assert_frame_equal(pd.read_parquet(made), pd.read_parquet(published))


@pytest.mark.parametrize("name", ["mish", "relu"])
def test_the_shipped_field_says_what_the_published_one_says(name):
    """A run of the published sweep itself, on its first ten seeds."""
    runs = store.collect(DIGITS).runs
    own = runs[(runs["act"] == name) & (runs["track"] == "shared") & (runs["seed"] < 10)].assign(run_id="own")
    tables = Tables(own, *(frame[:0] for frame in store.collect(DIGITS)[1:]))
    shipped, published = (field.sentences(root / "adhoc", tables, "own") for root in (Path("elsewhere"), DIGITS.parent))
    assert [each.replace("the shipped digits_mlp", str(DIGITS)) for each in shipped] == published
    shared = runs[(runs["track"] == "shared") & (runs["seed"] < 10)]
    means = shared.groupby("act")["test_accuracy"].mean().round(12)
    (place,) = (each for each in published if "Its mean is the" in each)
    assert (means > means[name]).sum() + 1 <= numbers(place.replace("th", "").replace("rd", ""))[0]
    assert f"of {len(means)} " in place


def test_a_run_is_set_into_the_sweep_beside_it(tmp_path):
    folder = beside(tmp_path, ["relu", "tanh", "gelu"])
    first, place, against, *_ = said(tmp_path)
    assert first.startswith("mine: test accuracy ")
    assert str(folder) in place
    assert " of 4 on the same 10 seeds " in place
    assert against.startswith("Against relu, seed by seed: ")


def test_the_difference_is_in_points_of_accuracy(tmp_path):
    sweep = beside(tmp_path, ["relu", "tanh"])
    tables = synthetic.tables(["mine"], seeds=10, depth=1, epochs=1, **SAME)
    accuracies = tables.runs.sort_values("seed")["test_accuracy"].to_numpy()
    runs = store.collect(sweep).runs
    base = runs[(runs["act"] == "relu") & (runs["seed"] < 10)].sort_values("seed")["test_accuracy"].to_numpy()
    (against,) = (each for each in said(tmp_path) if each.startswith("Against relu"))
    shown, low, high, *_ = numbers(against)
    assert shown == pytest.approx(100 * (accuracies - base).mean(), abs=0.05)
    assert low < shown < high


def test_before_the_first_look_there_is_no_verdict_and_the_seeds_that_lack_are_named(tmp_path):
    beside(tmp_path, ["relu", "tanh"])
    assert said(tmp_path, seeds=4)[-1] == "There is no verdict before the first look, at 10 seeds: give num_seeds=10."


def test_only_the_reference_is_compared_with_and_no_place_is_given(tmp_path):
    beside(tmp_path, ["relu"])
    sentences = said(tmp_path)
    assert sentences[1].startswith("Against relu, seed by seed: ")
    assert not [each for each in sentences if "Its mean is the" in each]


@pytest.mark.parametrize(
    ("own", "sentence"),
    [
        ({"optim.lr": 0.3}, "has optim.lr=0.1, not optim.lr=0.3."),
        ({"first_seed": 100}, "has the seeds 0 to 19, none of these. Give seed=0."),
        ({"data": "mnist"}, "no sweep here has this data, model and task."),
    ],
)
def test_without_a_field_it_says_why_and_how_to_get_one(tmp_path, own, sentence):
    beside(tmp_path, ["relu", "tanh"])
    _, without = said(tmp_path, **own)
    assert without.startswith("Nothing to compare with: ")
    assert sentence in without
    assert ("-m '+act=glob(*)'" in without) == ("first_seed" not in own)


def test_a_sweep_of_the_same_function_or_on_tuning_seeds_is_none_to_compare_with(tmp_path):
    beside(tmp_path, ["mine"], name="alone")
    tuning = synthetic.tables(["relu", "tanh"], seeds=4, first_seed=1000, depth=1, epochs=1, **SAME)
    synthetic.results_folder(tmp_path / "sweep_doubled", tuning)
    for sentence in (said(tmp_path)[1], said(tmp_path, first_seed=1000)[1]):
        assert "no sweep here has this data, model and task" in sentence
    assert "with +act=relu" in said(tmp_path)[1]
    assert "with +act=relu" not in said(tmp_path, "relu")[1]


def test_the_largest_field_counts(tmp_path):
    beside(tmp_path, ["relu", "tanh"], name="a")
    largest = beside(tmp_path, ["relu", "tanh", "gelu"], name="b", seeds=10)
    beside(tmp_path, ["relu", "tanh", "gelu", "elu", "silu"], name="c", **{"optim.lr": 0.7})
    assert f"({largest})" in said(tmp_path)[1]


def test_a_broken_folder_beside_it_is_passed_over(tmp_path):
    beside(tmp_path, ["relu", "tanh", "gelu"])
    (tmp_path / "broken" / "tables").mkdir(parents=True)
    (tmp_path / "broken" / "tables" / "runs.parquet").write_bytes(b"PAR1 and nothing else PAR1")
    (tmp_path / "empty").mkdir()
    assert " of 4 on the same 10 seeds " in said(tmp_path)[1]


def test_seeds_that_learned_nothing_are_counted(tmp_path):
    tables = synthetic.tables(["mine"], seeds=10, depth=1, epochs=1, **SAME)
    tables = tables._replace(runs=tables.runs.assign(test_loss=[2.31] * 3 + [0.2] * 7))
    first, *_ = field.sentences(tmp_path / "adhoc", tables, tables.runs["run_id"].iloc[0])
    assert "3 of 10 diverged or learned nothing." in first


def test_a_failed_run_has_no_sentence(tmp_path):
    tables = synthetic.tables(["mine"], seeds=1, depth=1, epochs=1, **SAME)
    tables = tables._replace(runs=tables.runs.assign(status="failed", test_accuracy=np.nan, test_loss=np.nan))
    assert field.sentences(tmp_path / "adhoc", tables, tables.runs["run_id"].iloc[0]) == []


@pytest.mark.usefixtures("undrawn")
def test_the_page_of_a_single_run_holds_the_sentences_also_when_it_is_made_again(tmp_path, capsys):
    beside(tmp_path, ["relu", "tanh", "gelu"])
    folder = beside(tmp_path, ["mine"], seeds=10, name="adhoc")
    tables = store.collect(folder)
    (run_id,) = tables.runs["run_id"].unique()
    sentences = field.sentences(folder, tables, run_id)
    results_folder.write(folder, run_ids={run_id}, standing=sentences)
    page = (folder / "report.md").read_text("utf-8")
    assert sentences[0] in page.replace("\\", "")
    assert "<summary>How a run is set into its field</summary>" in page
    assert report_main([str(folder)]) == 0
    assert (folder / "report.md").read_text("utf-8") == page


@pytest.mark.usefixtures("undrawn")
def test_the_title_asks_about_the_run_that_the_sentences_are_of(tmp_path):
    beside(tmp_path, ["relu", "tanh", "gelu"])
    folder = beside(tmp_path, ["mine", "another"], seeds=10, name="adhoc")
    tables = store.collect(folder)
    (run_id,) = tables.runs.loc[tables.runs["act"] == "mine", "run_id"].unique()
    results_folder.write(folder, run_ids={run_id}, standing=field.sentences(folder, tables, run_id))
    title = (folder / "report.md").read_text("utf-8").splitlines()[0]
    assert "mine" in title
    assert "another" not in title
