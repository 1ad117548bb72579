"""Paired comparison with a reference: its measures, tests, adjusted p-values and verdicts."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from invented import STEPS, rng, runs
from statsmodels.stats.weightstats import ttost_paired

from actbench.compare.by_seed import by_seed, margin
from actbench.compare.intervals import bca
from actbench.compare.paired import compare, verdict
from actbench.compare.significance import equivalence, false_discoveries, holm, signed_rank, smallest_adjusted


def table_of(losses: dict, *, margin: float = 1.0, value: str = "test_loss") -> pd.DataFrame:
    frame = runs(losses, value=value)
    return compare(frame, value=value, margin=margin, rng=rng(), resamples=2000).set_index("variant")


def test_measures_by_hand() -> None:
    base = np.array([100.0, 101, 99, 104, 100, 95, 100, 98, 107, 100])
    row = table_of({"relu": base, "other": base + STEPS}).loc["other"]
    assert (row["n"], row["lost"]) == (10, 0)
    assert row["mean"] == 3.5
    assert row["low"] < 3.5 < row["high"]
    assert row["superiority"] == 0.1  # lower is better, one of ten is lower
    assert row["d_z"] == pytest.approx(3.5 / np.sqrt((385 - 10 * 3.5**2) / 9))
    assert row["variance_ratio"] == pytest.approx(STEPS.var(ddof=1) / (base.var(ddof=1) + (base + STEPS).var(ddof=1)))


def test_higher_is_better_for_an_accuracy() -> None:
    row = table_of({"relu": [0.5] * 6, "other": [0.6, 0.7, 0.6, 0.5, 0.6, 0.8]}, value="test_accuracy").loc["other"]
    assert row["superiority"] == pytest.approx((5 + 0.5) / 6)


def test_signed_rank_by_hand() -> None:
    # Of the 32 sign patterns of five differences, W+ = 0 and W+ = 15 are as extreme as all signs equal: 2/32.
    assert signed_rank(np.array([[1.0, 2, 3, 4, 5]])) == pytest.approx(2 / 32)
    # W− = 1 has the patterns {} and {1}: 2 · 2/32.
    assert signed_rank(np.array([[-1.0, 2, 3, 4, 5]])) == pytest.approx(4 / 32)
    assert signed_rank(STEPS[None]) == pytest.approx(scipy.stats.wilcoxon(STEPS).pvalue)


def test_signed_rank_with_ties_and_zeros_by_hand() -> None:
    # All have one magnitude: the number of positive signs is binomial, 2 P(X ≤ 1) = 2 (1 + 6)/64.
    assert signed_rank(np.array([[1.0, 1, 1, 1, 1, -1]])) == pytest.approx(14 / 64)
    # A difference of 0 is left out, which leaves the first case of the test above.
    assert signed_rank(np.array([[0.0, 1, 2, 3, 4, 5]])) == pytest.approx(2 / 32)
    assert signed_rank(np.zeros((1, 6))) == 1
    # Differences that are equal up to rounding are tied.
    nearly = np.array([[0.3 - 0.2, 0.1, 0.2 - 0.1, 0.1, 0.1, -0.1]])
    assert signed_rank(nearly) == pytest.approx(14 / 64)


def test_signed_rank_of_many_with_ties_and_zeros_by_hand() -> None:
    # 40 of 60 positive, all of rank 61/2: W+ is normal about 60 · 61/4 with the variance 60 (61/2)² / 4.
    differences = np.repeat([1.0, -1, 0], [40, 20, 10])
    z = (40 - 30) / np.sqrt(60 / 4)
    assert signed_rank(differences[None]) == pytest.approx(2 * scipy.stats.norm.sf(z))


def test_signed_rank_with_ties_agrees_with_all_permutations_of_the_signs() -> None:
    differences = np.array([1.0, 1, 2, 2, 2, -3, 4, -1])
    method = scipy.stats.PermutationMethod(n_resamples=np.inf)
    assert signed_rank(differences[None]) == pytest.approx(scipy.stats.wilcoxon(differences, method=method).pvalue)


def test_fewer_than_five_pairs_have_no_p() -> None:
    assert np.isnan(signed_rank(np.ones((1, 4)))).all()
    assert np.isnan(equivalence(np.ones((1, 4)), margin=10)).all()
    row = table_of({"relu": [1.0, 2, 3, 4], "other": [1.0, 2, 3, 4]}).loc["other"]
    assert row["verdict"] == "inconclusive"
    assert row[["p", "p_holm", "p_equivalent", "p_equivalent_holm"]].isna().all()


def test_equivalence_is_tost() -> None:
    values = rng().normal(size=(2, 10))
    expected = ttost_paired(values[0], values[1], -0.5, 0.5)[0]
    assert equivalence((values[0] - values[1])[None], margin=0.5) == pytest.approx(expected)


def test_equivalence_by_hand_and_without_a_spread() -> None:
    # Mean 0, standard deviation 1 (n − 1), margin 1: t = sqrt(10) on both sides, 9 degrees.
    differences = np.sqrt(0.9) * np.array([[1.0, -1] * 5])
    assert equivalence(differences, margin=1) == pytest.approx(scipy.stats.t.sf(np.sqrt(10), 9))
    assert equivalence(np.full((1, 6), 0.3), margin=0.5) == 0
    assert equivalence(np.full((1, 6), 0.6), margin=0.5) == 1
    assert np.isnan(equivalence(differences, margin=np.nan)).all()


def test_adjusted_p_values_by_hand() -> None:
    # Holm: 3 · .01, then max with 2 · .02, then max with 1 · .9. BH: .03, .03, .9.
    assert holm([0.02, 0.01, 0.9]) == pytest.approx([0.04, 0.03, 0.9])
    assert false_discoveries([0.02, 0.01, 0.9]) == pytest.approx([0.03, 0.03, 0.9])


def test_a_missing_p_counts_as_a_test_and_stays_missing() -> None:
    assert holm([0.02, np.nan]) == pytest.approx([0.04, np.nan], nan_ok=True)
    assert false_discoveries([0.02, np.nan]) == pytest.approx([0.04, np.nan], nan_ok=True)
    assert len(holm([])) == len(false_discoveries([])) == 0


def test_the_smallest_adjusted_p_by_hand() -> None:
    assert smallest_adjusted(n=5, tests=1) == 0.0625
    assert smallest_adjusted(n=10, tests=24) == pytest.approx(24 / 512)
    assert smallest_adjusted(n=10, tests=35) > 0.05
    assert smallest_adjusted(n=2, tests=35) == 1


def test_variants_with_equal_losses_are_equivalent() -> None:
    losses = rng().uniform(0.1, 0.2, size=10)
    row = table_of({"relu": losses, "same": losses.copy()}, margin=0.01).loc["same"]
    assert row[["mean", "low", "high", "d_z", "variance_ratio", "p_equivalent"]].tolist() == [0, 0, 0, 0, 0, 0]
    assert (row["p"], row["superiority"], row["verdict"]) == (1, 0.5, "equivalent")


def test_a_true_effect_is_detected_and_the_reference_has_no_row() -> None:
    noise, base = rng(1).normal(size=(2, 12, 10)), rng(2).normal(size=10)
    losses = {"relu": base, "low": base - 2 + 0.3 * noise[0, 0], "high": base + 2 + 0.3 * noise[0, 1]}
    losses |= {f"none{i}": base + 0.3 * noise[1, i] for i in range(10)}
    verdicts = table_of(losses, margin=0.01)["verdict"]
    assert "relu" not in verdicts.index
    assert verdicts.drop(["low", "high"]).eq("inconclusive").all()
    assert (verdicts["low"], verdicts["high"]) == ("better", "worse")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, "better"),
        ({"mean": 1.0, "low": 0.5, "high": 2.0}, "worse"),
        ({"low": -2.0, "high": 0.1}, "inconclusive"),
        ({"p_holm": 0.05}, "inconclusive"),
        ({"p_holm": np.nan}, "inconclusive"),
        ({"p_equivalent_holm": 0.04}, "equivalent"),
        ({"p_equivalent_holm": 0.04, "p_holm": 0.9}, "equivalent"),
    ],
)
def test_the_verdict_on_a_row(changed: dict, expected: str) -> None:
    row = {"mean": -1.0, "low": -2.0, "high": -0.5, "p_holm": 0.01, "p_equivalent_holm": np.nan}
    assert verdict(row | changed, sign=-1) == expected


def test_a_variant_with_a_lost_pair_is_not_tested_but_counts_in_the_family() -> None:
    base = rng().normal(10, 1, size=10)
    lost = base.copy()
    lost[3] = np.nan
    table = table_of({"relu": base, "lost": lost - 5, "good": base - rng(1).uniform(4, 5, size=10)})
    assert table.loc["lost", ["n", "lost", "verdict"]].tolist() == [10, 1, "inconclusive"]
    assert np.isnan(table.loc["lost", "p_holm"])
    assert table.loc["good", "p_holm"] == pytest.approx(2 * 2 / 1024)


def test_a_seed_that_one_variant_lacks_is_not_a_pair() -> None:
    frame = runs({"relu": [1.0] * 8, "other": [2.0] * 6})
    first = (frame["variant"] == "relu") & (frame["seed"] == 0)
    failed = frame.assign(status=frame["status"].where(~first, "failed"))
    assert compare(failed, value="test_loss", margin=1, rng=rng())["n"].tolist() == [5]


def test_an_unknown_reference_is_an_error() -> None:
    with pytest.raises(ValueError, match="reference") as error:
        compare(runs({"elu": [1.0], "mish": [1.0]}), value="test_loss", margin=1, rng=rng())
    assert str(error.value) == ("The reference relu is not among the variants elu, mish: compare with one of them.")


def test_margins_by_metric_and_data_set() -> None:
    frame = runs({"relu": [0.1, 0.3], "elu": [1.0, 1.0]}, data="mnist").assign(test_accuracy=0.5)
    assert margin(frame, value="test_loss") == pytest.approx(0.05 * 0.2)
    assert margin(frame, value="test_accuracy") == 0.001
    assert margin(frame.assign(data="cifar10"), value="test_accuracy") == 0.005
    assert np.isnan(margin(frame.assign(data="digits"), value="test_accuracy"))


def test_the_frame_is_not_changed_and_the_result_is_reproducible() -> None:
    frame = runs({"relu": rng(0).normal(size=10), "elu": rng(1).normal(size=10)})
    before = frame.copy(deep=True)
    once, twice = (compare(frame, value="test_loss", margin=1, rng=rng()) for _ in range(2))
    pd.testing.assert_frame_equal(once, twice)
    pd.testing.assert_frame_equal(frame, before)
    assert by_seed(frame, value="test_loss").shape == (10, 2)


def test_p_is_uniform_in_an_a_a_test() -> None:
    """One variant on 20 seeds, split at random into two halves that are paired: 4,000 times, each time on new seeds.

    p is discrete. A random number between p and the next smaller value of it is uniform.
    """
    draw = rng(7)
    losses = np.exp(0.3 * draw.normal(size=(4000, 20)))
    split = draw.permuted(losses, axis=1)
    p = signed_rank(split[:, :10] - split[:, 10:])
    weights = np.ones(1)
    for rank in range(1, 11):
        weights = np.pad(weights, (0, rank)) + np.pad(weights, (rank, 0))
    exact = np.minimum(1, 2 * np.minimum(weights.cumsum(), weights[::-1].cumsum()[::-1]) / 1024)
    below = np.array([weights[exact < value - 1e-9].sum() / 1024 for value in p])
    uniform = below + draw.uniform(size=len(p)) * (np.minimum(p, 1) - below)
    assert scipy.stats.kstest(uniform, "uniform").pvalue > 0.05
    assert 0.04 <= (p < 0.05).mean() <= 0.06


def test_verdicts_in_an_a_a_test_hold_the_family_wise_error_rate() -> None:
    """Families of five variants that do not differ from the reference: Holm's first step is the smallest p times 5."""
    draw = rng(3)
    seeds = np.exp(0.2 * draw.normal(size=(2000, 1, 10)))
    losses = seeds * np.exp(0.05 * draw.normal(size=(2000, 6, 10)))
    differences = (losses[:, 1:] - losses[:, :1]).reshape(-1, 10)
    _, low, high = bca(differences, rng=draw, resamples=200)
    wrong = (5 * signed_rank(differences) < 0.05) & (low * high > 0)
    assert wrong.reshape(2000, 5).any(axis=1).mean() <= 0.05
