"""Every regime of the ledger decided again from the published tables, by pandas, numpy and statsmodels alone.

actbench provides nothing but the claims, which are data. Intervals are resampled with other draws, see audit.py, so
they agree up to resampling; everything else agrees to rounding.
"""

import functools
import re
from collections import Counter
from pathlib import Path

import audit
import numpy as np
import pandas as pd
import pytest
from audit import CLAIMS
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import DescrStatsW

from actbench.ledger.claims import Claim, Regime

RESULTS = Path(__file__).resolve().parent.parent / "results"
ROWS = pd.read_csv(RESULTS / "ledger" / "ledger.csv", keep_default_na=False, na_values=[""])
REPORT = (RESULTS / "ledger" / "report.md").read_text(encoding="utf-8")
REDUCTIONS = {"mean": np.mean, "min": np.min, "max": np.max}


@functools.cache
def parquet(results: str, name: str) -> pd.DataFrame:
    return pd.read_parquet(RESULTS / results / "tables" / f"{name}.parquet")


@functools.cache
def published(results: str, table: str) -> pd.DataFrame | None:
    """A table, with the settings of each row's run if its rows have runs; None if it is not published."""
    if table not in ("runs", "epochs", "layers", "vanishing"):
        path = RESULTS / results / (f"{table}.csv" if "/" in table else f"tables/{table}.csv")
        return pd.read_csv(path, keep_default_na=False, na_values=[""]) if path.is_file() else None
    if not (RESULTS / results / "tables" / "runs.parquet").is_file():
        return None
    runs = parquet(results, "runs")
    runs = runs[runs["status"] != "failed"]
    assert not runs.duplicated(["run_id", "seed"]).any()
    if table == "runs":
        return runs
    rows = gains(parquet(results, "layers")) if table == "vanishing" else parquet(results, table)
    rows = rows.rename(columns=lambda name: re.sub(r"^act\.", "learned.", name))
    settings = ["run_id", "seed", *runs.columns.difference(rows.columns)]
    return rows.merge(runs[settings], on=["run_id", "seed"])


def gains(layers: pd.DataFrame) -> pd.DataFrame:
    """`ratio` G_1 / G_L and `gain` (ln G_1 − ln G_L) / (L − 1) over L probed layers, by run, seed and step."""
    probed = ["run_id", "seed", "step"]
    index = layers.groupby(probed)["layer_index"]
    first, last = (layers.loc[at].set_index(probed)["grad_rms"] for at in (index.idxmin(), index.idxmax()))
    with np.errstate(divide="ignore", invalid="ignore"):
        frame = pd.DataFrame({"ratio": first / last, "gain": np.log(first / last) / (index.size() - 1)})
    return frame.where(index.size() > 1).reset_index()


def select(rows: pd.DataFrame, where: dict) -> pd.DataFrame:
    keep = np.ones(len(rows), dtype=bool)
    for column, values in where.items():
        if values in ("first", "last"):
            ends = rows.groupby(["run_id", "seed"])[column].transform("min" if values == "first" else "max")
            keep &= (rows[column] == ends).to_numpy()
        elif values is None:
            keep &= rows[column].isna().to_numpy()
        else:
            values = values if isinstance(values, list) else [values]
            equal = [rows[column].eq(value).fillna(False) for value in values]
            keep &= np.logical_or.reduce(equal).astype(bool)
    return rows[keep]


def by_seed(regime: Regime, rows: pd.DataFrame) -> dict[int, float]:
    """One number a seed: its rows reduced or, with `over`, the median slope between any two points (Theil–Sen)."""
    reduce, estimates = REDUCTIONS[regime.reduce], {}
    for seed, group in rows.groupby("seed"):
        values = group[regime.column].to_numpy(float)
        if regime.over is None:
            values = values[~np.isnan(values)]
            if len(values):
                estimates[seed] = float(reduce(values))
            continue
        points = group[regime.over].to_numpy(float)
        x = np.unique(points[~np.isnan(points)])
        y = np.array([reduce(values[points == point]) for point in x])
        i, j = np.triu_indices(len(x), 1)
        if len(i):
            estimates[seed] = float(np.median((y[j] - y[i]) / (x[j] - x[i])))
    return estimates


