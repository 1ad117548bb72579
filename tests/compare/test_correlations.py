"""Rank correlations of diagnostics and of properties of the function with loss and accuracy."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import synthetic
from invented import rng

from actbench.compare.correlations import NO_FACTS, correlate_diagnostics, correlate_properties, diagnostics, properties
from actbench.compare.workloads import workloads
from actbench.tables.functions import read
from actbench.tables.schema import Tables

NAMES = [f"f{i}" for i in range(12)]


def tables() -> Tables:
    return workloads(synthetic.tables(NAMES, seeds=2))[0].tables


def test_a_diagnostic_that_orders_variants_as_the_loss_does_has_rho_one() -> None:
    frames = tables()
    loss = frames.runs.groupby("variant")["test_loss"].mean()
    layers = frames.layers.assign(rank=frames.layers["variant"].map(-loss), dead=frames.layers["variant"].map(loss))
    table = correlate_diagnostics(diagnostics(layers), frames.runs, value="test_loss", rng=rng()).set_index(
        ["when", "measure"]
    )
    for when in ("at initialisation", "at the end"):
        assert table.loc[(when, "dead"), ["n", "rho", "high"]].tolist() == pytest.approx([12, 1, 1])
        assert table.loc[(when, "rank"), ["rho", "low"]].tolist() == pytest.approx([-1, -1])
        assert table.loc[(when, "dead"), "p_bh"] < 0.05


def test_rho_and_p_are_scipys() -> None:
    frames = tables()
    table = correlate_diagnostics(diagnostics(frames.layers), frames.runs, value="test_loss", rng=rng())
    table = table.set_index(["when", "measure"])
    saturation = diagnostics(frames.layers).query("when == 'at the end'").set_index("variant")["saturation_low"]
    loss = frames.runs.groupby("variant")["test_loss"].mean()
    expected = scipy.stats.spearmanr(saturation, loss[saturation.index])
    row = table.loc[("at the end", "saturation_low")]
    assert (row["rho"], row["p"]) == pytest.approx((expected.statistic, expected.pvalue))
    assert row["low"] < row["rho"] < row["high"]
    assert (table["p_bh"] >= table["p"]).all()


def test_random_diagnostics_are_not_significant_more_often_than_by_chance() -> None:
    draw, correlations = rng(4), []
    keys = pd.DataFrame({"run_id": NAMES, "seed": 0, "step": 0, "layer_index": 1, "variant": NAMES})
    layers = tables().layers.iloc[:0].reindex(range(12)).assign(**keys)
    for _ in range(20):
        runs = pd.DataFrame({"variant": NAMES, "test_loss": draw.normal(size=12), "val_loss": 0.0})
        random = layers.assign(dead=draw.normal(size=12))
        correlations.append(
            correlate_diagnostics(diagnostics(random), runs, value="test_loss", rng=draw, resamples=100)
        )
    p = pd.concat(correlations)["p"]
    assert len(p) == 20
    assert (p < 0.05).sum() <= 4
    assert 0.3 < p.mean() < 0.7


def test_a_few_variants_or_a_constant_diagnostic_have_no_row() -> None:
    few = workloads(synthetic.tables(NAMES[:7], seeds=2))[0].tables
    assert correlate_diagnostics(diagnostics(few.layers), few.runs, value="test_loss", rng=rng()).empty
    table = correlate_diagnostics(diagnostics(tables().layers), tables().runs, value="test_loss", rng=rng())
    assert "out_std" not in set(table["measure"])  # 1 for all


def test_without_layers_there_is_no_row_and_values_that_are_not_finite_are_left_out() -> None:
    frames = tables()
    assert correlate_diagnostics(diagnostics(frames.layers[:0]), frames.runs, value="test_loss", rng=rng()).empty
    is_first = frames.layers["variant"] == "f0"
    layers = frames.layers.assign(dead=np.where(is_first, np.inf, frames.layers["layer_index"]))
    assert np.isnan(diagnostics(layers).set_index("variant").loc["f0", "dead"]).all()


FACTS = read(Path(__file__).parents[2] / "results" / "functions", "properties")


def runs_of_functions(**config) -> pd.DataFrame:
    return workloads(synthetic.tables(synthetic.NAMES[:12], seeds=2, depth=1, epochs=1, **config))[0].tables.runs


def test_properties_by_hand() -> None:
    table = properties(FACTS, runs_of_functions()).round(4)
    assert table.loc["elu", ["range_inf", "range_sup", "num_kinks", "continuity"]].tolist() == [-1, np.inf, 0, 1]
    assert table.loc["gelu", ["monotonic", "num_extrema", "continuity", "mean"]].tolist() == [0, 1, np.inf, 0.2821]
    assert table.loc["hardtanh", ["monotonic", "derivative_monotonic", "num_kinks"]].tolist() == [1, 0, 2]


def test_a_property_that_orders_variants_as_the_loss_does_has_rho_one() -> None:
    runs = runs_of_functions()
    slope = properties(FACTS, runs)["sup_derivative"]
    runs = runs.assign(test_loss=runs["variant"].map(slope), test_accuracy=-runs["variant"].map(slope))
    table = correlate_properties(FACTS, runs, rng=rng()).set_index(["value", "measure"])
    assert table.loc[("test_loss", "sup_derivative"), ["n", "rho", "high"]].tolist() == pytest.approx([12, 1, 1])
    assert table.loc[("test_accuracy", "sup_derivative"), "rho"] == pytest.approx(-1)
    expected = scipy.stats.spearmanr(properties(FACTS, runs)["chi"], slope)
    assert table.loc[("test_loss", "chi"), ["rho", "p"]].tolist() == pytest.approx([*expected])


@pytest.mark.parametrize(("alpha", "names"), [(1.0, ["celu", "elu"]), (0.5, [])])
def test_variants_with_other_parameters_have_no_published_properties(alpha: float, names: list[str]) -> None:
    runs = workloads(synthetic.tables(["celu", "elu", "mine"], seeds=2, **{"act.alpha": alpha}))[0].tables.runs
    assert list(properties(FACTS, runs).index) == names


def test_without_facts_there_is_no_correlation() -> None:
    assert correlate_properties(NO_FACTS, runs_of_functions(), rng=rng()).empty
