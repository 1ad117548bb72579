"""The model confidence set of the best, and tiers below it."""

import numpy as np
import pandas as pd
import pytest
from invented import error_runs, rng

from actbench.compare.best_set import best_set, confidence_set
from actbench.compare.looks import Looks

LOOKS = Looks((10, 20))


def sets(errors: dict[str, np.ndarray], **columns) -> pd.DataFrame:
    frame = error_runs(errors, **{"test_loss": 0.1, "data.num_classes": 10} | columns)
    return best_set(frame, value="test_error", looks=LOOKS, rng=rng()).set_index("variant")


def drawn(means: dict[str, float], *, n: int = 20, spread: float = 0.003, seed: int = 0) -> dict[str, np.ndarray]:
    common = 0.01 * rng(seed).normal(size=n)
    return {
        name: mean + common + spread * rng(seed + 1 + i).normal(size=n) for i, (name, mean) in enumerate(means.items())
    }


def test_the_set_and_the_tiers_of_a_clear_case() -> None:
    table = sets(drawn({"best": 0.2, "close": 0.2005, "near": 0.206, "far": 0.3}))
    assert table["in_set"].to_dict() == {"best": True, "close": True, "near": False, "far": False}
    assert table["tier"].to_dict() == {
        "best": "best", "close": "equivalent to the best", "near": "equivalent to the best", "far": "worse",
    }  # fmt: skip
    assert table["n"].tolist() == [20] * 4
    assert table["mean"].is_monotonic_increasing


def test_equal_columns_stand_in_the_set_as_one() -> None:
    """celu and elu with alpha 1 are one function: the same errors on every seed."""
    errors = drawn({"elu": 0.2, "relu": 0.201, "far": 0.3})
    table = sets(errors | {"celu": errors["elu"].copy(), "far_too": errors["far"].copy()})
    alone = sets(errors)
    assert table.loc["elu", "p"] == table.loc["celu", "p"] == alone.loc["elu", "p"]
    assert table["same_as"].to_dict() == {"elu": "", "celu": "elu", "relu": "", "far": "", "far_too": "far"} or (
        table["same_as"].to_dict() == {"elu": "celu", "celu": "", "relu": "", "far": "", "far_too": "far"}
    )
    assert table.loc[["elu", "celu"], "in_set"].tolist() == [True, True]


def test_only_equal_columns_are_a_set_of_their_own() -> None:
    errors = 0.2 + 0.01 * rng(0).normal(size=20)
    table = sets({"silu": errors, "swish": errors.copy()})
    assert table["p"].tolist() == [1, 1]
    assert table["in_set"].all()


def test_a_column_that_is_worse_by_the_same_on_every_seed_is_not_in_the_set() -> None:
    values = pd.DataFrame(drawn({"a": 0.2, "b": 0.2001}))
    p, same_as = confidence_set(values.assign(shifted=values["a"] + 0.001), rng=rng())
    assert p["shifted"] == 0
    assert "shifted" not in same_as


def test_a_function_with_a_failed_seed_or_few_seeds_takes_no_part() -> None:
    errors = drawn({"relu": 0.2, "elu": 0.201, "failed": 0.15, "chance": 0.15, "short": 0.15})
    frame = error_runs(errors, **{"test_loss": 0.1, "data.num_classes": 10})
    frame.loc[(frame["variant"] == "failed") & (frame["seed"] == 3), "status"] = "diverged"
    frame.loc[(frame["variant"] == "chance") & (frame["seed"] == 3), "test_loss"] = np.log(10)
    frame = frame[(frame["variant"] != "short") | (frame["seed"] < 19)]
    table = best_set(frame, value="test_error", looks=LOOKS, rng=rng()).set_index("variant")
    assert table.loc[["failed", "chance", "short"], "tier"].tolist() == ["failed", "failed", "few seeds"]
    assert table.loc[["failed", "chance", "short"], "p"].isna().all()
    assert table.loc["relu", "tier"] == "best"


def test_fewer_than_twenty_common_seeds_make_no_set() -> None:
    assert sets(drawn({"relu": 0.2, "elu": 0.3}, n=19)).empty
    assert sets(drawn({"relu": 0.2})).empty


def test_one_in_the_set_is_not_called_worse() -> None:
    """Thirty equal functions: the best of them was lucky, and others may be worse than it by the single test."""
    means = {f"f{i}": 0.2 for i in range(30)}
    table = sets(drawn(means, spread=0.03))
    assert set(table.loc[table["in_set"], "tier"]) <= {"best", "undecided", "equivalent to the best"}
    assert table["in_set"].sum() > 20


def test_the_same_draws_give_the_same_set() -> None:
    errors = drawn({"relu": 0.2, "elu": 0.2005, "mish": 0.202})
    pd.testing.assert_frame_equal(sets(errors), sets(errors))


@pytest.mark.slow
def test_the_set_holds_the_best_as_often_as_it_says() -> None:
    held = 0
    for seed in range(200):
        values = pd.DataFrame(drawn({f"f{i}": 0.2 + 0.001 * i for i in range(8)}, spread=0.004, seed=100 * seed))
        p, _ = confidence_set(values, rng=rng(seed))
        held += p["f0"] > 0.05
    assert held / 200 >= 0.93