def numbers(regime: Regime, rows: pd.DataFrame) -> np.ndarray:
    """One number a seed by the regime's rule, for the first n seeds that have one."""
    estimates = by_seed(regime, select(rows, regime.where))
    if regime.against:
        other = by_seed(regime, select(rows, {**regime.where, **regime.against}))
        pairs = {seed: (estimates[seed], other[seed]) for seed in estimates.keys() & other.keys()}
        estimates = {seed: a - b for seed, (a, b) in pairs.items()}
        if regime.rule == "order":
            estimates = {seed: (a > b) + (a == b) / 2 for seed, (a, b) in pairs.items()}
    values = [estimates[seed] for seed in sorted(estimates) if not np.isnan(estimates[seed])]
    return np.array(values[: regime.n], dtype=float)


def p_values(values: np.ndarray, low: float, high: float) -> tuple[float, float]:
    """p of the null hypotheses that the mean is outside [low, high] and that it is inside.

    At each end it is the two-sided t-test's p, or 1 if the mean is on the end's other side.
    """
    ends = [(end, side) for end, side in ((low, 1), (high, -1)) if np.isfinite(end)]
    mean = values.mean()
    if np.ptp(values) <= 1e-12 * np.abs(values).max():  # no spread, no test
        if len(ends) == 1 and mean == ends[0][0]:
            return 1.0, 1.0
        return (0.0, 1.0) if low <= mean <= high else (1.0, 0.0)
    p = [(side * (mean - end) > 0, DescrStatsW(values).ttest_mean(end)[1]) for end, side in ends]
    return max(q if within else 1.0 for within, q in p), min(1.0 if within else q for within, q in p)


def verdict_of(regime: Regime, low: float, high: float, p_supported: float = 0, p_refuted: float = 0) -> str:
    if p_supported < 0.05 and regime.low <= low and high <= regime.high:
        return "supported"
    return "refuted" if p_refuted < 0.05 and (high < regime.low or low > regime.high) else "inconclusive"


def fact(regime: Regime, rows: pd.DataFrame) -> dict:
    """A number without seeds, with the interval that its row gives."""
    rows = select(rows, regime.where)
    if rows.empty:
        return {"n": 0, "verdict": "not measured"}
    value = rows[regime.column].to_numpy(float)
    error = rows["error"].fillna(0).to_numpy(float) if "error" in rows else 0
    low, high = value - error, value + error
    for prefix in ("", f"{regime.column}_"):
        if f"{prefix}low" in rows:
            low, high = rows[f"{prefix}low"], rows[f"{prefix}high"]
    estimate = {"mean": REDUCTIONS[regime.reduce](value), "low": min(low), "high": max(high), "n": len(value)}
    note = {"note": f"of {rows['n'].sum()} values"} if "n" in rows else {}
    return {**estimate, **note, "verdict": verdict_of(regime, estimate["low"], estimate["high"])}


def decision(regime: Regime) -> dict:
    """A regime decided from its table. If it can be tested, with its `values` and p before adjustment."""
    table = published(regime.results, regime.table)
    if table is not None and regime.rule == "identity":
        return fact(regime, table)
    values = np.empty(0) if table is None else numbers(regime, table)
    estimate = {"n": len(values), "verdict": "inconclusive" if len(values) else "not measured"}
    if len(values) < regime.n or not np.isfinite(values).all():
        return estimate
    p = dict(zip(("p_supported", "p_refuted"), p_values(values, regime.low, regime.high), strict=True))
    return {**estimate, "values": values, "mean": values.mean(), **p}


def adjusted(claim: Claim, p: pd.Series) -> pd.Series:
    """Holm's adjustment by family. A regime without p, since it has no seeds or is not measured, counts as p = 1."""
    families = p.fillna(1.0).groupby([regime.family for regime in claim.regimes])
    return families.transform(lambda family: multipletests(family, method="holm")[1]).where(p.notna())


