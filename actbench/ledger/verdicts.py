"""A regime of a claim and a table -> supported, refuted or inconclusive."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import scipy.stats

from actbench.compare import significance
from actbench.compare.intervals import bca
from actbench.compare.significance import ALPHA
from actbench.ledger.claims import ClaimError, Regime

VERDICTS = ("supported", "refuted", "inconclusive", "not measured")


@dataclass(frozen=True)
class Decision:
    """A regime and what the data say: `values` by seed, their mean and interval, p for and against, the verdict."""

    regime: Regime
    values: np.ndarray
    mean: float = np.nan
    low: float = np.nan
    high: float = np.nan
    p_supported: float = np.nan
    p_refuted: float = np.nan
    verdict: str = "not measured"
    note: str = ""


def decide(regime: Regime, frame: pd.DataFrame | None, *, rng: np.random.Generator) -> Decision:
    """What the table says of a regime, before the p-values of its family are adjusted; None is a missing table."""
    if frame is None:
        return Decision(regime, np.empty(0), note="its results are not published yet")
    if regime.rule == "identity":
        return _identity(regime, frame)
    values = _numbers(regime, frame)
    found = values.dropna().sort_index()[: regime.n].to_numpy(float)
    if not len(values):
        return Decision(regime, found, note="no run has these settings")
    if len(found) < regime.n or not np.isfinite(found).all():
        note = f"{int(np.isfinite(found).sum())} of the {regime.n} declared seeds have a finite value"
        return Decision(regime, found, verdict="inconclusive", note=note)
    mean, low, high = (float(bound[0]) for bound in bca(found[None, :], rng=rng))
    supported, refuted = _chances(found, regime.low, regime.high)
    return Decision(regime, found, mean, low, high, supported, refuted, verdict="")


def judged(decisions: Sequence[Decision]) -> list[Decision]:
    """The decisions of one family with Holm-adjusted p and a verdict.

    *supported*: the adjusted p of "outside the claimed set" is below .05 and the interval lies in the set;
    *refuted*: the adjusted p of "inside" is below .05 and the interval lies outside; *inconclusive*: neither.
    """
    for_it = significance.holm([d.p_supported for d in decisions])
    against_it = significance.holm([d.p_refuted for d in decisions])
    return [_judge(*one) for one in zip(decisions, for_it, against_it, strict=True)]


def overall(decisions: Sequence[Decision]) -> str:
    """The verdict on a claim: that of its regimes where they agree, `mixed` where not; it waits for every regime.

    What only explains a verdict has no part in it.
    """
    verdicts = {decision.verdict for decision in decisions if not decision.regime.explains}
    return "not measured" if "not measured" in verdicts else verdicts.pop() if len(verdicts) == 1 else "mixed"


def select(frame: pd.DataFrame, where: Mapping[str, Any]) -> pd.DataFrame:
    """The rows of a table that a claim speaks of.

    Raises:
        ClaimError: If there is no such column.
    """
    for column, wanted in where.items():
        if column not in frame:
            raise ClaimError(f"There is no column {column}: known are {', '.join(map(str, frame.columns))}.")
        if wanted in ("first", "last"):
            groups = frame.groupby(["run_id", "seed"])[column]
            frame = frame[frame[column] == groups.transform("min" if wanted == "first" else "max")]
        elif wanted is None:
            frame = frame[frame[column].isna()]
        else:
            frame = frame[frame[column].isin(wanted if isinstance(wanted, list) else [wanted])]
    return frame


def _numbers(regime: Regime, frame: pd.DataFrame) -> pd.Series:
    """One number a seed, by the regime's rule."""
    own = _by_seed(regime, select(frame, regime.where))
    if not regime.against:
        return own
    other = _by_seed(regime, select(frame, {**regime.where, **regime.against}))
    both = pd.DataFrame({"own": own, "other": other}).dropna()
    if regime.rule == "order":
        return (both["own"] > both["other"]) + (both["own"] == both["other"]) / 2
    with np.errstate(invalid="ignore"):
        return both["own"] - both["other"]


def _by_seed(regime: Regime, rows: pd.DataFrame) -> pd.Series:
    rows = rows.assign(**{regime.column: pd.to_numeric(rows[regime.column]).astype(float)})
    if regime.over is None:
        return rows.groupby("seed")[regime.column].agg(regime.reduce)
    mean = rows.groupby(["seed", regime.over], as_index=False)[regime.column].agg(regime.reduce)
    slopes = {
        seed: scipy.stats.theilslopes(one[regime.column], one[regime.over].astype(float)).slope
        for seed, one in mean.groupby("seed")
        if len(one) > 1
    }
    return pd.Series(slopes, dtype=float)


def _identity(regime: Regime, facts: pd.DataFrame) -> Decision:
    """A number lies in the claimed set, with the interval beside it: `<column>_low`, or `low`, or its error.

    A statistic is of as many values as its own column `n` says, a measured time of as many `rounds`.
    """
    rows = select(facts, regime.where)
    if not len(rows):
        return Decision(regime, np.empty(0), note="no fact is recorded under these settings")
    values = rows[regime.column].to_numpy(float)
    error = rows["error"].fillna(0) if "error" in rows else 0.0
    low = float(rows.get(f"{regime.column}_low", rows.get("low", values - error)).min())
    high = float(rows.get(f"{regime.column}_high", rows.get("high", values + error)).max())
    inside, outside = low >= regime.low and high <= regime.high, high < regime.low or low > regime.high
    verdict = "supported" if inside else "refuted" if outside else "inconclusive"
    note = f"of {rows['n'].sum():g} values" if "n" in rows else ""
    note = f"{rows['rounds'].min():g} rounds" if "rounds" in rows else note
    return Decision(regime, values, float(getattr(np, regime.reduce)(values)), low, high, verdict=verdict, note=note)


def _chances(values: np.ndarray, low: float, high: float) -> tuple[float, float]:
    """p of "the mean is outside [low, high]" and of "it is inside", two-sided: twice the one-sided t-test's.

    Values that are all equal have p = 0 or 1; at the end of a set that is open on its other side, "above 0", they are
    neither inside nor outside.
    """
    if np.ptp(values) <= 1e-12 * np.abs(values).max():
        mean = values.mean()
        if np.isinf([low, high]).any() and mean in (low, high):
            return 1.0, 1.0
        return (0.0, 1.0) if low <= mean <= high else (1.0, 0.0)

    def one_sided(end: float, side: str) -> float:
        if np.isinf(end):
            return 0.0 if (end < 0) == (side == "greater") else 1.0
        return min(1.0, 2 * float(scipy.stats.ttest_1samp(values, end, alternative=side).pvalue))

    supported = max(one_sided(low, "greater"), one_sided(high, "less"))
    return supported, min(one_sided(low, "less"), one_sided(high, "greater"))


def _judge(decision: Decision, p_supported: float, p_refuted: float) -> Decision:
    if decision.verdict:
        return decision
    regime = decision.regime
    verdict = "inconclusive"
    if p_supported < ALPHA and decision.low >= regime.low and decision.high <= regime.high:
        verdict = "supported"
    elif p_refuted < ALPHA and (decision.high < regime.low or decision.low > regime.high):
        verdict = "refuted"
    return replace(decision, verdict=verdict, p_supported=float(p_supported), p_refuted=float(p_refuted))
