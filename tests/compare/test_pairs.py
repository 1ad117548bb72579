"""TODO."""

import numpy as np
import pytest
from invented import STEPS, rng, runs

from actbench.compare.paired import all_pairs, swapped


def test_every_pair_by_hand() -> None:
    base = np.full(10, 100.0)
    found = all_pairs(runs({"a": base + STEPS, "b": base, "c": base}), value="test_loss", margin=1).set_index(
        ["a", "b"]
    )
    assert found.loc[("a", "b"), ["n", "wins", "ties", "losses", "mean"]].tolist() == [10, 1, 0, 9, 3.5]
    assert found.loc[("b", "c"), ["n", "wins", "ties", "losses", "mean", "p"]].tolist() == [10, 0, 10, 0, 0, 1]
    p = found.loc[("a", "b"), "p"]
    assert found.loc[("a", "b"), "p_bh"] == pytest.approx(min(1, 1.5 * p))
    assert found.loc[("b", "c"), ["p_equivalent", "verdict"]].tolist() == [0, "equivalent"]


def test_a_difference_by_rounding_is_equivalent_and_a_large_one_is_not() -> None:
    base = rng().uniform(1, 2, size=10)
    found = all_pairs(runs({"a": base, "a2": base + 1e-7, "b": base + STEPS.max()}), value="test_loss", margin=0.05)
    assert found["p_bh"].max() < 0.05
    assert found[["a", "b", "verdict"]].values.tolist() == [
        ["a", "a2", "equivalent"],
        ["a", "b", "better"],
        ["a2", "b", "better"],
    ]


def test_a_pair_with_a_value_that_is_not_finite_is_lost_by_it() -> None:
    found = all_pairs(runs({"a": [1.0] * 6, "b": [2.0] * 5 + [np.nan]}), value="test_loss", margin=1).iloc[0]
    assert found[["wins", "ties", "losses"]].tolist() == [6, 0, 0]
    assert np.isnan([found["mean"], found["p"], found["p_bh"], found["p_equivalent_bh"]]).all()
    assert found["verdict"] == "inconclusive"


def test_where_places_are_exchanged_there_is_little_to_find() -> None:
    """However large the effect was: a reference that is far better than all others."""
    losses = {f"v{i}": rng(i).normal(5, 1, size=12) for i in range(6)}
    found = swapped(runs(losses | {"relu": rng(9).normal(size=12)}), value="test_loss", rng=rng())
    assert found[:3] == (12, 6, 1000)
    assert 0.035 <= found.single <= 0.065
    assert found.family <= 0.06


def test_an_exchange_does_not_depend_on_how_many_are_held_at_once(monkeypatch):
    losses = {name: rng(i).normal(size=8) for i, name in enumerate(("relu", "a", "b"))}
    whole = swapped(runs(losses), value="test_loss", rng=rng(), draws=50)
    monkeypatch.setattr("actbench.compare.paired._CHUNK", 100)
    assert swapped(runs(losses), value="test_loss", rng=rng(), draws=50) == whole


def test_variants_that_lost_a_seed_take_no_part() -> None:
    found = swapped(runs({"relu": [1.0] * 6, "a": [np.nan] * 6}), value="test_loss", rng=rng())
    assert (found.tests, found.draws) == (0, 0)
    assert np.isnan(found.family)