def check(claim: Claim, rows: pd.DataFrame) -> None:
    """The rows of a claim in ledger.csv follow from its tables."""
    rows = rows[rows["claim"] == claim.id].reset_index(drop=True)
    declared = [(regime.regime, regime.explains, regime.n, regime.results) for regime in claim.regimes]
    assert list(rows[["regime", "explains", "n_declared", "results"]].itertuples(index=False, name=None)) == declared
    columns = ["mean", "low", "high", "n", "p_supported", "p_refuted", "verdict", "note", "values"]
    decisions = pd.DataFrame([decision(regime) for regime in claim.regimes], columns=columns)
    p = {name: adjusted(claim, decisions[name].astype(float)) for name in ("p_supported", "p_refuted")}
    decisions = decisions.assign(**p)
    tested = decisions.index[decisions["values"].notna()]
    ends = rows.loc[tested, ["low", "high"]].astype(float)
    audit.check_intervals(decisions["values"][tested].tolist(), *ends.to_numpy().T)
    decisions.loc[tested, ["low", "high"]] = ends
    for i in tested:
        bounds_and_p = decisions.loc[i, ["low", "high", "p_supported", "p_refuted"]]
        decisions.loc[i, "verdict"] = verdict_of(claim.regimes[i], *bounds_and_p)
    for name in columns[:6]:
        np.testing.assert_allclose(rows[name].astype(float), decisions[name], rtol=1e-6, err_msg=name)
    assert rows["verdict"].tolist() == decisions["verdict"].tolist()
    decided = rows["verdict"].isin(["supported", "refuted"])
    assert (rows["n"] == rows["n_declared"])[decided].all()
    noted = decisions["note"].notna()
    assert rows["note"][noted].tolist() == decisions["note"][noted].tolist()
    verdicts = set(decisions["verdict"][~rows["explains"].astype(bool)])
    agreed = verdicts.pop() if len(verdicts) == 1 else "not measured" if "not measured" in verdicts else "mixed"
    assert set(rows["verdict_on_claim"]) == {agreed}


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_a_claim_is_decided_by_its_tables(claim):
    check(claim, ROWS)


def test_every_row_belongs_to_a_claim():
    assert list(dict.fromkeys(ROWS["claim"])) == [claim.id for claim in CLAIMS]


CHANGES = {
    "regime": "another",
    "explains": True,
    "verdict": "supported",
    "verdict_on_claim": "supported",
    "mean": -0.00299,
    "low": -0.0058,
    "high": 0.0,
    "n": 9,
    "n_declared": 9,
    "p_supported": 0.99,
    "p_refuted": 0.0226,
}


@pytest.mark.parametrize("column", CHANGES)
def test_a_changed_cell_fails_the_audit(column):
    """C01's third regime: -0.0029900 [-0.0042, -0.0016], n = 10, p = 1 and 0.0226368, refuted; the claim is mixed."""
    rows = ROWS.astype({column: object})
    rows.loc[2, column] = CHANGES[column]
    with pytest.raises(AssertionError):
        check(CLAIMS[0], rows)


def test_the_report_counts_the_verdicts_of_the_ledger():
    verdicts = ROWS.groupby("claim")["verdict_on_claim"].first()
    sentence = re.search(r"^- Of the claims (.*?); of their regimes (.*?)\.$", REPORT, flags=re.MULTILINE)
    for text, column in zip(sentence.groups(), (verdicts, ROWS["verdict"][~ROWS["explains"]]), strict=True):
        assert {name: int(count) for count, name in re.findall(r"(\d+) ([a-z ]+)", text)} == Counter(column)
    assert dict(re.findall(r"\n### (C\d+): .*\n\nVerdict: \*\*(.*?)\*\*", REPORT)) == verdicts.to_dict()


def test_every_figure_of_the_report_exists():
    names = re.findall(r"!\[.*?\]\((.*?)\)", REPORT)
    assert names == [f"figures/{claim}.png" for claim in ROWS["claim"][ROWS["n"] > 0].unique()]
    for name in names:
        assert (RESULTS / "ledger" / name).read_bytes().startswith(b"\x89PNG"), name
