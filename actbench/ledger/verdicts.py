"""Decides a regime of a claim from a table: supported, refuted or inconclusive."""

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
from actbench.report.numbers import rounded

VERDICTS = ("supported", "refuted", "inconclusive", "not measured")


@dataclass(frozen=True)
class Decision:
    """The outcome for a regime: `values` by seed, their mean and interval, p for and against the claim, the verdict."""

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
    """The decision on a regime before the p-values of its family are adjusted; a missing table is None."""
    if frame is None:
        return Decision(regime, np.empty(0), note="its results are not published yet")
    if regime.rule == "identity":
        return _identity(regime, frame)
    by_seed = _by_seed(regime, frame)
    values = by_seed.dropna().sort_index()[: regime.n].to_numpy(float)
    if not len(by_seed):
        return Decision(regime, values, note="no run has these settings")
    if len(values) < regime.n or not np.isfinite(values).all():
        note = f"{int(np.isfinite(values).sum())} of the {regime.n} declared seeds have a finite value"
        return Decision(regime, values, verdict="inconclusive", note=note)
    mean, low, high = (float(bound[0]) for bound in bca(values[None, :], rng=rng))
    p_supported, p_refuted = _p_values(values, regime.low, regime.high)
    return Decision(regime, values, mean, low, high, p_supported, p_refuted, verdict="")


def judge(decisions: Sequence[Decision]) -> list[Decision]:
    """The decisions of one family with Holm-adjusted p-values and verdicts.

    *supported*: the adjusted p of "outside the claimed set" is below .05 and the interval lies in the set;
    *refuted*: the adjusted p of "inside the claimed set" is below .05 and the interval lies outside;
    *inconclusive*: neither.
    """
    p_supported = significance.holm([d.p_supported for d in decisions])
    p_refuted = significance.holm([d.p_refuted for d in decisions])
    return [_with_verdict(*arguments) for arguments in zip(decisions, p_supported, p_refuted, strict=True)]


def overall(decisions: Sequence[Decision]) -> str:
    """The verdict on a claim: that of its regimes if they agree, otherwise `mixed`; `not measured` if one of them is.

    Regimes that only explain the verdict do not count.
    """
    verdicts = {decision.verdict for decision in decisions if not decision.regime.explains}
    return "not measured" if "not measured" in verdicts else verdicts.pop() if len(verdicts) == 1 else "mixed"


def select(frame: pd.DataFrame, where: Mapping[str, Any]) -> pd.DataFrame:
    """The rows of a table that fulfil all conditions of `where`, see `Regime.where`.

    Raises:
        ClaimError: If the table lacks a column of `where`.
    """
    for column, value in where.items():
        if column not in frame:
            raise ClaimError(f"There is no column {column}: the columns are {', '.join(map(str, frame.columns))}.")
        if value in ("first", "last"):
            groups = frame.groupby(["run_id", "seed"])[column]
            frame = frame[frame[column] == groups.transform("min" if value == "first" else "max")]
        elif value is None:
            frame = frame[frame[column].isna()]
        else:
            frame = frame[frame[column].isin(value if isinstance(value, list) else [value])]
    return frame


def _by_seed(regime: Regime, frame: pd.DataFrame) -> pd.Series:
    """One number per seed, by the rule of the regime."""
    values = _reduced(regime, select(frame, regime.where))
    if not regime.against:
        return values
    reference = _reduced(regime, select(frame, {**regime.where, **regime.against}))
    pairs = pd.DataFrame({"value": values, "reference": reference}).dropna()
    if regime.rule == "order":
        return (pairs["value"] > pairs["reference"]) + (pairs["value"] == pairs["reference"]) / 2
    with np.errstate(invalid="ignore"):
        return pairs["value"] - pairs["reference"]


def _reduced(regime: Regime, rows: pd.DataFrame) -> pd.Series:
    """The column of the regime reduced to one number per seed: a value, or the slope along the column `over`."""
    rows = rows.assign(**{regime.column: pd.to_numeric(rows[regime.column]).astype(float)})
    if regime.over is None:
        return rows.groupby("seed")[regime.column].agg(regime.reduce)
    points = rows.groupby(["seed", regime.over], as_index=False)[regime.column].agg(regime.reduce)
    slopes = {
        seed: scipy.stats.theilslopes(line[regime.column], line[regime.over].astype(float)).slope
        for seed, line in points.groupby("seed")
        if len(line) > 1
    }
    return pd.Series(slopes, dtype=float)


def _identity(regime: Regime, facts: pd.DataFrame) -> Decision:
    """Decide whether the interval published with a number lies in the claimed set.

    Its lower end is `<column>_low`, else `low`, else the number minus its `error`; its upper end likewise. The note
    gives the number of values of a statistic (column `n`) or of rounds of a measured time (column `rounds`).
    """
    rows = select(facts, regime.where)
    if not len(rows):
        return Decision(regime, np.empty(0), note="no fact is recorded under these settings")
    values = rows[regime.column].to_numpy(float)
    error = rows["error"].fillna(0) if "error" in rows else 0.0
    low = float(rows.get(f"{regime.column}_low", rows.get("low", values - error)).min())
    high = float(rows.get(f"{regime.column}_high", rows.get("high", values + error)).max())
    is_inside, is_outside = low >= regime.low and high <= regime.high, high < regime.low or low > regime.high
    verdict = "supported" if is_inside else "refuted" if is_outside else "inconclusive"
    note = f"of {rounded(rows['n'].sum(), 6)} values" if "n" in rows else ""
    note = f"{rounded(rows['rounds'].min(), 6)} rounds" if "rounds" in rows else note
    return Decision(regime, values, float(getattr(np, regime.reduce)(values)), low, high, verdict=verdict, note=note)


def _p_values(values: np.ndarray, low: float, high: float) -> tuple[float, float]:
    """The p-values of "the mean is outside [low, high]" and of "it is inside", twice those of one-sided t-tests.

    If all values are equal, p is 0 or 1. Where they equal the finite end of a set with one end ("above 0"), they count
    as neither inside nor outside: both p are 1.
    """
    if not significance.is_varied(values):
        mean = values.mean()
        if np.isinf([low, high]).any() and mean in (low, high):
            return 1.0, 1.0
        return (0.0, 1.0) if low <= mean <= high else (1.0, 0.0)

    def one_sided(end: float, side: str) -> float:
        if np.isinf(end):
            return 0.0 if (end < 0) == (side == "greater") else 1.0
        return min(1.0, 2 * float(scipy.stats.ttest_1samp(values, end, alternative=side).pvalue))

    p_supported = max(one_sided(low, "greater"), one_sided(high, "less"))
    return p_supported, min(one_sided(low, "less"), one_sided(high, "greater"))


def _with_verdict(decision: Decision, p_supported: float, p_refuted: float) -> Decision:
    if decision.verdict:
        return decision
    regime = decision.regime
    verdict = "inconclusive"
    if p_supported < ALPHA and decision.low >= regime.low and decision.high <= regime.high:
        verdict = "supported"
    elif p_refuted < ALPHA and (decision.high < regime.low or decision.low > regime.high):
        verdict = "refuted"
    return replace(decision, verdict=verdict, p_supported=float(p_supported), p_refuted=float(p_refuted))
