"""Ranks, interquartile means, performance profiles and failures over one workload and several."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from invented import rng, runs

from actbench.compare.over_workloads import failures, iqm, profile, ranks


def several(**workloads: dict) -> pd.DataFrame:
    """Runs of several workloads, each with its losses by variant."""
    frames = [runs(losses).assign(workload=name) for name, losses in workloads.items()]
    return pd.concat(frames, ignore_index=True)


def test_ranks_by_hand() -> None:
    frame = several(w={"relu": [1.0, 2, 3], "a": [0.0, 1, 2], "same": [1.0, 2, 3], "bad": [9.0, 9, np.nan]})
    table = ranks(frame, value="test_loss", reference="relu", rng=rng(), resamples=200).set_index("variant")
    assert list(table.index) == ["a", "relu", "same", "bad"]
    assert table["rank"].tolist() == [1, 2, 2, 4]
    # a is below relu by 1 on every seed, so these three have the same order whatever seeds are drawn.
    assert table.loc[["a", "relu", "same"], "low"].tolist() == table.loc[["a", "relu", "same"], "high"].tolist()


def test_a_rank_that_depends_on_one_seed_has_a_wide_interval() -> None:
    frame = several(w={"relu": [1.0] * 5, "a": [0.9, 0.9, 0.9, 0.9, 1.3]})
    table = ranks(frame, value="test_loss", reference="relu", rng=rng()).set_index("variant")
    assert table.loc["a", ["rank", "low", "high"]].tolist() == [1, 1, 2]


def test_ranks_over_workloads_are_of_means_in_units_of_the_reference() -> None:
    # In units of the reference a has 1/2 and 1.2, b 0.9 and 0.9: a is ahead, though its loss on `large` is higher.
    frame = several(
        small={"relu": [0.2] * 3, "a": [0.1] * 3, "b": [0.18] * 3},
        large={"relu": [10.0] * 3, "a": [12.0] * 3, "b": [9.0] * 3},
    )
    table = ranks(frame, value="test_loss", reference="relu", rng=rng(), resamples=50)
    assert table["variant"].tolist() == ["a", "b", "relu"]


def test_the_reference_need_not_be_among_the_ranked_variants() -> None:
    # In units of relu a has 1 and 4, b 3 and 1: b is ahead; in units of a it would be behind (1, 1 against 3, 1/4).
    frame = several(
        u={"relu": [1.0] * 3, "a": [1.0] * 3, "b": [3.0] * 3}, v={"relu": [1.0] * 3, "a": [4.0] * 3, "b": [1.0] * 3}
    )
    table = ranks(frame, value="test_loss", reference="relu", rng=rng(), among=["a", "b"], resamples=50)
    assert table[["variant", "rank"]].values.tolist() == [["b", 1], ["a", 2]]


@pytest.mark.filterwarnings("error")
def test_ranks_where_the_reference_makes_no_error() -> None:
    frame = several(w={"relu": [0.0] * 3, "mish": [0.1, 0.2, 0.0]})
    table = ranks(frame, value="test_loss", reference="relu", rng=rng(), resamples=50)
    assert table[["variant", "rank"]].values.tolist() == [["relu", 1], ["mish", 2]]


def test_iqm_by_hand() -> None:
    # Eight values in units of the reference's mean 2: the middle four of 1 … 8 are 3, 4, 5, 6.
    frame = several(w={"relu": [2.0] * 8, "a": [2.0 * k for k in (8, 7, 6, 5, 4, 3, 2, 1)]})
    table = iqm(frame, value="test_loss", reference="relu", rng=rng()).set_index("variant")
    assert table.loc["a", "iqm"] == 4.5
    assert table.loc["a", "low"] < 4.5 < table.loc["a", "high"]
    assert table.loc["relu", ["iqm", "low", "high"]].tolist() == [1, 1, 1]


def test_iqm_is_stratified_over_workloads() -> None:
    # Equal values within a workload: drawing seeds within each changes nothing.
    frame = several(u={"relu": [1.0] * 4, "a": [3.0] * 4}, v={"relu": [1.0] * 4, "a": [5.0] * 4})
    table = iqm(frame, value="test_loss", reference="relu", rng=rng(), resamples=100).set_index("variant")
    assert table.loc["a", ["iqm", "low", "high"]].tolist() == [4, 4, 4]


def test_iqm_has_about_its_nominal_coverage() -> None:
    draw, hits, count = rng(5), 0, 200
    truth = 1.0
    for _ in range(count):
        frame = several(w={"relu": [1.0] * 40, "a": truth + draw.normal(size=40)})
        row = iqm(frame, value="test_loss", reference="relu", rng=draw, resamples=400).set_index("variant").loc["a"]
        hits += row["low"] <= truth <= row["high"]
    assert 0.90 <= hits / count <= 0.98


def test_a_workload_without_the_reference_is_an_error() -> None:
    with pytest.raises(ValueError, match="not measured") as error:
        iqm(several(u={"relu": [1.0]}, v={"a": [1.0]}), value="test_loss", reference="relu", rng=rng())
    assert str(error.value) == ("The reference relu was not measured on v: measure it there, or compare without.")


def test_a_performance_profile_by_hand() -> None:
    frame = runs({"a": [10.0, 20, np.inf, np.inf], "b": [20.0, 10, 30, np.inf]}, value="steps_to_target")
    table = profile(frame.assign(workload="w"), taus=[1, 2, 4]).pivot_table("share", "variant", "tau")
    assert table.loc["a"].tolist() == [0.25, 0.5, 0.5]
    assert table.loc["b"].tolist() == [0.5, 0.75, 0.75]


def test_a_target_that_is_met_at_the_start_is_within_every_tau_of_itself() -> None:
    frame = runs({"a": [0.0], "b": [5.0]}, value="steps_to_target")
    table = profile(frame.assign(workload="w"), taus=[1, 9]).pivot_table("share", "variant", "tau")
    assert (table.loc["a"].tolist(), table.loc["b"].tolist()) == ([1, 1], [0, 0])


def test_failures_by_hand() -> None:
    frame = runs({"good": [0.1] * 10, "flat": [np.log(10)] * 10}).assign(**{"data.num_classes": 10})
    frame = frame.assign(status=["diverged" if i == 0 else "done" for i in range(20)])
    table = failures(frame).set_index("variant")
    assert table.loc["flat", ["n", "failed", "rate", "high"]].tolist() == [10, 10, 1, 1]
    assert table.loc["flat", "low"] == pytest.approx(0.025 ** (1 / 10))
    assert table.loc["good", "failed"] == 1
    assert table.loc["good", "low"] == pytest.approx(scipy.stats.beta.ppf(0.025, 1, 10))
    assert table.loc["good", "high"] == pytest.approx(scipy.stats.beta.ppf(0.975, 2, 9))


def test_without_the_number_of_classes_only_diverged_runs_are_failures() -> None:
    table = failures(runs({"flat": [5.0] * 4}))
    assert table["failed"].tolist() == [0]
