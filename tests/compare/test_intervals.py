"""TODO."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from actbench.compare.intervals import Interval, bca, mean_interval, summarise
from actbench.compare.layers import ends, mean_drift, vanishing


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def layers(columns: dict[str, list[float]], *, run_id: str = "r", seed: int = 0, step: int = 0) -> pd.DataFrame:
    count = len(next(iter(columns.values())))
    return pd.DataFrame({"run_id": run_id, "seed": seed, "step": step, "layer_index": range(1, count + 1), **columns})


def test_interval_of_equal_values_has_width_zero() -> None:
    assert mean_interval([0.3] * 10, rng=rng()) == Interval(
        pytest.approx(0.3), pytest.approx(0.3), pytest.approx(0.3), 10
    )


def test_values_that_differ_by_rounding_only_count_as_equal() -> None:
    found = mean_interval([0.1 + 0.2, 0.3, 0.3], rng=rng())
    assert found.high - found.low == 0


def test_one_value_has_a_mean_and_no_interval() -> None:
    mean, low, high, n = mean_interval([0.25], rng=rng())
    assert (mean, n) == (0.25, 1)
    assert np.isnan(low)
    assert np.isnan(high)


def test_no_finite_value_has_neither() -> None:
    found = mean_interval([np.nan, np.inf], rng=rng())
    assert found.n == 0
    assert np.isnan([found.mean, found.low, found.high]).all()


def test_values_that_are_not_finite_are_left_out_and_show_in_n() -> None:
    assert mean_interval([1.0, np.nan, 3.0, np.inf, 2.0], rng=rng()) == mean_interval([1.0, 2.0, 3.0], rng=rng())


def test_the_order_of_the_values_does_not_matter() -> None:
    assert mean_interval([3.0, 1.0, 2.0, 7.0], rng=rng()) == mean_interval([7.0, 2.0, 1.0, 3.0], rng=rng())


def test_two_values_span_their_interval() -> None:
    # The resampled means are 0, 1/2 and 1 with probability 1/4, 1/2, 1/4: both tails reach the values themselves.
    assert mean_interval([0.0, 1.0], rng=rng()) == Interval(0.5, 0.0, 1.0, 2)


@pytest.mark.parametrize("n", [10, 20])
def test_an_interval_covers_as_often_as_it_says(n: int) -> None:
    """Paired differences of losses that vary by 20 % from seed to seed and by 5 % from variant to variant."""
    draw, hits, count = np.random.default_rng(n), 0, 4000
    for _ in range(8):
        seeds = np.exp(0.2 * draw.normal(size=(count // 8, n, 1)))
        values = 0.1 * seeds * np.exp(0.05 * draw.normal(size=(count // 8, n, 2)))
        _, low, high = bca(values[..., 0] - values[..., 1], rng=draw, resamples=1000)
        hits += int(((low <= 0) & (high >= 0)).sum())
    assert 0.93 <= hits / count <= 0.97


def test_the_interval_of_many_values_is_scipys_however_its_draws_are_held(monkeypatch) -> None:
    values = np.random.default_rng(3).exponential(size=(2, 150))
    level = 2 * scipy.stats.norm.cdf(scipy.stats.t.ppf(0.975, 149) * np.sqrt(150 / 149)) - 1
    expected = scipy.stats.bootstrap(
        (values,), np.mean, axis=1, confidence_level=level, method="BCa", n_resamples=1000, rng=rng()
    ).confidence_interval
    for chunk in (4_000_000, 10_000):
        monkeypatch.setattr("actbench.compare.intervals._CHUNK", chunk)
        _, low, high = bca(values, rng=rng(), resamples=1000)
        assert low == pytest.approx(expected.low, rel=1e-12)
        assert high == pytest.approx(expected.high, rel=1e-12)


def test_a_groups_interval_does_not_depend_on_the_others() -> None:
    values = np.random.default_rng(2).normal(size=30)
    frame = pd.DataFrame({"act": ["b"] * 10 + ["a"] * 10 + ["c"] * 10, "value": values})
    found = summarise(frame, by=["act"], value="value")
    assert list(found["act"]) == ["b", "a", "c"]
    alone = mean_interval(values[10:20], rng=rng())
    assert tuple(found.loc[1, ["mean", "low", "high", "n"]]) == tuple(alone)


def test_groups_of_different_size_and_without_values() -> None:
    frame = pd.DataFrame({"act": list("aaabbc"), "value": [1.0, 2.0, 3.0, 5.0, np.nan, np.nan]})
    found = summarise(frame, by=["act"], value="value").set_index("act")
    assert list(found["n"]) == [3, 1, 0]
    assert found.loc["a", "mean"] == 2
    assert found.loc["b", "mean"] == 5
    assert found.loc[["b", "c"], ["low", "high"]].isna().all(axis=None)


def test_summarise_leaves_the_frame_as_it_was() -> None:
    frame = pd.DataFrame({"act": ["a", "a"], "value": [1.0, np.inf]})
    before = frame.copy(deep=True)
    summarise(frame, by=["act"], value="value")
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        (Interval(1, 0, 2, 5), Interval(2.5, 2, 3, 5), True),
        (Interval(1, 0, 2, 5), Interval(3, 2.1, 4, 5), False),
        (Interval(1, np.nan, np.nan, 1), Interval(1.5, 1, 2, 5), True),
        (Interval(0, np.nan, np.nan, 1), Interval(1.5, 1, 2, 5), False),
    ],
)
def test_overlap(one: Interval, other: Interval, overlap: bool) -> None:
    assert one.overlaps(other) is overlap
    assert other.overlaps(one) is overlap


def test_ends_are_each_runs_own_first_and_last_probed_step() -> None:
    frame = pd.concat([layers({"x": [1.0]}, seed=s, step=t) for s, t in ((0, 0), (0, 5), (0, 9), (1, 0), (1, 5))])
    found = ends(frame)[["seed", "step", "when"]].values.tolist()
    start, end = "at initialisation", "at the end"
    assert found == [[0, 0, start], [1, 0, start], [0, 9, end], [1, 5, end]]


def test_mean_drift_is_the_median_of_the_slopes() -> None:
    # Slopes between pairs of (1, 0), (2, 1), (3, 10): 1, 9 and 5; their median is 5.
    found = mean_drift(layers({"out_mean": [0.0, 1.0, 10.0]}), column="out_mean")
    assert found.loc[0, "slope"] == 5
    assert found.loc[0, "low"] <= 5 <= found.loc[0, "high"]


def test_mean_drift_of_a_line_is_its_slope_with_no_width() -> None:
    found = mean_drift(layers({"out_mean": [0.5, 0.25, 0.0, -0.25, -0.5, -0.75]}), column="out_mean")
    assert found.loc[0, ["slope", "low", "high"]].tolist() == [-0.25, -0.25, -0.25]


def test_mean_drift_of_two_layers_has_no_interval_and_of_one_no_slope() -> None:
    frame = pd.concat([layers({"out_mean": [1.0, 3.0]}, seed=0), layers({"out_mean": [1.0]}, seed=1)])
    found = mean_drift(frame, column="out_mean")
    assert found.loc[0, "slope"] == 2
    assert found[["low", "high"]].isna().all(axis=None)
    assert np.isnan(found.loc[1, "slope"])


def test_vanishing_by_hand() -> None:
    # G falls by a factor of e² per layer on its way to the input: λ = −2, G_1 / G_3 = e⁻⁴.
    found = vanishing(layers({"grad_rms": [np.exp(-4), np.exp(-2), 1.0]}))
    assert found.loc[0, "gain"] == pytest.approx(-2)
    assert found.loc[0, "ratio"] == pytest.approx(np.exp(-4))


def test_vanishing_of_exploding_cut_off_dead_and_single_layers() -> None:
    cases = ([10.0, 1.0], [0.0, 1.0], [0.0, 0.0], [1.0])
    frame = pd.concat([layers({"grad_rms": case}, seed=seed) for seed, case in enumerate(cases)])
    found = vanishing(frame.sample(frac=1, random_state=0)).set_index("seed")
    assert found.loc[0, "gain"] == pytest.approx(np.log(10))
    assert found.loc[1, ["ratio", "gain"]].tolist() == [0, -np.inf]
    assert found.loc[[2, 3], ["ratio", "gain"]].isna().all(axis=None)


def test_vanishing_by_run_and_step() -> None:
    frame = pd.concat([layers({"grad_rms": [1.0, 2.0]}, step=step) for step in (0, 10)])
    assert vanishing(frame)[["run_id", "seed", "step"]].values.tolist() == [["r", 0, 0], ["r", 0, 10]]
