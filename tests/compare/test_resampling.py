"""Samples computed together by size, and draws in chunks."""

import numpy as np
import pytest
import scipy.stats
from invented import rng

from actbench.compare.resampling import bootstrap, by_size


def test_samples_are_stacked_by_size_and_empty_ones_left_out() -> None:
    samples = [np.array([1.0, 2]), np.array([3.0]), np.empty(0), np.array([4.0, 5])]
    stacked = [(rows.tolist(), values.tolist()) for rows, values in by_size(samples)]
    assert stacked == [([1], [[3]]), ([0, 3], [[1, 2], [4, 5]])]
    assert list(by_size([np.empty((2, 0))])) == []


@pytest.mark.parametrize("chunk", [4_000_000, 30, 1])
def test_resamples_are_those_of_scipy_whatever_the_size_of_a_chunk(chunk: int, monkeypatch) -> None:
    monkeypatch.setattr("actbench.compare.resampling.CHUNK", chunk)
    values = rng(1).normal(size=7)
    expected = scipy.stats.bootstrap((values,), np.mean, n_resamples=50, method="percentile", rng=rng())
    means = bootstrap(lambda drawn: values[drawn].mean(axis=1), [7], rng=rng(), resamples=50, size=7)
    assert means == pytest.approx(expected.bootstrap_distribution, rel=1e-15)


def test_several_samples_are_drawn_each_on_its_own() -> None:
    first, second = bootstrap(
        lambda *drawn: np.stack([rows.max(axis=1) for rows in drawn], axis=1), [3, 50], rng=rng(), resamples=200, size=9
    ).T
    assert set(first) <= {0, 1, 2}
    assert 40 < second.mean() < 50
