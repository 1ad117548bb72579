"""Places, relatives and claims of an activation, from tables and files that may lack what a later edition has."""

import math

import numpy as np
import pandas as pd
import pytest
import synthetic
from invented_site import BEST_SET, DIFFERENCES, FAILURES, FUNCTIONS, invent

from actbench.catalogue import entries
from actbench.command.options import use_config_dir
from actbench.site import __main__ as main
from actbench.site import activations, claims, diagnosis, own, pairs, places, relatives, sources, training
from actbench.site.claims import Claim
from actbench.tables import store


def _published(root, *, name: str = "digits", differences=DIFFERENCES, best_set=BEST_SET, **config):
    for folder in ("statistics", "tables"):
        (root / name / folder).mkdir(parents=True, exist_ok=True)
    for file, table in {"differences": differences, "best_set": best_set, "failures": FAILURES}.items():
        table.to_csv(root / name / "statistics" / f"{file}.csv", index=False)
    pd.DataFrame({"act": ["relu", "mish"], **config}).to_parquet(root / name / "tables" / "runs.parquet")
    return root


def test_differences_are_read_by_the_names_of_their_columns(tmp_path):
    rows = places.read(_published(tmp_path, differences=DIFFERENCES[DIFFERENCES.columns[::-1]].assign(price=3)))
    assert list(rows) == places.COLUMNS
    assert rows["act"].tolist() == ["mish", "mish", "leaky_relu", "gelu"]
    assert rows["track"].tolist() == ["shared", "tuned", "shared", "shared"]
    assert set(rows["setting"]) == {""}  # the track chose them
    assert set(rows["measure"]) == {"test error"}
    assert places.difference(rows.iloc[0]) == "−25 [−30, −20]"


def test_a_setting_is_what_no_track_chooses(tmp_path):
    titles = ["init=matched, model.depth=8, optim.lr=0.1", "model.depth=8, track=tuned", "track=tuned_lr, init=own", ""]
    rows = places.read(_published(tmp_path, differences=DIFFERENCES.assign(workload=titles)))
    assert rows["setting"].tolist() == [titles[0], "model.depth=8", "", ""]


def test_the_tier_is_that_of_the_best_set_unless_a_seed_failed_or_the_verdict_says_more(tmp_path):
    rows = places.read(_published(tmp_path))
    assert rows["tier"].tolist() == ["may be the best", "", "equivalent to the best", "failed"]
    verdicts = DIFFERENCES.assign(verdict=["worse", "worse", "worse", "worse"])
    rows = places.read(_published(tmp_path, differences=verdicts))
    assert rows["tier"].tolist() == ["worse", "worse", "worse", "failed"]
    rows = places.read(_published(tmp_path, best_set=BEST_SET.iloc[:0]))
    assert rows["tier"].tolist() == ["", "", "", "failed"]


def test_a_folder_of_one_track_has_it_from_its_runs(tmp_path):
    _published(tmp_path, differences=DIFFERENCES.assign(workload=None), track=["tuned", "tuned"])
    _published(tmp_path, name="older", differences=DIFFERENCES.drop(columns="workload"))
    rows = places.read(tmp_path)
    assert rows.groupby("results")["track"].unique().str[0].to_dict() == {"digits": "tuned", "older": "shared"}


def test_a_table_without_verdicts_is_left_out(tmp_path):
    assert places.read(_published(tmp_path, differences=DIFFERENCES.drop(columns="verdict"))).empty
    assert list(places.read(tmp_path / "none")) == places.COLUMNS


def test_the_diagnosis_of_a_workload_is_one_row_of_its_means(tmp_path):
    means = {"saturated low, last layer": 0.25, "gradient gain λ, at init": -1.5, "test loss (nats)": 0.1}
    rows = [
        {
            "workload": None,
            "shown": shown,
            "variant": variant,
            "mean": mean,
            "low": mean - 0.1,
            "high": mean + 0.1,
            "n": 9,
        }
        for variant in ("mish", "leaky_relu negative_slope=0.2")
        for shown, mean in means.items()
    ]
    rows.append(rows[0] | {"variant": "relu", "n": 0})  # every seed diverged
    folder = tmp_path / "digits" / "statistics"
    folder.mkdir(parents=True)
    pd.DataFrame(rows).to_csv(folder / "means.csv", index=False)
    table = diagnosis.read(tmp_path)
    assert table["act"].tolist() == ["mish", "leaky_relu"]
    assert table["saturated low, last layer"].tolist() == ["0.25 [0.15, 0.35]"] * 2
    assert table["gradient gain λ, at init"].tolist() == ["−1.50 [−1.60, −1.40]"] * 2
    assert set(diagnosis.SHOWN) & set(table) == set(means) - {"test loss (nats)"}
    assert diagnosis.read(tmp_path / "none").empty


