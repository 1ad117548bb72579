"""TODO."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import synthetic
from invented import rng

from actbench.compare.correlations import NO_FACTS, diagnostics, properties, relate, relate_properties
from actbench.compare.workloads import workloads
from actbench.tables.functions import read

NAMES = [f"f{i}" for i in range(12)]


def tables():
    return workloads(synthetic.tables(NAMES, seeds=2))[0].tables


def test_a_diagnostic_that_orders_as_the_loss_does() -> None:
    made = tables()
    loss = made.runs.groupby("variant")["test_loss"].mean()
    layers = made.layers.assign(rank=made.layers["variant"].map(-loss), dead=made.layers["variant"].map(loss))
    found = relate(layers, made.runs, value="test_loss", rng=rng()).set_index(["when", "measure"])
    for when in ("at initialisation", "at the end"):
        assert found.loc[(when, "dead"), ["n", "rho", "high"]].tolist() == pytest.approx([12, 1, 1])
        assert found.loc[(when, "rank"), ["rho", "low"]].tolist() == pytest.approx([-1, -1])
        assert found.loc[(when, "dead"), "p_bh"] < 0.05


def test_rho_and_p_are_scipys() -> None:
    made = tables()
    found = relate(made.layers, made.runs, value="test_loss", rng=rng()).set_index(["when", "measure"])
    measured = diagnostics(made.layers).query("when == 'at the end'").set_index("variant")["saturation_low"]
    loss = made.runs.groupby("variant")["test_loss"].mean()
    expected = scipy.stats.spearmanr(measured, loss[measured.index])
    row = found.loc[("at the end", "saturation_low")]
    assert (row["rho"], row["p"]) == pytest.approx((expected.statistic, expected.pvalue))
    assert row["low"] < row["rho"] < row["high"]
    assert (found["p_bh"] >= found["p"]).all()


def test_nothing_is_related_where_nothing_is_to_find() -> None:
    draw, found = rng(4), []
    both = pd.DataFrame({"run_id": NAMES, "seed": 0, "step": 0, "layer_index": 1, "variant": NAMES})
    layers = tables().layers.iloc[:0].reindex(range(12)).assign(**both)
    for _ in range(20):
        runs = pd.DataFrame({"variant": NAMES, "test_loss": draw.normal(size=12), "val_loss": 0.0})
        found.append(relate(layers.assign(dead=draw.normal(size=12)), runs, value="test_loss", rng=draw, resamples=100))
    p = pd.concat(found)["p"]
    assert len(p) == 20
    assert (p < 0.05).sum() <= 4
    assert 0.3 < p.mean() < 0.7


def test_a_few_variants_or_a_constant_diagnostic_have_no_row() -> None:
    made = workloads(synthetic.tables(NAMES[:7], seeds=2))[0].tables
    assert relate(made.layers, made.runs, value="test_loss", rng=rng()).empty
    assert "out_std" not in set(
        relate(tables().layers, tables().runs, value="test_loss", rng=rng())["measure"]
    )  # 1 for all


def test_no_layers_and_what_is_not_finite() -> None:
    made = tables()
    assert relate(made.layers[:0], made.runs, value="test_loss", rng=rng()).empty
    layers = made.layers.assign(dead=np.where(made.layers["variant"] == "f0", np.inf, made.layers["layer_index"]))
    assert np.isnan(diagnostics(layers).set_index("variant").loc["f0", "dead"]).all()


FACTS = read(Path(__file__).parents[2] / "results" / "functions", "properties")


def functions(**config) -> pd.DataFrame:
    return workloads(synthetic.tables(synthetic.NAMES[:12], seeds=2, depth=1, epochs=1, **config))[0].tables.runs


def test_properties_by_hand() -> None:
    found = properties(FACTS, functions()).round(4)
    assert found.loc["elu", ["range_inf", "range_sup", "num_kinks", "continuity"]].tolist() == [-1, np.inf, 0, 1]
    assert found.loc["gelu", ["monotonic", "num_extrema", "continuity", "mean"]].tolist() == [0, 1, np.inf, 0.2821]
    assert found.loc["hardtanh", ["monotonic", "derivative_monotonic", "num_kinks"]].tolist() == [1, 0, 2]


def test_a_property_that_orders_as_the_loss_does() -> None:
    runs = functions()
    slope = properties(FACTS, runs)["sup_derivative"]
    runs = runs.assign(test_loss=runs["variant"].map(slope), test_accuracy=-runs["variant"].map(slope))
    found = relate_properties(FACTS, runs, rng=rng()).set_index(["value", "measure"])
    assert found.loc[("test_loss", "sup_derivative"), ["n", "rho", "high"]].tolist() == pytest.approx([12, 1, 1])
    assert found.loc[("test_accuracy", "sup_derivative"), "rho"] == pytest.approx(-1)
    expected = scipy.stats.spearmanr(properties(FACTS, runs)["chi"], slope)
    assert found.loc[("test_loss", "chi"), ["rho", "p"]].tolist() == pytest.approx([*expected])


@pytest.mark.parametrize(("alpha", "known"), [(1.0, ["celu", "elu"]), (0.5, [])])
def test_other_parameters_have_no_published_property(alpha: float, known: list[str]) -> None:
    runs = workloads(synthetic.tables(["celu", "elu", "mine"], seeds=2, **{"act.alpha": alpha}))[0].tables.runs
    assert list(properties(FACTS, runs).index) == known


def test_without_facts_nothing_is_related() -> None:
    assert relate_properties(NO_FACTS, functions(), rng=rng()).empty
