"""The published tables, each read once, and the rows of them that an atom names."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from actbench.compare.layers import vanishing
from actbench.ledger.claims import ClaimError
from actbench.report.settings import origin
from actbench.tables.schema import SCHEMA, config_columns
from actbench.tables.store import collect
from actbench.tables.text import text

FIRST_TUNING_SEED = 1000  # settings are chosen on seeds from here on, and compared on those below
OF_RUNS = ("runs", "epochs", "layers", "vanishing")
# Columns that hold no setting, or one in which repetitions of a run may differ.
_MEASURED = {column.name for columns in SCHEMA.values() for column in columns}
_MEASURED |= {"ratio", "gain", "num_seeds", "data.root", "device", "threads"}


class Evidence:
    """The published tables under a results root.

    Runs of an older PROTOCOL than the latest in their folder have no part: they are not compared with those.

    A learned parameter of an activation, `act.beta` in the table `layers`, is named `learned.beta` here.
    """

    def __init__(self, root: str | Path) -> None:
        self._root = Path(root)
        self._frames: dict[tuple[str, str], pd.DataFrame | None] = {}

    def frame(self, results: str, table: str) -> pd.DataFrame | None:
        """A table, with the config of the run in each row; None if it is not published."""
        if (results, table) not in self._frames:
            self._frames[results, table] = self._read(results, table)
        return self._frames[results, table]

    def source(self, results: str) -> str:
        """Where the runs of a results folder, or the times of functions, come from: `PROTOCOL 2, commit abc`.

        Empty for computed facts.
        """
        runs, cost = (self.frame(results, table) for table in ("runs", "cost"))
        if runs is not None:
            return origin(runs)
        if cost is None:
            return ""
        origins = cost.reindex(columns=["device", "commit"]).fillna("unknown").drop_duplicates()
        return ", ".join(f"cost: {device}, commit {commit}" for device, commit in origins.to_numpy())

    def _read(self, results: str, table: str) -> pd.DataFrame | None:
        folder = self._root / results
        if table not in OF_RUNS:
            subfolder, _, name = table.rpartition("/")
            path = folder / subfolder / f"{name}.csv" if subfolder else folder / "tables" / f"{name}.parquet"
            if not path.is_file():
                return None
            return pd.read_csv(path, keep_default_na=False, na_values=[""]) if subfolder else pd.read_parquet(path)
        if not (folder / "tables" / "runs.parquet").is_file() and not any((folder / "runs").glob("[!.]*")):
            return None
        tables = collect(folder)
        runs = tables.runs[tables.runs["protocol"] == tables.runs["protocol"].max()]
        runs = runs[runs["status"] != "failed"]
        if table == "runs":
            return runs
        frame = vanishing(tables.layers) if table == "vanishing" else getattr(tables, table)
        frame = frame.rename(columns=lambda name: f"learned.{name[4:]}" if name.startswith("act.") else name)
        columns = ["run_id", "seed", *(name for name in config_columns(runs) if name not in frame)]
        return frame.merge(runs[columns], on=["run_id", "seed"])


def select(frame: pd.DataFrame, where: Mapping[str, Any]) -> pd.DataFrame:
    """The rows of a table that fulfil all conditions of `where`, see `cases.Case`.

    Raises:
        ClaimError: If the table lacks a column of `where`.
    """
    for column, value in where.items():
        if column not in frame:
            if value is None:
                continue
            raise ClaimError(f"There is no column {column}: the columns are {', '.join(map(str, frame.columns))}.")
        if value in ("first", "last"):
            groups = frame.groupby(["run_id", "seed"])[column]
            frame = frame[frame[column] == groups.transform("min" if value == "first" else "max")]
        elif value is None:
            frame = frame[frame[column].isna()]
        else:
            frame = frame[frame[column].isin(value if isinstance(value, list) else [value])]
    return frame


def one_setting(rows: pd.DataFrame, where: Mapping[str, Any]) -> pd.DataFrame:
    """The rows, each seed measured once, if they are of one setting: what `where` gives a list for may differ.

    Raises:
        ClaimError: If they were measured with several settings.
    """
    settings = [name for name in rows if name not in _MEASURED and not str(name).startswith("learned.")]
    if "run_id" not in rows or any(isinstance(where.get(str(name)), list) for name in settings):
        return rows
    runs = rows.drop_duplicates("run_id")
    differing = [str(name) for name in settings if runs[name].map(text).nunique() > 1]
    if differing:
        raise ClaimError(f"There are runs of several settings: say in `where` which {', '.join(differing)}.")
    return rows[rows["run_id"] == rows.groupby("seed")["run_id"].transform("first")]
