"""TODO."""

import numpy as np
import pytest
import scipy.stats
import synthetic
from invented import rng, runs
from pages import joined

from actbench.compare.tracks import both_tracks, changed, kendall, survive
from actbench.compare.workloads import workloads


def test_kendall_is_scipys() -> None:
    x, y = rng().integers(0, 5, size=(2, 20, 9)).astype(float)
    expected = [scipy.stats.kendalltau(a, b).statistic for a, b in zip(x, y, strict=True)]
    assert kendall(x, y) == pytest.approx(expected)


def test_kendall_by_hand() -> None:
    # Of three pairs one is turned round: (2 − 1) / 3.
    assert kendall(np.array([[1.0, 2, 3]]), np.array([[2.0, 1, 3]])) == pytest.approx([1 / 3])
    assert np.isnan(kendall(np.ones((1, 3)), np.array([[1.0, 2, 3]]))).all()


def means(order: dict[str, float], *, noise: float = 0.01, seeds: int = 12) -> dict:
    return {name: mean + noise * rng(i).normal(size=seeds) for i, (name, mean) in enumerate(order.items())}


def test_the_same_order_survives() -> None:
    frame = runs(means({"relu": 1, "a": 2, "b": 3, "c": 4}))
    found = survive(frame, frame, value="test_loss", rng=rng(), resamples=500)
    assert found[1:5] == (1, 1, 1, 4)
    assert changed(found).empty


def test_an_order_turned_round_does_not_and_its_verdicts_change() -> None:
    shared = runs(means({"relu": 2, "a": 1, "b": 3}))
    tuned = runs(means({"relu": 2, "a": 3, "b": 1, "only": 0}))
    found = survive(shared, tuned, value="test_loss", rng=rng(), resamples=500)
    assert found[1:5] == (-1, -1, -1, 3)
    assert changed(found)[["variant", "verdict_shared", "verdict_tuned"]].values.tolist() == [
        ["b", "worse", "better"],
        ["a", "better", "worse"],
    ]
    assert found.variants["variant"].tolist() == ["b", "relu", "a"]
    assert found.variants["rank_shared"].tolist() == [3, 2, 1]


def test_an_order_that_the_seeds_do_not_know_has_a_wide_interval() -> None:
    shared, tuned = (runs({n: rng(s + i).normal(size=10) for i, n in enumerate(["relu", *"abcde"])}) for s in (0, 50))
    found = survive(shared, tuned, value="test_loss", rng=rng(), resamples=500)
    assert found.high - found.low > 0.5


def test_nothing_in_common() -> None:
    with pytest.raises(ValueError, match="in common") as error:
        survive(runs({"relu": [1.0], "a": [1.0]}), runs({"relu": [1.0], "b": [1.0]}), value="test_loss", rng=rng())
    assert str(error.value) == ("The tracks have 1 variants in common on every seed of relu: a ranking needs two.")


def test_the_tuned_rate_is_the_variants_own_and_the_tracks_are_found() -> None:
    shared = [synthetic.tables(["relu", "elu"], seeds=2, data=data, track="shared") for data in ("mnist", "digits")]
    tuned = [
        synthetic.tables([name], seeds=2, data="mnist", track="tuned", init="matched", **{"optim.lr": lr})
        for name, lr in (("relu", 0.1), ("elu", 0.3))
    ]
    works = workloads(joined(*shared, *tuned))
    assert len(works) == 3
    ((title, one, other),) = both_tracks(works)
    assert title == "data=mnist"
    assert (one.config["track"], other.config["track"]) == ("shared", "tuned")
    assert sorted(other.tables.runs["variant"].unique()) == ["elu", "relu"]
    assert both_tracks(workloads(joined(*shared))) == []
