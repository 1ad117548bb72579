"""All pairs of variants, and the A/A test that exchanges variant and reference."""

import numpy as np
import pytest
from invented import STEPS, rng, runs

from actbench.compare.paired import all_pairs, null_rates


def test_every_pair_by_hand() -> None:
    base = np.full(10, 100.0)
    table = all_pairs(runs({"a": base + STEPS, "b": base, "c": base}), value="test_loss", margin=1)
    table = table.set_index(["a", "b"])
    assert table.loc[("a", "b"), ["n", "wins", "ties", "losses", "mean"]].tolist() == [10, 1, 0, 9, 3.5]
    assert table.loc[("b", "c"), ["n", "wins", "ties", "losses", "mean", "p"]].tolist() == [10, 0, 10, 0, 0, 1]
    p = table.loc[("a", "b"), "p"]
    assert table.loc[("a", "b"), "p_bh"] == pytest.approx(min(1, 1.5 * p))
    assert table.loc[("b", "c"), ["p_equivalent", "verdict"]].tolist() == [0, "equivalent"]


def test_a_pair_that_differs_by_rounding_is_equivalent_and_one_that_differs_by_much_is_not() -> None:
    base = rng().uniform(1, 2, size=10)
    table = all_pairs(runs({"a": base, "a2": base + 1e-7, "b": base + STEPS.max()}), value="test_loss", margin=0.05)
    assert table["p_bh"].max() < 0.05
    assert table[["a", "b", "verdict"]].values.tolist() == [
        ["a", "a2", "equivalent"],
        ["a", "b", "better"],
        ["a2", "b", "better"],
    ]


def test_a_seed_without_a_finite_value_is_lost_to_the_other_variant_and_the_pair_is_not_tested() -> None:
    row = all_pairs(runs({"a": [1.0] * 6, "b": [2.0] * 5 + [np.nan]}), value="test_loss", margin=1).iloc[0]
    assert row[["wins", "ties", "losses"]].tolist() == [6, 0, 0]
    assert np.isnan([row["mean"], row["p"], row["p_bh"], row["p_equivalent_bh"]]).all()
    assert row["verdict"] == "inconclusive"


def test_tests_hold_their_level_after_an_exchange() -> None:
    """Even if the effect is large: the reference is far better than all others."""
    losses = {f"v{i}": rng(i).normal(5, 1, size=12) for i in range(6)}
    null = null_rates(runs(losses | {"relu": rng(9).normal(size=12)}), value="test_loss", rng=rng())
    assert null[:3] == (12, 6, 1000)
    assert 0.035 <= null.single <= 0.065
    assert null.family <= 0.06


def test_null_rates_do_not_depend_on_the_size_of_a_chunk(monkeypatch) -> None:
    losses = {name: rng(i).normal(size=8) for i, name in enumerate(("relu", "a", "b"))}
    at_once = null_rates(runs(losses), value="test_loss", rng=rng(), draws=50)
    monkeypatch.setattr("actbench.compare.resampling.CHUNK", 100)
    assert null_rates(runs(losses), value="test_loss", rng=rng(), draws=50) == at_once


def test_variants_that_lost_a_seed_take_no_part() -> None:
    null = null_rates(runs({"relu": [1.0] * 6, "a": [np.nan] * 6}), value="test_loss", rng=rng())
    assert (null.tests, null.draws) == (0, 0)
    assert np.isnan(null.family)
