"""The place of an activation in every published workload: its paired difference to the reference, with a verdict.

Only `read` knows the columns of differences.csv, best_set.csv and failures.csv.
"""

from pathlib import Path

import pandas as pd

from actbench.compare.errors import MARGIN
from actbench.report.numbers import interval_of, metric, number
from actbench.site import statistics
from actbench.tables.text import one_line

MAY_BE_BEST, EQUIVALENT_TO_BEST, FAILED = "may be the best", "equivalent to the best", "failed"
_WORDS = ["results", "setting", "track", "measure", "variant", "act", "reference", "verdict", "tier"]
_NUMBERS = ["change", "low", "high", "n"]
COLUMNS = [*_WORDS, *_NUMBERS]
_NEEDED = {"variant", "verdict", *_NUMBERS}


def read(results: Path) -> pd.DataFrame:
    """The judged differences of all results folders, `COLUMNS`.

    `change` is a share of the reference's error or distance. `tier` is the place against the best of the workload: ""
    where there are too few seeds to tell, `FAILED` where a seed diverged or learned nothing. What is worse than the
    reference is worse than the best. A file without the needed columns is left out.
    """
    tables = [_of_folder(file) for file in sorted(results.glob("*/statistics/differences.csv"))]
    tables = [table for table in tables if len(table)]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS)


def _of_folder(file: Path) -> pd.DataFrame:
    rows = statistics.read(file)
    if not set(rows) >= _NEEDED:
        return pd.DataFrame(columns=COLUMNS)
    rows = rows[rows["verdict"].notna()]
    blank = pd.Series("", index=rows.index)
    table = pd.DataFrame({
        **statistics.placed(rows, file),
        "measure": rows.get("value", blank).fillna("").map(lambda column: metric(one_line(column))[0]),
        "reference": rows.get("reference", blank).fillna("").map(one_line),
        "verdict": rows["verdict"].map(one_line),
        "tier": _tiers(rows, file.parent),
        **rows[_NUMBERS],
    })  # fmt: skip
    return table[COLUMNS]


def _tiers(rows: pd.DataFrame, folder: Path) -> pd.Series:
    """The tier of each row's variant in its workload."""
    tiers: dict[tuple[str, str], str] = {}
    best = _table(folder / "best_set.csv", {"variant", "tier", "in_set"})
    tier = best["tier"].mask(best["in_set"].eq(True), MAY_BE_BEST)
    tiers |= dict(zip(zip(best["workload"], best["variant"], strict=True), tier, strict=True))
    failed = _table(folder / "failures.csv", {"variant", "failed"})
    failed = failed[failed["failed"] > 0]
    tiers |= dict.fromkeys(zip(failed["workload"], failed["variant"], strict=True), FAILED)
    keys = zip(rows["workload"], rows["variant"], strict=True)
    found = pd.Series([one_line(tiers.get(key, "")) for key in keys], index=rows.index)
    return found.mask((rows["verdict"] == "worse") & (found != FAILED), "worse")


def _table(file: Path, columns: set[str]) -> pd.DataFrame:
    """A table of statistics/, without rows where it is absent or lacks a column."""
    table = statistics.read(file) if file.is_file() else pd.DataFrame()
    return table if set(table) >= columns else pd.DataFrame(columns=["workload", *columns])


def within_margin() -> str:
    """`within 10 %`."""
    return f"within {100 * (MARGIN - 1):.0f} %"


def difference(row: pd.Series) -> str:
    """The change with its interval, in per cent."""
    return number(interval_of(row.rename({"change": "mean"}), scale=100))
