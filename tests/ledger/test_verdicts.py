"""Decisions on small invented tables: rules, families, verdicts."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from actbench.ledger.claims import CONTRASTS, ClaimError, Regime
from actbench.ledger.verdicts import Decision, decide, judge, overall, select

RNG = np.random.default_rng(7)
SEEDS = range(10)
SMALL = RNG.normal(0, 0.01, 10)


def _runs(**columns) -> pd.DataFrame:
    """Runs of tanh and relu on ten seeds: relu has a loss near .5, tanh has the given columns."""
    relu = pd.DataFrame({"run_id": "r", "seed": SEEDS, "act": "relu", "loss": 0.5 + SMALL})
    tanh = pd.DataFrame({"run_id": "t", "seed": SEEDS, "act": "tanh", **columns})
    return pd.concat([relu, tanh], ignore_index=True)


def _regime(rule="difference", claimed=(None, 0), **changes) -> Regime:
    fields = {"regime": "r", "rule": rule, "column": "loss", "claimed": claimed, "n": 10, "where": {"act": "tanh"}}
    contrast = {"against": {"act": "relu"}} if rule in CONTRASTS else {}
    return Regime(**fields | contrast | changes)


def _decision(regime: Regime, frame: pd.DataFrame | None) -> Decision:
    (decision,) = judge([decide(regime, frame, rng=np.random.default_rng(0))])
    return decision


@pytest.mark.parametrize(
    ("shift", "claimed", "verdict"),
    [
        (-0.1, (None, 0), "supported"),
        (0.1, (None, 0), "refuted"),
        (0.0, (None, 0), "inconclusive"),
        (0.0, (-0.05, 0.05), "supported"),
        (0.1, (-0.05, 0.05), "refuted"),
        (-0.1, (-0.05, 0.05), "refuted"),
        (-0.1, (-0.05, None), "refuted"),
        (0.1, (-0.05, None), "supported"),
    ],
)
def test_a_difference_lies_inside_outside_or_across(shift, claimed, verdict):
    noise = np.array([1, -1, 2, -2, 3, -3, 1, -1, 2, -2]) / 100
    decision = _decision(_regime(claimed=claimed), _runs(loss=0.5 + SMALL + shift + noise))
    assert decision.verdict == verdict
    np.testing.assert_allclose(decision.values, shift + noise, atol=1e-12)
    assert decision.low < decision.mean < decision.high


def test_p_is_the_p_of_the_two_sided_t_test():
    values = 0.5 + SMALL + np.linspace(-0.05, 0.01, 10)
    decision = decide(_regime(), _runs(loss=values), rng=np.random.default_rng(0))
    expected = scipy.stats.ttest_rel(values, 0.5 + SMALL).pvalue
    assert decision.p_supported == pytest.approx(expected)
    assert decision.p_refuted == 1


def test_within_a_margin_both_ends_are_tested():
    values = 0.5 + SMALL + np.linspace(-0.03, 0.02, 10)
    decision = decide(_regime(claimed=(-0.05, 0.04)), _runs(loss=values), rng=np.random.default_rng(0))
    difference = values - 0.5 - SMALL
    p_values = [scipy.stats.ttest_1samp(difference, end).pvalue for end in (-0.05, 0.04)]
    assert decision.p_supported == pytest.approx(max(p_values))


def test_a_family_shares_its_error_rate():
    """Of ten regimes with p = .02, each is supported alone but none as a family (Holm: 10 × .02)."""
    decision = Decision(_regime(), SMALL, -1, -2, -0.1, 0.02, 1.0, verdict="")
    assert judge([decision])[0].verdict == "supported"
    assert {member.verdict for member in judge([decision] * 10)} == {"inconclusive"}
    assert judge([decision] * 10)[0].p_supported == pytest.approx(0.2)


def test_equal_values_are_decided_without_a_t_test():
    frame = _runs(loss=1.0)
    assert _decision(_regime("bound", (1, 1)), frame).verdict == "supported"
    assert _decision(_regime("bound", (2, None)), frame).verdict == "refuted"


@pytest.mark.parametrize(
    ("shift", "claimed", "verdict"),
    [
        (0.0, (None, 0), "inconclusive"),
        (0.0, (0, None), "inconclusive"),
        (0.0, (0, 0), "supported"),
        (-0.25, (None, 0), "supported"),
        (0.25, (None, 0), "refuted"),
    ],
)
def test_equal_values_at_the_end_of_a_half_open_set_decide_nothing(shift, claimed, verdict):
    frame = _runs(loss=0.5 + shift).assign(loss=lambda runs: runs["loss"].where(runs["act"] == "tanh", 0.5))
    assert _decision(_regime(claimed=claimed), frame).verdict == verdict


def test_order_counts_infinite_values():
    steps = [np.inf] * 9 + [0.0]
    decision = _decision(_regime("order", (0.5, None)), _runs(loss=steps))
    assert decision.mean == 0.9
    ties = _decision(_regime("order", (0.4, 0.6)), _runs(loss=0.5 + SMALL))
    assert (ties.mean, ties.verdict) == (0.5, "supported")


def test_a_trend_is_a_slope_per_seed():
    rows = [
        {"run_id": "t", "seed": seed, "act": "tanh", "layer_index": layer, "loss": 3 + 2 * layer + SMALL[seed] * layer}
        for seed in SEEDS
        for layer in (1, 2, 3, 4)
    ]
    decision = _decision(_regime("trend", (1, 3), over="layer_index"), pd.DataFrame(rows))
    np.testing.assert_allclose(decision.values, 2 + SMALL)
    assert decision.verdict == "supported"


def test_too_few_seeds_are_inconclusive_with_a_note():
    frame = _runs(loss=0.1)
    decision = _decision(_regime(), frame[frame["seed"] < 8])
    assert (decision.verdict, decision.note) == ("inconclusive", "8 of the 10 declared seeds have a finite value")
    infinite = _decision(_regime(), _runs(loss=[np.inf, *[0.1] * 9]))
    assert (infinite.verdict, infinite.note) == ("inconclusive", "9 of the 10 declared seeds have a finite value")


def test_seeds_beyond_the_declared_number_are_ignored():
    decision = _decision(_regime(n=6), _runs(loss=0.1))
    assert len(decision.values) == 6


def test_missing_tables_and_runs_are_not_measured():
    assert _decision(_regime(), None).note == "its results are not published yet"
    decision = _decision(_regime(where={"act": "mish"}), _runs(loss=0.1))
    assert (decision.verdict, decision.note) == ("not measured", "no run has these settings")


def test_a_fact_is_decided_by_its_error_bound():
    facts = pd.DataFrame({"function": ["a", "b"], "value": [1.0, 2.0], "error": [0.1, np.nan]})
    for function, claimed, verdict in (
        ("a", (0.9, 1.1), "supported"),
        ("a", (0.95, 1.1), "inconclusive"),
        ("a", (1.2, None), "refuted"),
        ("b", (2, 2), "supported"),
    ):
        regime = _regime("identity", claimed, column="value", where={"function": function}, n=1)
        assert _decision(regime, facts).verdict == verdict
    assert _decision(_regime("identity", (0, 1), where={"function": "c"}, n=1), facts).verdict == "not measured"


def test_a_measured_ratio_is_decided_by_its_rounds():
    facts = pd.DataFrame({"function": ["a"], "ratio": [2.0], "ratio_low": [1.8], "ratio_high": [2.4], "rounds": [6]})
    regime = _regime("identity", (None, 2.2), column="ratio", where={"function": "a"}, n=1)
    decision = _decision(regime, facts)
    assert (decision.low, decision.high, decision.verdict) == (1.8, 2.4, "inconclusive")
    assert decision.note == "6 rounds"


def test_a_statistic_notes_its_number_of_values():
    facts = pd.DataFrame({"measure": ["range"], "n": [33], "rho": [-0.5], "low": [-0.8], "high": [-0.1]})
    decision = _decision(_regime("identity", (None, 0), column="rho", where={"measure": "range"}, n=1), facts)
    assert (decision.verdict, decision.note) == ("supported", "of 33 values")


def test_rows_are_selected_by_value_list_first_and_last():
    frame = pd.DataFrame({
        "run_id": ["a"] * 4, "seed": [0, 0, 1, 1], "step": [0, 9, 0, 5], "beta": [1.0, np.nan, 1.0, 2.0],
    })  # fmt: skip
    assert list(select(frame, {"step": "last"}).index) == [1, 3]
    assert list(select(frame, {"step": "first"}).index) == [0, 2]
    assert list(select(frame, {"beta": None}).index) == [1]
    assert list(select(frame, {"beta": [1.0, 2.0], "seed": 1}).index) == [2, 3]
    with pytest.raises(ClaimError) as error:
        select(frame, {"stp": 0})
    assert str(error.value) == "There is no column stp: the columns are run_id, seed, step, beta."


def test_a_claim_is_not_measured_until_every_regime_is():
    def decision(verdict):
        return Decision(_regime(), SMALL, verdict=verdict)

    assert overall([decision("supported"), decision("supported")]) == "supported"
    assert overall([decision("supported"), decision("refuted")]) == "mixed"
    assert overall([decision("supported"), decision("not measured")]) == "not measured"
