"""All pairs of variants."""

import numpy as np
import pytest
from invented import STEPS, runs

from actbench.compare.paired import all_pairs


def test_every_pair_by_hand() -> None:
    base = np.full(10, 100.0)
    table = all_pairs(runs({"a": base + STEPS, "b": base, "c": base}), value="test_loss")
    table = table.set_index(["a", "b"])
    assert table.loc[("a", "b"), ["n", "wins", "ties", "losses", "mean"]].tolist() == [10, 1, 0, 9, 3.5]
    assert table.loc[("b", "c"), ["n", "wins", "ties", "losses", "mean", "p"]].tolist() == [10, 0, 10, 0, 0, 1]
    p = table.loc[("a", "b"), "p"]
    assert table.loc[("a", "b"), "p_bh"] == pytest.approx(min(1, 1.5 * p))


def test_a_seed_without_a_finite_value_is_lost_to_the_other_variant_and_the_pair_is_not_tested() -> None:
    row = all_pairs(runs({"a": [1.0] * 6, "b": [2.0] * 5 + [np.nan]}), value="test_loss").iloc[0]
    assert row[["wins", "ties", "losses"]].tolist() == [6, 0, 0]
    assert np.isnan([row["mean"], row["p"], row["p_bh"]]).all()
