"""Whether a ranking survives tuning: Kendall's τ, and verdicts on the shared and the tuned track."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import synthetic
from invented import error_runs, rng
from pages import concatenated
from statsmodels.stats.multitest import multipletests

from actbench.compare.tracks import both_tracks, changed_verdicts, compare_tracks, harmed, kendall
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
    frame = error_runs(losses({"relu": 1, "a": 2, "b": 3, "c": 4}))
    agreement = compare_tracks(frame, frame, value="test_error", rng=rng(), resamples=500)
    assert agreement[1:5] == (1, 1, 1, 4)
    assert changed_verdicts(agreement).empty


def test_the_opposite_order_has_tau_minus_one_and_its_verdicts_change() -> None:
    shared = error_runs(losses({"relu": 2, "a": 1, "b": 3}))
    tuned = error_runs(losses({"relu": 2, "a": 3, "b": 1, "only": 0}))
    agreement = compare_tracks(shared, tuned, value="test_error", rng=rng(), resamples=500)
    assert agreement[1:5] == (-1, -1, -1, 3)
    assert changed_verdicts(agreement)[["variant", "verdict_shared", "verdict_tuned"]].values.tolist() == [
        ["b", "worse", "better"],
        ["a", "better", "worse"],
    ]
    assert agreement.variants["variant"].tolist() == ["b", "relu", "a"]
    assert agreement.variants["rank_shared"].tolist() == [3, 2, 1]


def test_an_order_that_the_seeds_do_not_determine_has_a_wide_interval() -> None:
    shared, tuned = (
        error_runs({n: rng(s + i).uniform(size=10) for i, n in enumerate(["relu", *"abcde"])}) for s in (0, 50)
    )
    agreement = compare_tracks(shared, tuned, value="test_error", rng=rng(), resamples=500)
    assert agreement.high - agreement.low > 0.5


def validation(errors: dict[str, np.ndarray]) -> pd.DataFrame:
    return error_runs(errors).rename(columns={"test_error": "val_error"})


def test_where_tuning_was_worse_than_not_tuning_on_validation_data() -> None:
    base = {name: 0.1 + 0.01 * rng(i).normal(size=10) for i, name in enumerate(("relu", "elu", "mish", "gelu"))}
    shifts = {"relu": 0.02, "elu": -0.02, "mish": 0.0, "gelu": 0.004}
    tuned = {name: base[name] + shift + 0.003 * rng(9 + i).normal(size=10)
             for i, (name, shift) in enumerate(shifts.items())}  # fmt: skip
    table = harmed(validation(base), validation(tuned | {"only": base["relu"]})).set_index("variant")
    assert sorted(table.index) == sorted(base)
    p = [scipy.stats.ttest_rel(tuned[name], base[name], alternative="greater").pvalue for name in table.index]
    skewed = [abs(scipy.stats.skew(tuned[name] - base[name])) > 1 for name in table.index]
    expected = np.minimum(1, np.where(skewed, 2, 1) * p)
    assert table["p"].to_numpy() == pytest.approx(expected)
    assert table["p_holm"].to_numpy() == pytest.approx(multipletests(expected, method="holm")[1])
    assert table["flagged"].to_dict() == (table["p_holm"] < 0.05).to_dict()
    assert (table.loc["relu", "flagged"], table.loc["elu", "flagged"]) == (True, False)
    assert table.loc["relu", ["n", "shared", "tuned"]].tolist() == pytest.approx(
        [10, base["relu"].mean(), tuned["relu"].mean()]
    )


def test_a_setting_that_is_the_same_on_both_tracks_is_not_worse() -> None:
    frame = validation({"relu": np.full(5, 0.1)})
    assert harmed(frame, frame)[["p", "flagged"]].values.tolist() == [[1.0, False]]


def test_tracks_with_fewer_than_two_common_variants_are_an_error() -> None:
    with pytest.raises(ValueError, match="in common") as error:
        compare_tracks(
            error_runs({"relu": [1.0], "a": [1.0]}),
            error_runs({"relu": [1.0], "b": [1.0]}),
            value="test_error",
            rng=rng(),
        )
    assert str(error.value) == ("The tracks have 1 variants in common on every seed of relu: a ranking needs two.")


def test_pairs_that_differ_in_the_shared_rate_alone_are_named_by_it() -> None:
    shared = [synthetic.tables(["relu"], seeds=2, track="shared", **{"optim.lr": lr}) for lr in (0.01, 0.1)]
    works = workloads(concatenated(*shared, synthetic.tables(["relu"], seeds=2, track="tuned")))
    assert [title for title, *_ in both_tracks(works)] == ["init=he, optim.lr=0.01", "init=he, optim.lr=0.1"]


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