def test_the_nearest_are_those_with_the_smallest_largest_distance():
    z = np.linspace(-8, 8, 33)
    slopes = {"a": 0.0, "b": 1.0, "c": 1.5, "d": 4.0}
    frames = [
        pd.DataFrame({"function": name, "parameter": "", "order": order, "z": z, "value": values})
        for name, slope in slopes.items()
        for order, values in enumerate((slope * z, slope))
        if (name, order) != ("d", 1)  # no derivative is known
    ]
    other = frames[0].assign(parameter="alpha", value=100.0)
    table = relatives.nearest(pd.concat([*frames, other]), num=2)
    rows = table.groupby("function")["other"].agg(list).to_dict()
    assert rows == {"a": ["b", "c"], "b": ["c", "a"], "c": ["b", "a"], "d": ["c", "b"]}
    assert table["distance"].tolist() == [8, 12, 4, 8, 4, 12, 20, 24]
    np.testing.assert_equal(table["slope_distance"].to_numpy(), [1, 1.5, 0.5, 1, 0.5, 1.5, np.nan, np.nan])


def test_a_training_has_its_rate_and_its_initialisation(tmp_path):
    shared, tuned = (
        synthetic.tables(["relu", "mish"], seeds=5, depth=1, track=track, init=init, **{"optim.lr": rate})
        for track, init, rate in (("shared", "torch", 0.003), ("tuned", "lsuv", 0.01))
    )
    folder = tmp_path / "digits_mlp"
    runs = pd.concat([shared.runs, tuned.runs], ignore_index=True)
    store.write(shared._replace(runs=runs), folder / "tables")
    (folder / "statistics").mkdir()
    DIFFERENCES.to_csv(folder / "statistics" / "differences.csv", index=False)
    rows = training.read(tmp_path).set_index(["variant", "track"])[[training.RATE, training.INIT]]
    assert rows.T.to_dict("list") == {
        (act, track): [rate, init]
        for act in ("mish", "relu") for track, rate, init in (("shared", "0.003", "torch"), ("tuned", "0.01", "lsuv"))
    }  # fmt: skip
    assert training.read(invent(tmp_path / "invented")).empty


def test_a_pair_is_read_from_either_side(tmp_path):
    rows = pairs.read(invent(tmp_path)).set_index(["variant", "reference"])
    assert rows.loc[("mish", "gelu"), ["better", "equal", "worse", "track"]].tolist() == [7, 2, 1, "shared"]
    assert rows.loc[("gelu", "mish"), ["better", "equal", "worse", "track"]].tolist() == [1, 2, 7, "shared"]
    assert rows.loc[("mish", "relu"), ["better", "equal", "worse", "track"]].tolist() == [10, 3, 7, "tuned"]
    assert pairs.read(tmp_path / "none").empty


def test_claims_are_read_from_the_table_of_the_ledger(tmp_path):
    (claim,) = claims.read(invent(tmp_path))
    assert claim == Claim("C99", "Mish beats ReLU.", "false", "○", "ledger/C99.md", frozenset({"mish", "relu"}))
    assert claims.read(tmp_path / "none") == []


def test_a_function_of_the_users_has_a_page_with_a_figure(tmp_path):
    results, to = invent(tmp_path), tmp_path / "pages"
    (tmp_path / "squashing.py").write_text(
        "def squash(z, alpha):\n    return z / (1 + alpha * z * z)\n", encoding="utf-8"
    )
    mine = own.compute(["+act=custom", "act._target_=squashing.squash", "+act.alpha=0.5"])
    made = activations.write(sources.read(results, own=mine), to)
    assert {f"activations/{name}.md" for name in ("index", "squash", *FUNCTIONS)} == set(made)
    text = (to / "activations" / "squash.md").read_text(encoding="utf-8")
    assert "0.70711 at z = 1.4142" in text  # the maximum of z / (1 + z²/2) is 1/√2 at √2
    assert (to / "activations" / "squash.png").stat().st_size > 1000
    assert own.compute(["+act=elu", "act.alpha=0.5"]).name == "my_elu"


def test_a_function_in_a_folder_of_the_users_has_a_page(tmp_path, monkeypatch):
    (tmp_path / "conf" / "act").mkdir(parents=True)
    (tmp_path / "conf" / "act" / "bent.yaml").write_text(
        "# Bent.\n_target_: torch.nn.ELU\nalpha: 0.7\n", encoding="utf-8"
    )
    made = []
    monkeypatch.setattr(main, "build", lambda results, to, *, own: made.append(own) or 1)
    try:
        assert main.main([str(tmp_path), "--act", "+act=bent", "--config-dir", str(tmp_path / "conf")]) == 0
    finally:
        use_config_dir(None)
    assert [one.name for one in made] == ["bent"]


def test_a_function_of_the_users_has_relatives_without_the_catalogue(tmp_path, monkeypatch):
    monkeypatch.setattr(entries, "names", lambda: ["elu", "elu_half", "tanh"])
    mine = own.compute(["+act=elu", "act.alpha=0.6"])
    near = sources.read(tmp_path, own=mine).nearest
    first = near[near["function"] == "my_elu"].iloc[0]
    assert first["other"] == "elu_half"
    assert first["distance"] == pytest.approx(0.1 * (1 - math.exp(-8 + 1 / 64)), rel=1e-5)


def test_a_name_that_leads_out_of_the_site_has_no_page(tmp_path):
    results = invent(tmp_path)
    file = results / "functions" / "tables" / "properties.parquet"
    table = pd.read_parquet(file)
    table.assign(function=table["function"].replace("relu", "../../relu")).to_parquet(file)
    assert set(sources.read(results).facts) == set(FUNCTIONS) - {"relu"}
