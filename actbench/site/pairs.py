"""Any two activations against each other on the same seeds, in every published sweep: from statistics/pairs.csv."""

from pathlib import Path

import pandas as pd

from actbench.site import statistics

COLUMNS = [*statistics.PLACED, "reference", "better", "equal", "worse", "p_bh"]
_COUNTS = ["wins", "ties", "losses"]


def read(results: Path) -> pd.DataFrame:
    """A row for each workload and ordered pair, `COLUMNS`: on how many seeds `variant` was better than `reference`."""
    tables = [_of_folder(file) for file in sorted(results.glob("*/statistics/pairs.csv"))]
    tables = [table for table in tables if len(table)]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS)


def _of_folder(file: Path) -> pd.DataFrame:
    rows = statistics.read(file)
    if not set(rows) >= {"a", "b", "p_bh", *_COUNTS}:
        return pd.DataFrame(columns=COLUMNS)
    ahead = rows.rename(columns={"a": "variant", "b": "reference", "wins": "better", "losses": "worse"})
    behind = rows.rename(columns={"b": "variant", "a": "reference", "wins": "worse", "losses": "better"})
    both = pd.concat([ahead, behind], ignore_index=True).rename(columns={"ties": "equal"})
    placed = statistics.placed(both, file)
    return placed.assign(**{name: both[name] for name in COLUMNS if name not in placed})[COLUMNS]
