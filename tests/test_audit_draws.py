"""What is published of several tuning draws on the same seeds, decided anew from the runs and the choices."""

import json
import re
import shutil
from pathlib import Path

import audit
import numpy as np
import pandas as pd
import pytest
import synthetic
from audit_verdicts import confidence_set, contrasts_of, decide_anew

from actbench.report import draws, results_folder
from actbench.tables.schema import Tables
from actbench.tables.store import collect
from actbench.tables.tuning import Setting, Tuning
from actbench.tables.tuning import write as write_tuning

ONE_WORKER = pytest.mark.xdist_group("drawn")  # the folders are made once
ACTS, SETTINGS = ("relu", "gelu", "mish", "tanh"), ((0.003, "torch"), (0.01, "lsuv"), (0.03, "torch"))
# The setting of each activation in three draws; gelu's error depends on it, relu's setting changes once.
CHOSEN = {"relu": (0, 0, 1), "gelu": (0, 1, 2), "mish": (1, 1, 1), "tanh": (2, 2, 0)}
ERRORS = {"relu": (0.2, 0.205, 0.2), "gelu": (0.1, 0.2, 0.3), "mish": (0.3, 0.15, 0.3), "tanh": (0.21, 0.2, 0.22)}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Path:
    """Three tunings, and every setting that one of them chose on 20 seeds."""
    root, rng = tmp_path_factory.mktemp("drawn"), np.random.default_rng(1)
    parts = []
    for act in ACTS:
        for place in sorted(set(CHOSEN[act])):
            lr, init = SETTINGS[place]
            config = {"track": "tuned", "init": init, "looks": "[20]", "optim.lr": lr}
            runs = synthetic.tables([act], seeds=20, depth=1, epochs=1, **config).runs
            error = ERRORS[act][place] + 0.015 * rng.normal(size=20)
            parts.append(runs.assign(test_accuracy=1 - error, test_right=None))
    tables = synthetic.tables(["relu"], seeds=1, depth=1, epochs=1)
    synthetic.results_folder(root / "mine_retuned", Tables(pd.concat(parts), tables.epochs[:0], tables.layers[:0]))
    for draw in range(3):
        folder = root / ("mine_tuning" if draw == 0 else f"mine_tuning_{draw + 1}")
        asked = Tuning(1000 + 10 * draw, (10,), (), (0.003, 0.01, 0.03), ("torch", "lsuv"), Setting(0.003, "torch"), {})
        write_tuning(asked, folder)
        (folder / "statistics").mkdir()
        rows = [{"act": act, "parameters": "{}", "num_seeds": 10,
                 **dict(zip(("lr", "init"), SETTINGS[CHOSEN[act][draw]], strict=True))} for act in ACTS]  # fmt: skip
        pd.DataFrame(rows).to_csv(folder / "statistics" / "tuning.csv", index=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("actbench.figures.style.save", lambda figure, path: path.touch())
        results_folder.write(root / "mine_retuned")
    return root / "mine_retuned"


PUBLISHED = [
    pytest.param(folder, id=folder.name, marks=pytest.mark.published)
    for folder in audit.FOLDERS
    if folder.name.endswith("_retuned")
]


@pytest.fixture(params=[pytest.param(None, id="invented", marks=ONE_WORKER), *PUBLISHED])
def retuned(request) -> Path:
    return request.param or request.getfixturevalue("drawn")


def _runs_of(runs: pd.DataFrame, choice: dict) -> pd.DataFrame:
    """The runs of one activation with what a draw chose for it."""
    is_it = (runs["act"] == choice["act"]) & (runs["optim.lr"] == choice["lr"]) & (runs["init"] == choice["init"])
    for name, value in json.loads(choice["parameters"]).items():
        is_it &= runs[f"act.{name}"] == value
    return runs[is_it].assign(variant=choice["act"])


def test_each_draw_is_decided_as_its_choices_are(retuned):
    runs, chosen = collect(retuned).runs, pd.read_parquet(retuned / "tables" / "choices.parquet")
    published = pd.read_csv(retuned / "statistics" / "draws.csv")
    assert chosen["draw"].nunique() == published["draw"].nunique() > 1
    for draw, choices in chosen.groupby("draw"):
        rows = published[published["draw"] == draw].set_index("variant")
        own = pd.concat([_runs_of(runs, choice) for choice in choices.to_dict("records")])
        assert set(rows.index) == set(choices["act"])
        assert rows["lr"].to_dict() == choices.set_index("act")["lr"].to_dict()
        assert rows["init"].to_dict() == choices.set_index("act")["init"].to_dict()
        wide = audit.wide(own, "test_error")
        np.testing.assert_allclose(rows["error"], wide.mean()[rows.index], rtol=1e-9)
        assert rows["n"].to_dict() == own.groupby("variant")["seed"].nunique().to_dict()
        looks = json.loads(own["looks"].iloc[0])
        decided = decide_anew(contrasts_of(own, wide, "test_error", "relu"), looks)
        others = rows.drop(index="relu")
        assert others["verdict"].to_dict() == decided["verdict"].to_dict()
        np.testing.assert_allclose(others["p_holm"], decided.loc[others.index, "p_holm"], rtol=1e-5, atol=1e-12)
        changes = wide.mean()[others.index] / wide["relu"].mean() - 1
        np.testing.assert_allclose(others["change"], changes, rtol=1e-6, atol=1e-9)
        assert ((others["low"] <= others["change"]) & (others["change"] <= others["high"])).all()
        bad = set(own.loc[(own["status"] == "diverged") | (own["test_loss"] >= 0.99 * np.log(10)), "variant"])
        p = confidence_set(wide.drop(columns=list(bad)).T.drop_duplicates().T)
        clear = p[(p - 0.05).abs() > 0.04]
        assert rows.loc[clear.index, "in_set"].to_dict() == (clear > 0.05).to_dict()


def test_the_page_counts_the_verdicts_that_are_not_the_same_in_all_draws(retuned):
    table = pd.read_csv(retuned / "statistics" / "draws.csv")
    by_variant = table.dropna(subset="verdict").groupby("variant")["verdict"]
    flips = sum(len(set(verdicts)) > 1 for _, verdicts in by_variant)
    opposed = sum(len(set(verdicts) - {"undecided"}) > 1 for _, verdicts in by_variant)
    (sentence,) = draws.summary(table)
    assert re.findall(r"\d+", sentence)[:4] == [str(flips), str(len(by_variant)), str(table["draw"].max()), "20"]
    assert (f"{opposed} of them" if opposed else "None of them") in sentence
    never = sum(set(verdicts) == {"undecided"} for _, verdicts in by_variant)
    assert not never or f" {never} are undecided in every draw" in sentence or never == 1
    assert f"**{sentence}**" in (retuned / "report.md").read_text(encoding="utf-8")


@ONE_WORKER
def test_the_sweep_and_its_tuning_say_it_too_and_keep_the_table(drawn):
    """Made again where the draws are not beside them, the pages say the same."""
    sentence = draws.summary(pd.read_csv(drawn / "statistics" / "draws.csv"))
    for name in ("mine", "mine_tuning"):
        (drawn.parent / name / "tables").mkdir(parents=True, exist_ok=True)
        assert draws.summary(draws.beside(drawn.parent / name)) == sentence
    moved = drawn.parent / "elsewhere" / "mine"
    (moved / "tables").mkdir(parents=True)
    (drawn.parent / "mine" / "tables" / "draws.parquet").rename(moved / "tables" / "draws.parquet")
    assert draws.summary(draws.beside(moved)) == sentence
    assert draws.summary(draws.beside(drawn.parent / "other")) == []


@ONE_WORKER
def test_draws_that_are_no_longer_beside_it_stay_in_the_page(drawn, tmp_path):
    first, *_ = sorted(drawn.parent.glob(f"{drawn.name.removesuffix('_retuned')}_tuning*"))
    for folder in (drawn, first):
        shutil.copytree(folder, tmp_path / folder.name)
    copied = tmp_path / drawn.name
    draws.write(copied)
    for name in ("report.md", "statistics/draws.csv"):
        assert (copied / name).read_bytes() == (drawn / name).read_bytes()


@ONE_WORKER
def test_one_of_three_draws_decides_another_way(drawn):
    """gelu is better, then not, then worse, by its own settings; mish has one, tanh two that are alike."""
    table = pd.read_csv(drawn / "statistics" / "draws.csv").pivot_table("verdict", "variant", "draw", aggfunc="first")
    assert table.loc["gelu"].tolist()[::2] == ["better", "worse"]
    assert table.loc["mish"].tolist() == ["better"] * 3
    page = (drawn / "report.md").read_text(encoding="utf-8")
    assert "Decided differently: gelu (better by draw 1, " in page
    assert "relu, which all others are compared with, gets 2." in page
