"""Every regime of the ledger decided again, straight from the published tables, by pandas, numpy and statsmodels alone.

Of actbench only the claims are read, which are data. Intervals are resampled with other draws, see audit.py, so they
agree up to resampling; everything else agrees to rounding.
"""

import functools
import gc
import re
from collections import Counter
from pathlib import Path

import audit
import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import DescrStatsW

from actbench.ledger.claims import Claim, Regime
from actbench.ledger.decide import claims

RESULTS = Path(__file__).resolve().parent.parent / "results"
CLAIMS = claims()
ROWS = pd.read_csv(RESULTS / "ledger" / "ledger.csv", keep_default_na=False, na_values=[""])
REPORT = (RESULTS / "ledger" / "report.md").read_text(encoding="utf-8")
REDUCED = {"mean": np.mean, "min": np.min, "max": np.max}


@functools.cache
def parquet(results: str, name: str) -> pd.DataFrame:
    return pd.read_parquet(RESULTS / results / "tables" / f"{name}.parquet")


@functools.cache
def published(results: str, table: str) -> pd.DataFrame | None:
    """A table, with the settings of each row's run where it has runs; None where it is not published."""
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
        found = pd.DataFrame({"ratio": first / last, "gain": np.log(first / last) / (index.size() - 1)})
    return found.where(index.size() > 1).reset_index()


def chosen(rows: pd.DataFrame, where: dict) -> pd.DataFrame:
    keep = np.ones(len(rows), dtype=bool)
    for column, wanted in where.items():
        if wanted in ("first", "last"):
            ends = rows.groupby(["run_id", "seed"])[column].transform("min" if wanted == "first" else "max")
            keep &= (rows[column] == ends).to_numpy()
        elif wanted is None:
            keep &= rows[column].isna().to_numpy()
        else:
            equal = [rows[column].eq(one).fillna(False) for one in (wanted if isinstance(wanted, list) else [wanted])]
            keep &= np.logical_or.reduce(equal).astype(bool)
    return rows[keep]


def by_seed(regime: Regime, rows: pd.DataFrame) -> dict[int, float]:
    """The rows of each seed as one number; along `over` the median of the slopes between any two points (Theil–Sen)."""
    reduced, found = REDUCED[regime.reduce], {}
    for seed, own in rows.groupby("seed"):
        values = own[regime.column].to_numpy(float)
        if regime.over is None:
            values = values[~np.isnan(values)]
            if len(values):
                found[seed] = float(reduced(values))
            continue
        at = own[regime.over].to_numpy(float)
        x = np.unique(at[~np.isnan(at)])
        y = np.array([reduced(values[at == one]) for one in x])
        i, j = np.triu_indices(len(x), 1)
        if len(i):
            found[seed] = float(np.median((y[j] - y[i]) / (x[j] - x[i])))
    return found


def numbers(regime: Regime, rows: pd.DataFrame) -> np.ndarray:
    """One number a seed by the regime's rule, of the first n seeds that have one."""
    own = by_seed(regime, chosen(rows, regime.where))
    if regime.against:
        other = by_seed(regime, chosen(rows, {**regime.where, **regime.against}))
        pairs = {seed: (own[seed], other[seed]) for seed in own.keys() & other.keys()}
        own = {seed: a - b for seed, (a, b) in pairs.items()}
        if regime.rule == "order":
            own = {seed: (a > b) + (a == b) / 2 for seed, (a, b) in pairs.items()}
    return np.array([own[seed] for seed in sorted(own) if not np.isnan(own[seed])][: regime.n], dtype=float)


def chances(values: np.ndarray, low: float, high: float) -> tuple[float, float]:
    """p of "the mean is not in [low, high]" and of "it is": at each end the two-sided t-test's, 1 on its other side."""
    ends = [(end, side) for end, side in ((low, 1), (high, -1)) if np.isfinite(end)]
    mean = values.mean()
    if np.ptp(values) <= 1e-12 * np.abs(values).max():  # no spread, no test
        if len(ends) == 1 and mean == ends[0][0]:
            return 1.0, 1.0
        return (0.0, 1.0) if low <= mean <= high else (1.0, 0.0)
    p = [(side * (mean - end) > 0, DescrStatsW(values).ttest_mean(end)[1]) for end, side in ends]
    return max(one if within else 1.0 for within, one in p), min(1.0 if within else one for within, one in p)


def judged(regime: Regime, low: float, high: float, p_supported: float = 0, p_refuted: float = 0) -> str:
    if p_supported < 0.05 and regime.low <= low and high <= regime.high:
        return "supported"
    return "refuted" if p_refuted < 0.05 and (high < regime.low or low > regime.high) else "inconclusive"


