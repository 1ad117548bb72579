"""The place of an activation in every published workload: its paired difference to the reference, with a verdict.

Only `read` knows the columns of differences.csv and best_set.csv, of this edition and of the first.
"""

from collections import Counter
from pathlib import Path

import pandas as pd

from actbench.report.numbers import interval_of, number
from actbench.site import statistics
from actbench.tables.text import one_line

_NUMBERS = ["low", "high", "n"]
_WORDS = ["results", "setting", "track", "measure", "variant", "act", "reference", "verdict", "tier"]
COLUMNS = [*_WORDS, "is_relative", "mean", *_NUMBERS]
_NEEDED = {"variant", "verdict", *_NUMBERS}
_SHARES = ("accuracy", "error")  # measures in per cent, so their differences are in points
_UNDECIDED = {"inconclusive": "undecided"}  # as the first edition called it


def read(results: Path) -> pd.DataFrame:
    """The judged differences of all results folders, COLUMNS, those in accuracy or error first.

    `mean` is a difference, or where `is_relative` a change as a share of the reference's value. `tier` is the place
    against the best of the workload, "" where there are too few seeds to tell. A file without the needed columns is
    left out.
    """
    tables = [_of_folder(file) for file in sorted(results.glob("*/statistics/differences.csv"))]
    tables = [table for table in tables if len(table)]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS)


def _of_folder(file: Path) -> pd.DataFrame:
    rows = statistics.read(file)
    estimate = "change" if "change" in rows else "mean"
    if not set(rows) >= {estimate, *_NEEDED}:
        return pd.DataFrame(columns=COLUMNS)
    rows = rows[rows["verdict"].notna()]
    blank = pd.Series("", index=rows.index)
    table = pd.DataFrame({
        **statistics.placed(rows, file),
        "measure": rows.get("value", blank).fillna("").map(_words),
        "reference": rows.get("reference", blank).fillna("").map(one_line),
        "verdict": rows["verdict"].map(one_line).replace(_UNDECIDED),
        "tier": _tiers(rows, file.with_name("best_set.csv")),
        "mean": rows[estimate],
        **rows[_NUMBERS],
        "is_relative": estimate == "change",
    })  # fmt: skip
    return table[COLUMNS].sort_values("measure", key=lambda words: ~_is_share(words), kind="stable")


def _tiers(rows: pd.DataFrame, file: Path) -> pd.Series:
    """The tier of each row's variant in its workload."""
    best = statistics.read(file) if file.is_file() else pd.DataFrame()
    if not {"variant", "tier", "in_set"} <= set(best):
        return pd.Series("", index=rows.index)
    tier = best["tier"].mask(best["in_set"].eq(True), "may be the best")
    names = dict(zip(zip(best["workload"], best["variant"], strict=True), tier, strict=True))
    keys = zip(rows["workload"], rows["variant"], strict=True)
    return pd.Series([one_line(names.get(key, "")) for key in keys], index=rows.index)


def counts(places: pd.DataFrame) -> Counter[str]:
    """How often each verdict was reached, once a workload, setting and variant: by the first measure, see `read`."""
    return Counter(places.drop_duplicates(["results", "setting", "track", "variant"])["verdict"])


def difference(row: pd.Series) -> str:
    """The difference with its interval: relative in percent, of accuracy and error in points, else in the unit."""
    if row["is_relative"]:
        return f"{number(interval_of(row, scale=100))} %"
    is_share = any(word in row["measure"] for word in _SHARES)
    text = number(interval_of(row, scale=100 if is_share else 1))
    return f"{text} points" if is_share else text


def _is_share(measures: pd.Series) -> pd.Series:
    return measures.str.contains("|".join(_SHARES))


def _words(column: str) -> str:
    return one_line(column).replace("_", " ")
