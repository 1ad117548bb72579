"""Whether a ranking survives tuning: Kendall's τ, and verdicts on the shared and the tuned track."""

import numpy as np
import pytest
import scipy.stats
import synthetic
from invented import rng, runs
from pages import concatenated

from actbench.compare.tracks import both_tracks, changed_verdicts, compare_tracks, kendall
from actbench.compare.workloads import workloads


def test_kendall_is_scipys() -> None:
    x, y = rng().integers(0, 5, size=(2, 20, 9)).astype(float)
    expected = [scipy.stats.kendalltau(a, b).statistic for a, b in zip(x, y, strict=True)]
    assert kendall(x, y) == pytest.approx(expected)


def test_kendall_by_hand() -> None:
    # One of three pairs has the opposite order: (2 − 1) / 3.
    assert kendall(np.array([[1.0, 2, 3]]), np.array([[2.0, 1, 3]])) == pytest.approx([1 / 3])
    assert np.isnan(kendall(np.ones((1, 3)), np.array([[1.0, 2, 3]]))).all()


def losses(means: dict[str, float], *, noise: float = 0.01, seeds: int = 12) -> dict:
    """Losses by variant that scatter a little about these means."""
    return {name: mean + noise * rng(i).normal(size=seeds) for i, (name, mean) in enumerate(means.items())}


def test_the_same_order_on_both_tracks_has_tau_one() -> None:
    frame = runs(losses({"relu": 1, "a": 2, "b": 3, "c": 4}))
    agreement = compare_tracks(frame, frame, value="test_loss", rng=rng(), resamples=500)
    assert agreement[1:5] == (1, 1, 1, 4)
    assert changed_verdicts(agreement).empty


def test_the_opposite_order_has_tau_minus_one_and_its_verdicts_change() -> None:
    shared = runs(losses({"relu": 2, "a": 1, "b": 3}))
    tuned = runs(losses({"relu": 2, "a": 3, "b": 1, "only": 0}))
    agreement = compare_tracks(shared, tuned, value="test_loss", rng=rng(), resamples=500)
    assert agreement[1:5] == (-1, -1, -1, 3)
    assert changed_verdicts(agreement)[["variant", "verdict_shared", "verdict_tuned"]].values.tolist() == [
        ["b", "worse", "better"],
        ["a", "better", "worse"],
    ]
    assert agreement.variants["variant"].tolist() == ["b", "relu", "a"]
    assert agreement.variants["rank_shared"].tolist() == [3, 2, 1]


def test_an_order_that_the_seeds_do_not_determine_has_a_wide_interval() -> None:
    shared, tuned = (runs({n: rng(s + i).normal(size=10) for i, n in enumerate(["relu", *"abcde"])}) for s in (0, 50))
    agreement = compare_tracks(shared, tuned, value="test_loss", rng=rng(), resamples=500)
    assert agreement.high - agreement.low > 0.5


def test_tracks_with_fewer_than_two_common_variants_are_an_error() -> None:
    with pytest.raises(ValueError, match="in common") as error:
        compare_tracks(
            runs({"relu": [1.0], "a": [1.0]}), runs({"relu": [1.0], "b": [1.0]}), value="test_loss", rng=rng()
        )
    assert str(error.value) == ("The tracks have 1 variants in common on every seed of relu: a ranking needs two.")


def test_tuned_rates_make_no_workloads_and_tracks_are_matched() -> None:
    shared = [synthetic.tables(["relu", "elu"], seeds=2, data=data, track="shared") for data in ("mnist", "digits")]
    tuned = [
        synthetic.tables([name], seeds=2, data="mnist", track="tuned", init="matched", **{"optim.lr": lr})
        for name, lr in (("relu", 0.1), ("elu", 0.3))
    ]
    works = workloads(concatenated(*shared, *tuned))
    assert len(works) == 3
    ((title, first, second),) = both_tracks(works)
    assert title == "data=mnist"
    assert (first.config["track"], second.config["track"]) == ("shared", "tuned")
    assert sorted(second.tables.runs["variant"].unique()) == ["elu", "relu"]
    assert both_tracks(workloads(concatenated(*shared))) == []