def fact(regime: Regime, rows: pd.DataFrame) -> dict:
    """A number without seeds, with the interval that stands beside it."""
    own = chosen(rows, regime.where)
    if own.empty:
        return {"n": 0, "verdict": "not measured"}
    value = own[regime.column].to_numpy(float)
    error = own["error"].fillna(0).to_numpy(float) if "error" in own else 0
    low, high = value - error, value + error
    for prefix in ("", f"{regime.column}_"):
        if f"{prefix}low" in own:
            low, high = own[f"{prefix}low"], own[f"{prefix}high"]
    found = {"mean": REDUCED[regime.reduce](value), "low": min(low), "high": max(high), "n": len(value)}
    note = {"note": f"of {own['n'].sum()} values"} if "n" in own else {}
    return {**found, **note, "verdict": judged(regime, found["low"], found["high"])}


def measured(regime: Regime) -> dict:
    """What the tables say of a regime; where it can be tested, its `values` too, and p by itself."""
    table = published(regime.results, regime.table)
    if table is not None and regime.rule == "identity":
        return fact(regime, table)
    values = np.empty(0) if table is None else numbers(regime, table)
    found = {"n": len(values), "verdict": "inconclusive" if len(values) else "not measured"}
    if len(values) < regime.n or not np.isfinite(values).all():
        return found
    p = dict(zip(("p_supported", "p_refuted"), chances(values, regime.low, regime.high), strict=True))
    return {**found, "values": values, "mean": values.mean(), **p}


def adjusted(claim: Claim, p: pd.Series) -> pd.Series:
    """Holm by family; what has no p, a number without seeds or one not measured yet, counts as a test with p = 1."""
    families = p.fillna(1.0).groupby([regime.family for regime in claim.regimes])
    return families.transform(lambda own: multipletests(own, method="holm")[1]).where(p.notna())


def check(claim: Claim, rows: pd.DataFrame) -> None:
    """The rows of a claim in ledger.csv are what its tables say."""
    rows = rows[rows["claim"] == claim.id].reset_index(drop=True)
    declared = [(one.regime, one.explains, one.n, one.results) for one in claim.regimes]
    assert list(rows[["regime", "explains", "n_declared", "results"]].itertuples(index=False, name=None)) == declared
    columns = ["mean", "low", "high", "n", "p_supported", "p_refuted", "verdict", "note", "values"]
    found = pd.DataFrame([measured(regime) for regime in claim.regimes], columns=columns)
    found = found.assign(**{name: adjusted(claim, found[name].astype(float)) for name in ("p_supported", "p_refuted")})
    tested = found.index[found["values"].notna()]
    ends = rows.loc[tested, ["low", "high"]].astype(float)
    audit.check_intervals(found["values"][tested].tolist(), *ends.to_numpy().T)
    found.loc[tested, ["low", "high"]] = ends
    for i in tested:
        found.loc[i, "verdict"] = judged(claim.regimes[i], *found.loc[i, ["low", "high", "p_supported", "p_refuted"]])
    for name in columns[:6]:
        np.testing.assert_allclose(rows[name].astype(float), found[name], rtol=1e-6, err_msg=name)
    assert rows["verdict"].tolist() == found["verdict"].tolist()
    decided = rows["verdict"].isin(["supported", "refuted"])
    assert (rows["n"] == rows["n_declared"])[decided].all()
    noted = found["note"].notna()
    assert rows["note"][noted].tolist() == found["note"][noted].tolist()
    verdicts = set(found["verdict"][~rows["explains"].astype(bool)])
    agreed = verdicts.pop() if len(verdicts) == 1 else "not measured" if "not measured" in verdicts else "mixed"
    assert set(rows["verdict_on_claim"]) == {agreed}


@pytest.fixture(autouse=True)
def _little_garbage():
    """statsmodels collects all garbage at each call: in what was imported there is none."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_a_claim_is_decided_by_its_tables(claim):
    check(claim, ROWS)


def test_every_row_is_of_a_claim():
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
def test_a_changed_cell_is_found(column):
    """C01's third regime: -0.0029900 [-0.0042, -0.0016], n = 10, p = 1 and 0.0226368, refuted; the claim is mixed."""
    rows = ROWS.astype({column: object})
    rows.loc[2, column] = CHANGES[column]
    with pytest.raises(AssertionError):
        check(CLAIMS[0], rows)


def test_the_report_counts_what_is_decided():
    verdicts = ROWS.groupby("claim")["verdict_on_claim"].first()
    said = re.search(r"^- Of the claims (.*?); of their regimes (.*?)\.$", REPORT, flags=re.MULTILINE)
    for text, found in zip(said.groups(), (verdicts, ROWS["verdict"][~ROWS["explains"]]), strict=True):
        assert {name: int(count) for count, name in re.findall(r"(\d+) ([a-z ]+)", text)} == Counter(found)
    assert dict(re.findall(r"\n### (C\d+): .*\n\nVerdict: \*\*(.*?)\*\*", REPORT)) == verdicts.to_dict()


def test_every_figure_that_the_report_names_exists():
    named = re.findall(r"!\[.*?\]\((.*?)\)", REPORT)
    assert named == [f"figures/{claim}.png" for claim in ROWS["claim"][ROWS["n"] > 0].unique()]
    for name in named:
        assert (RESULTS / "ledger" / name).read_bytes().startswith(b"\x89PNG"), name
