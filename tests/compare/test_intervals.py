"""Intervals over seeds, and what layers show: first and last probe, drift, vanishing gradients."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from invented import rng

from actbench.compare.intervals import Interval, bca, mean_interval, summarise
from actbench.compare.layers import ends, mean_drift, vanishing


def layers(columns: dict[str, list[float]], *, run_id: str = "r", seed: int = 0, step: int = 0) -> pd.DataFrame:
    count = len(next(iter(columns.values())))
    return pd.DataFrame({"run_id": run_id, "seed": seed, "step": step, "layer_index": range(1, count + 1), **columns})


def test_interval_of_equal_values_has_width_zero() -> None:
    assert mean_interval([0.3] * 10, rng=rng()) == Interval(
        pytest.approx(0.3), pytest.approx(0.3), pytest.approx(0.3), 10
    )


def test_values_that_differ_by_rounding_only_count_as_equal() -> None:
    interval = mean_interval([0.1 + 0.2, 0.3, 0.3], rng=rng())
    assert interval.high - interval.low == 0


def test_one_value_has_a_mean_and_no_interval() -> None:
    mean, low, high, n = mean_interval([0.25], rng=rng())
    assert (mean, n) == (0.25, 1)
    assert np.isnan(low)
    assert np.isnan(high)


def test_without_a_finite_value_there_is_no_mean_and_no_interval() -> None:
    interval = mean_interval([np.nan, np.inf], rng=rng())
    assert interval.n == 0
    assert np.isnan([interval.mean, interval.low, interval.high]).all()


def test_values_that_are_not_finite_are_not_counted() -> None:
    assert mean_interval([1.0, np.nan, 3.0, np.inf, 2.0], rng=rng()) == mean_interval([1.0, 2.0, 3.0], rng=rng())


def test_the_order_of_the_values_does_not_matter() -> None:
    assert mean_interval([3.0, 1.0, 2.0, 7.0], rng=rng()) == mean_interval([7.0, 2.0, 1.0, 3.0], rng=rng())


@pytest.mark.parametrize("n", [2, 3, 9])
def test_of_few_values_an_interval_is_that_of_students_t(n: int) -> None:
    values = np.random.default_rng(n).exponential(size=(2, n))
    _, low, high = bca(values, rng=rng())
    expected = scipy.stats.ttest_1samp(values, 0, axis=1).confidence_interval(0.95)
    np.testing.assert_allclose([low, high], [expected.low, expected.high], rtol=1e-12)


@pytest.mark.parametrize("n", [2, 3, 9, 10, 20])
def test_an_interval_has_its_nominal_coverage(n: int) -> None:
    """Paired differences of losses that vary by 20 % from seed to seed and by 5 % from variant to variant."""
    draw, hits, count = np.random.default_rng(n), 0, 4000
    for _ in range(8):
        seeds = np.exp(0.2 * draw.normal(size=(count // 8, n, 1)))
        values = 0.1 * seeds * np.exp(0.05 * draw.normal(size=(count // 8, n, 2)))
        _, low, high = bca(values[..., 0] - values[..., 1], rng=draw, resamples=1000)
        hits += int(((low <= 0) & (high >= 0)).sum())
    assert 0.93 <= hits / count <= 0.97


@pytest.mark.parametrize("n", [10, 20, 150])
def test_an_interval_is_scipys_whatever_the_size_of_a_chunk(n: int, monkeypatch) -> None:
    values = np.random.default_rng(3).exponential(size=(2, n))
    level = 2 * scipy.stats.norm.cdf(scipy.stats.t.ppf(0.975, n - 1) * np.sqrt(n / (n - 1))) - 1
    expected = scipy.stats.bootstrap(
        (values,), np.mean, axis=1, confidence_level=min(level, 1 - 1e-9), method="BCa", n_resamples=1000, rng=rng()
    ).confidence_interval
    for chunk in (4_000_000, 10_000):
        monkeypatch.setattr("actbench.compare.resampling.CHUNK", chunk)
        _, low, high = bca(values, rng=rng(), resamples=1000)
        assert low == pytest.approx(expected.low, rel=1e-12)
        assert high == pytest.approx(expected.high, rel=1e-12)


def test_a_groups_interval_does_not_depend_on_the_others() -> None:
    values = np.random.default_rng(2).normal(size=30)
    frame = pd.DataFrame({"act": ["b"] * 10 + ["a"] * 10 + ["c"] * 10, "value": values})
    table = summarise(frame, by=["act"], value="value")
    assert list(table["act"]) == ["b", "a", "c"]
    alone = mean_interval(values[10:20], rng=rng())
    assert tuple(table.loc[1, ["mean", "low", "high", "n"]]) == tuple(alone)


def test_groups_of_different_size_and_without_values() -> None:
    frame = pd.DataFrame({"act": list("aaabbc"), "value": [1.0, 2.0, 3.0, 5.0, np.nan, np.nan]})
    table = summarise(frame, by=["act"], value="value").set_index("act")
    assert list(table["n"]) == [3, 1, 0]
    assert table.loc["a", "mean"] == 2
    assert table.loc["b", "mean"] == 5
    assert table.loc[["b", "c"], ["low", "high"]].isna().all(axis=None)


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
    ],
)
def test_intervals_with_a_value_in_common_overlap(one: Interval, other: Interval, overlap: bool) -> None:
    assert one.overlaps(other) is overlap
    assert other.overlaps(one) is overlap


def test_ends_are_the_first_and_last_probed_step_of_each_run() -> None:
    frame = pd.concat([layers({"x": [1.0]}, seed=s, step=t) for s, t in ((0, 0), (0, 5), (0, 9), (1, 0), (1, 5))])
    rows = ends(frame)[["seed", "step", "when"]].values.tolist()
    start, end = "at initialisation", "at the end"
    assert rows == [[0, 0, start], [1, 0, start], [0, 9, end], [1, 5, end]]


def test_mean_drift_is_the_last_layer_minus_the_first() -> None:
    curves = {0: [0.5, 4.0, 4.0, 4.0], 1: [3.0, 2.0]}  # one steps once and then stands still
    frame = pd.concat([layers({"out_mean": curve}, seed=seed) for seed, curve in curves.items()])
    drift = mean_drift(frame.sample(frac=1, random_state=0), column="out_mean")
    assert drift[["seed", "change"]].values.tolist() == [[0, 3.5], [1, -1]]


def test_mean_drift_of_one_layer_and_from_infinity_to_infinity_is_missing() -> None:
    columns = [{"out_ratio": [1.0]}, {"out_ratio": [np.inf, 2.0, np.inf]}, {"out_ratio": [np.nan, 1.0]}]
    drift = mean_drift(pd.concat([layers(each, seed=i) for i, each in enumerate(columns)]), column="out_ratio")
    assert drift["change"].isna().all()


def test_vanishing_by_hand() -> None:
    # G falls by a factor of e² per layer on its way to the input: λ = −2, G_1 / G_3 = e⁻⁴.
    table = vanishing(layers({"grad_rms": [np.exp(-4), np.exp(-2), 1.0]}))
    assert table.loc[0, "gain"] == pytest.approx(-2)
    assert table.loc[0, "ratio"] == pytest.approx(np.exp(-4))


def test_vanishing_of_gradients_that_explode_or_do_not_arrive_and_of_one_layer() -> None:
    cases = ([10.0, 1.0], [0.0, 1.0], [0.0, 0.0], [1.0])
    frame = pd.concat([layers({"grad_rms": case}, seed=seed) for seed, case in enumerate(cases)])
    table = vanishing(frame.sample(frac=1, random_state=0)).set_index("seed")
    assert table.loc[0, "gain"] == pytest.approx(np.log(10))
    assert table.loc[1, ["ratio", "gain"]].tolist() == [0, -np.inf]
    assert table.loc[[2, 3], ["ratio", "gain"]].isna().all(axis=None)


def test_vanishing_has_a_row_for_each_run_and_step() -> None:
    frame = pd.concat([layers({"grad_rms": [1.0, 2.0]}, step=step) for step in (0, 10)])
    assert vanishing(frame)[["run_id", "seed", "step"]].values.tolist() == [["r", 0, 0], ["r", 0, 10]]
