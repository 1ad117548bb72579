"""The published tables, each read once, and the rows of them that an atom names."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from actbench.compare.layers import vanishing
from actbench.compare.workloads import Workload, workloads
from actbench.ledger.claims import NOT_MEASURED, ClaimError
from actbench.report.settings import origin
from actbench.tables.schema import SCHEMA, Tables, config_columns, label
from actbench.tables.store import collect
from actbench.tables.text import text
from actbench.tables.tuning import FIRST_SEED

FIRST_PROTOCOL = 3
OF_RUNS = ("runs", "epochs", "layers", "vanishing")
# Labels of columns that the tables have here only.
_LABELS = {"saturation": "saturation, either side (share)", "gain": "log of the gradient's change a layer"}
# Columns that hold no setting, or one in which repetitions of a run may differ.
MEASURED = {column.name for columns in SCHEMA.values() for column in columns}
MEASURED |= {"ratio", "gain", "saturation", "num_seeds", "data.root", "device", "threads", "looks", "reference"}


class Evidence:
    """The published tables under a results root.

    Runs of an older PROTOCOL than the latest in their folder have no part: they are not compared with those. Nor have
    those before FIRST_PROTOCOL, which were read before the atoms were written.

    A learned parameter of an activation, `act.beta` in the table `layers`, is named `learned.beta` here.
    """

    def __init__(self, root: str | Path) -> None:
        self._root = Path(root)
        self._frames: dict[tuple[str, str], pd.DataFrame | None] = {}
        self._collected: dict[Path, Tables] = {}
        self._workloads: dict[str, list[Workload]] = {}
        self._sources: dict[str, str] = {}
        self._seeds: dict[tuple[str, str, str], frozenset[int]] = {}

    def frame(self, results: str, table: str) -> pd.DataFrame | None:
        """A table, with the config of the run in each row; None if it is not published."""
        if (results, table) not in self._frames:
            self._frames[results, table] = self._read(results, table)
        return self._frames[results, table]

    def has_report(self, results: str) -> bool:
        """Whether a results folder has a page."""
        return (self._root / results / "report.md").is_file()

    def workloads(self, results: str) -> list[Workload]:
        """The settings of a results folder with their variants; none where no run is published."""
        if results not in self._workloads:
            runs = self.frame(results, "runs")
            tables = None if runs is None else self._tables(self._root / results)._replace(runs=runs)
            self._workloads[results] = [] if tables is None else workloads(tables)
        return self._workloads[results]

    def source(self, results: str) -> str:
        """Where the runs of a results folder, or the times of functions, come from: `PROTOCOL 2, commit abc`.

        Empty for computed facts.
        """
        if results not in self._sources:
            self._sources[results] = self._source(results)
        return self._sources[results]

    def seeds(self, results: str, table: str, where: Mapping[str, Any]) -> frozenset[int]:
        """The seeds of the rows of a table that fulfil all conditions; none where it is not published."""
        key = (results, table, repr(sorted(where.items())))
        if key not in self._seeds:
            frame = self.frame(results, table)
            self._seeds[key] = frozenset() if frame is None else frozenset(select(frame, where)["seed"])
        return self._seeds[key]

    def _source(self, results: str) -> str:
        runs, cost = (self.frame(results, table) for table in ("runs", "cost"))
        if runs is not None:
            return origin(runs)
        if cost is None:
            return ""
        origins = cost.reindex(columns=["device", "commit"]).fillna("unknown").drop_duplicates()
        return ", ".join(f"cost: {device}, commit {commit}" for device, commit in origins.to_numpy())

    def origin(self, results: str) -> str:
        """The same for a reader: computed facts are `computed`, what is not there is `not measured`."""
        is_catalogue = self.frame(results, "runs") is None and self.frame(results, "properties") is not None
        return "computed" if is_catalogue else self.source(results) or NOT_MEASURED

    def _read(self, results: str, table: str) -> pd.DataFrame | None:
        folder = self._root / results
        has_runs = (folder / "tables" / "runs.parquet").is_file() or any((folder / "runs").glob("[!.]*"))
        if table == "runs":
            return self._runs(folder) if has_runs else None
        runs = self.frame(results, "runs")
        if has_runs and runs is None:
            return None
        if table in OF_RUNS:
            return None if runs is None else self._of_runs(folder, table, runs)
        subfolder, _, name = table.rpartition("/")
        path = folder / subfolder / f"{name}.csv" if subfolder else folder / "tables" / f"{name}.parquet"
        if not path.is_file():
            return None
        return pd.read_csv(path, keep_default_na=False, na_values=[""]) if subfolder else pd.read_parquet(path)

    def _runs(self, folder: Path) -> pd.DataFrame | None:
        runs = self._tables(folder).runs
        latest = max(FIRST_PROTOCOL, runs["protocol"].max())
        runs = runs[(runs["protocol"] == latest) & (runs["status"] != "failed")]
        return runs if len(runs) else None

    def _of_runs(self, folder: Path, table: str, runs: pd.DataFrame) -> pd.DataFrame:
        tables = self._tables(folder)
        frame = vanishing(tables.layers) if table == "vanishing" else getattr(tables, table)
        frame = frame.rename(columns=lambda name: f"learned.{name[4:]}" if name.startswith("act.") else name)
        if table == "layers":  # on either side
            frame = frame.assign(saturation=frame["saturation_low"] + frame["saturation_high"])
        columns = ["run_id", "seed", *(name for name in config_columns(runs) if name not in frame)]
        return frame.merge(runs[columns], on=["run_id", "seed"])

    def _tables(self, folder: Path) -> Tables:
        if folder not in self._collected:
            self._collected[folder] = collect(folder)
        return self._collected[folder]


def label_of(column: str) -> str:
    """The axis label of a column of the evidence."""
    return _LABELS.get(column) or label(column)


def select(frame: pd.DataFrame, where: Mapping[str, Any]) -> pd.DataFrame:
    """The rows of a table that fulfil all conditions of `where`, see `cases.Case`; none where a column lacks."""
    for column, value in where.items():
        if column not in frame:
            frame = frame if value is None else frame[:0]
        elif value in ("first", "last"):
            groups = frame.groupby(["run_id", "seed"])[column]
            frame = frame[frame[column] == groups.transform("min" if value == "first" else "max")]
        elif value is None:
            frame = frame[frame[column].isna()]
        else:
            frame = frame[frame[column].isin(value if isinstance(value, list) else [value])]
    return frame


def evaluated(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows on the seeds on which settings are compared."""
    return rows[rows["seed"] < FIRST_SEED] if "seed" in rows else rows


def one_setting(rows: pd.DataFrame, where: Mapping[str, Any]) -> pd.DataFrame:
    """The rows, each seed measured once, if they are of one setting: what `where` gives a list for may differ.

    Raises:
        ClaimError: If they were measured with several settings.
    """
    settings = [name for name in rows if name not in MEASURED and not str(name).startswith("learned.")]
    if "run_id" not in rows or any(isinstance(where.get(str(name)), list) for name in settings):
        return rows
    runs = rows.loc[~rows["run_id"].duplicated(), settings]
    differing = [str(name) for name in settings if len(set(map(text, runs[name]))) > 1]
    if differing:
        raise ClaimError(f"There are runs of several settings: say in `where` which {', '.join(differing)}.")
    return rows[rows["run_id"] == rows.groupby("seed")["run_id"].transform("first")]
