"""Paired comparison with a reference: its measures, tests, adjusted p-values and verdicts at looks."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from invented import STEPS, error_runs, rng, runs
from statsmodels.stats.multitest import multipletests

from actbench.compare import paired
from actbench.compare.by_seed import by_seed
from actbench.compare.errors import MARGIN
from actbench.compare.looks import Looks
from actbench.compare.paired import compare, verdicts
from actbench.compare.significance import false_discoveries, holm, signed_rank
from actbench.tables.bits import pack

TEN = Looks((10,))
BASE = np.array([0.100, 0.101, 0.099, 0.104, 0.100, 0.095, 0.100, 0.098, 0.107, 0.100])


def table_of(values: dict, *, value: str = "test_error", looks: Looks = TEN, **columns) -> pd.DataFrame:
    frame = error_runs(values, **columns) if value == "test_error" else runs(values, value=value, **columns)
    return compare(frame, value=value, rng=rng(), looks=looks).set_index("variant")


def symmetric(seed: int, *, n: int = 10) -> np.ndarray:
    """Noise of SD about 1 without skewness."""
    return rng(seed).permutation(scipy.stats.norm.ppf((np.arange(n) + 0.5) / n))


def test_measures_by_hand() -> None:
    other = BASE + 0.001 * STEPS
    row = table_of({"relu": BASE, "other": other}, num_test_images=1000.0).loc["other"]
    assert (row["n"], row["lost"], row["look"], row["alpha"]) == (10, 0, 10, 0.05)
    assert row["change"] == pytest.approx(other.mean() / BASE.mean() - 1)
    assert row["low"] < row["change"] < row["high"]
    assert row["superiority"] == 0.1  # one of ten is lower
    assert row["difference"] == pytest.approx(0.0035)
    assert row["difference_low"] < 0.0035 < row["difference_high"]
    ratio = (0.001 * STEPS).var(ddof=1) / (BASE.var(ddof=1) + other.var(ddof=1))
    assert row["variance_ratio"] == pytest.approx(ratio)
    assert row["margin_images"] == pytest.approx(0.1 * BASE.mean() * 1000)


@pytest.mark.parametrize("difference", [-0.03, -0.005, 0.0, 0.008, 0.02])
def test_both_tests_are_scipys(difference) -> None:
    other = BASE + difference + 0.004 * symmetric(1)
    row = table_of({"relu": BASE, "other": other}).loc["other"]
    ends = ((other - 0.9 * BASE, "greater"), (other - 1.1 * BASE, "less"))
    tost = max(scipy.stats.ttest_1samp(values, 0, alternative=side).pvalue for values, side in ends)
    assert row["p_equivalent"] == pytest.approx(tost)
    is_outside = not 0.9 < other.mean() / BASE.mean() < 1.1
    expected = scipy.stats.ttest_rel(other, BASE).pvalue if is_outside else 1.0
    assert row["p_different"] == pytest.approx(expected)
    assert not row["skewed"]


def test_verdicts_of_clear_cases_and_their_adjustment() -> None:
    noise = [0.002 * symmetric(seed) for seed in range(5)]
    others = {"low": -0.05, "high": 0.05, "same": 0.0, "inside": 0.004}
    values = {name: BASE + shift + e for (name, shift), e in zip(others.items(), noise, strict=False)}
    values |= {"relu": BASE, "unclear": BASE + 0.008 + 0.02 * symmetric(5)}
    table = table_of(values)
    assert table["verdict"].to_dict() == {
        "low": "better", "high": "worse", "same": "equivalent", "inside": "equivalent", "unclear": "undecided",
    }  # fmt: skip
    assert scipy.stats.ttest_rel(values["inside"], BASE).pvalue < 0.001  # it differs, and that does not matter
    smaller = table[["p_equivalent", "p_different"]].min(axis=1)
    assert table["p_holm"].to_numpy() == pytest.approx(multipletests(smaller, method="holm")[1])
    assert np.isfinite(table.loc["unclear", "price"])
    assert table.drop(index="unclear")["price"].isna().all()


def test_a_decided_variant_stays_decided_and_is_described_at_its_look() -> None:
    first = BASE + 0.05 + 0.002 * symmetric(0)
    later = np.concatenate([first, np.full(10, 0.01)])
    base = np.concatenate([BASE, BASE])
    row = table_of({"relu": base, "other": later}, looks=Looks((10, 20))).loc["other"]
    assert (row["verdict"], row["look"], row["n"], row["alpha"]) == ("worse", 10, 20, 0.02)
    assert row["change"] == pytest.approx(first.mean() / BASE.mean() - 1)


def test_verdicts_alone_are_the_tables_and_draw_no_resample(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "relu": BASE,
        "far": 2 * BASE,
        "near": BASE + 1e-4 * symmetric(1),
        "lower": 0.5 * BASE,
        "wide": BASE + 0.1 * symmetric(2),
    }
    frame = error_runs(values)
    table = compare(frame, value="test_error", rng=rng(), looks=TEN).set_index("variant")["verdict"]
    assert set(table) == {"better", "worse", "equivalent", "undecided"}
    monkeypatch.setattr(paired, "bca", None)  # the longest part of a row
    alone = verdicts(frame, value="test_error", looks=TEN, reference="relu")
    assert alone.to_dict() == table.to_dict()


def test_fewer_seeds_than_the_first_look_decide_nothing() -> None:
    row = table_of({"relu": BASE[:6], "other": BASE[:6] + 0.05 + 0.001 * symmetric(0, n=6)}).loc["other"]
    assert (row["verdict"], row["look"], row["n"], row["price"]) == ("undecided", 0, 6, 4)
    assert row["change"] == pytest.approx(0.5, abs=0.05)
    assert np.isnan(row["p_holm"])


def test_distances_are_compared_by_their_logarithms() -> None:
    base, noise = 3 + 0.1 * symmetric(0), 0.05 * symmetric(1)
    row = table_of({"relu": base, "other": base * np.exp(0.02 + noise)}, value="test_fld").loc["other"]
    logs, end = 0.02 + noise, np.log(MARGIN)
    ends = ((logs + end, "greater"), (logs - end, "less"))
    tost = max(scipy.stats.ttest_1samp(values, 0, alternative=side).pvalue for values, side in ends)
    assert row["p_equivalent"] == pytest.approx(tost)
    assert row["change"] == pytest.approx(np.expm1(logs.mean()))
    interval = scipy.stats.t.interval(0.95, 9, logs.mean(), scipy.stats.sem(logs))
    assert row[["low", "high"]].tolist() == pytest.approx(np.expm1(interval).tolist())
    assert np.isnan(row["margin_images"])


def test_a_distance_that_is_not_finite_counts_by_its_sign() -> None:
    base = 3 + 0.1 * symmetric(0)
    lost = 2 * base
    lost[3] = np.nan
    values = {"relu": base, "lost": lost, "good": base / 2 * np.exp(0.02 * symmetric(1))}
    table = table_of(values, value="test_fld")
    assert table.loc["lost", ["n", "lost", "verdict"]].tolist() == [10, 1, "worse"]
    assert table.loc["lost", "p_different"] == pytest.approx(2 * 2**-10)
    assert table.loc["lost", ["change", "p_signed_rank"]].isna().all()
    assert table.loc["good", "verdict"] == "better"


def test_a_seed_that_a_variant_lacks_ends_what_is_compared() -> None:
    frame = error_runs({"relu": BASE, "other": BASE})
    kept = frame[~((frame["variant"] == "other") & (frame["seed"] == 4))]
    row = compare(kept, value="test_error", rng=rng(), looks=Looks((3, 8))).iloc[0]
    assert (row["n"], row["look"]) == (7, 3)
    failed = frame.assign(status=frame["status"].where(frame["seed"] != 0, "failed"))
    assert compare(failed, value="test_error", rng=rng(), looks=TEN)["n"].tolist() == [9]


def test_the_variance_over_shared_test_images_widens_the_interval() -> None:
    """One variant has other images wrong than the reference, the same ones for every seed: only images vary."""
    size = 400
    hard, other = np.arange(size) < 40, np.arange(size) % 10 == 0
    flips = [rng(seed).random(size) < 0.01 for seed in range(10)]
    wrong = {"relu": [hard ^ f for f in flips], "other": [other ^ f[::-1] for f in flips]}
    frame = error_runs({name: [w.mean() for w in each] for name, each in wrong.items()}, num_test_images=float(size))
    frame["test_right"] = [pack(~w) for each in wrong.values() for w in each]
    shared = compare(frame, value="test_error", rng=rng(), looks=TEN).iloc[0]
    folded = compare(frame.assign(**{"data.num_folds": 5}), value="test_error", rng=rng(), looks=TEN).iloc[0]
    assert shared["change"] == folded["change"]
    assert shared["high"] - shared["low"] > 3 * (folded["high"] - folded["low"])
    assert shared["p_equivalent"] > folded["p_equivalent"]


def test_a_disagreement_of_t_and_the_signed_rank_test_is_marked() -> None:
    differences = 0.001 * np.array([1.0] * 9 + [30])  # all positive, but one hides it from t
    row = table_of({"relu": BASE, "other": BASE + differences}).loc["other"]
    assert row["p_signed_rank"] == pytest.approx(scipy.stats.wilcoxon(differences, method="exact").pvalue, abs=0.002)
    assert row["disagrees"]
    calm = table_of({"relu": BASE, "other": BASE + 0.02 + 0.001 * symmetric(3)}).loc["other"]
    assert not calm["disagrees"]


def test_an_unknown_reference_is_an_error() -> None:
    with pytest.raises(ValueError, match="reference") as error:
        compare(error_runs({"elu": [0.1], "mish": [0.1]}), value="test_error", rng=rng())
    assert str(error.value) == ("The reference relu is not among the variants elu, mish: compare with one of them.")


def test_the_frame_is_not_changed_and_the_result_is_reproducible() -> None:
    frame = error_runs({"relu": BASE, "elu": BASE + 0.01 * symmetric(0)})
    before = frame.copy(deep=True)
    once, twice = (compare(frame, value="test_error", rng=rng()) for _ in range(2))
    pd.testing.assert_frame_equal(once, twice)
    pd.testing.assert_frame_equal(frame, before)
    assert by_seed(frame, value="test_error").shape == (10, 2)


def test_fewer_than_five_differences_have_no_signed_rank_p() -> None:
    assert np.isnan(signed_rank(np.ones((1, 4)))).all()


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
    # 80 of 120 positive, all of rank 121/2: W+ is normal about 120 · 121/4 with the variance 120 (121/2)² / 4.
    differences = np.repeat([1.0, -1, 0], [80, 40, 10])
    z = (80 - 60) / np.sqrt(120 / 4)
    assert signed_rank(differences[None]) == pytest.approx(2 * scipy.stats.norm.sf(z))


def test_signed_rank_with_ties_agrees_with_all_permutations_of_the_signs() -> None:
    differences = np.array([1.0, 1, 2, 2, 2, -3, 4, -1])
    method = scipy.stats.PermutationMethod(n_resamples=np.inf)
    assert signed_rank(differences[None]) == pytest.approx(scipy.stats.wilcoxon(differences, method=method).pvalue)


def test_adjusted_p_values_by_hand() -> None:
    # Holm: 3 · .01, then max with 2 · .02, then max with 1 · .9. BH: .03, .03, .9.
    assert holm([0.02, 0.01, 0.9]) == pytest.approx([0.04, 0.03, 0.9])
    assert false_discoveries([0.02, 0.01, 0.9]) == pytest.approx([0.03, 0.03, 0.9])


def test_a_missing_p_counts_as_a_test_and_stays_missing() -> None:
    assert holm([0.02, np.nan]) == pytest.approx([0.04, np.nan], nan_ok=True)
    assert false_discoveries([0.02, np.nan]) == pytest.approx([0.04, np.nan], nan_ok=True)
    assert len(holm([])) == len(false_discoveries([])) == 0


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
