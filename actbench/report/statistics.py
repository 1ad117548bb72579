"""The numbers that a report prints, as data beside it: statistics/*.csv in a results folder, rounded nowhere.

    means         mean and interval over seeds of what the ranking and the table of the layers show
    differences   every variant against the reference: `paired.compare`, with `value`, `reference` and `margin`
    pairs, ranks, profile, failures, diagnostics, properties    see `pairs`, `joint`, `relations`
    null          the A/A, see `pairs.Null`
    tracks, corners, corner_orders, corner_difference    see `tracks.Survival`, `corners.Corners`

The column `workload` is its title in the report, empty where there is one only. A file without rows is not written.
These are data: a name stands as it does in the tables, whatever it begins with. A spreadsheet takes a cell that begins
with = + - or @ for a formula, so of a stranger's results let it import the columns as text.
"""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from actbench.compare.comparison import Comparison
from actbench.compare.init_or_rate import Corners
from actbench.compare.ranking import Cells
from actbench.compare.tracks import Survival
from actbench.compare.workloads import Workload
from actbench.tables import functions, parquet, text

FOLDER = "statistics"


def write(
    folder: Path,
    works: list[Workload],
    shown: list[Cells],
    compared: list[Comparison | None],
    survived: list[tuple[str, Workload, Survival]],
    cornered: list[Corners],
) -> None:
    """Write all that was computed, and take away what an earlier report wrote."""
    against = [(work.title, found) for work, found in zip(works, compared, strict=True) if found is not None]
    tables = {
        "means": _joined((work.title, _means(cells)) for work, cells in zip(works, shown, strict=True)),
        "differences": _joined((title, _differences(found)) for title, found in against),
        "diagnostics": _joined((title, _diagnostics(found)) for title, found in against),
        "null": _joined((title, pd.DataFrame([found.null])) for title, found in against),
        "tracks": _joined(
            (title, pd.DataFrame([found[:-1]], columns=found._fields[:-1])) for title, _, found in survived
        ),
        "corners": _joined((found.title, found.effects) for found in cornered),
        "corner_orders": _joined((found.title, found.orders) for found in cornered),
        "corner_difference": _joined(
            (found.title, pd.DataFrame([found.difference], columns=["low", "high"])) for found in cornered
        ),
    }
    for name in ("pairs", "ranks", "profile", "failures", "properties"):
        tables[name] = _joined((title, getattr(found, name)) for title, found in against)
    land(folder, tables)


def _diagnostics(found: Comparison) -> pd.DataFrame:
    """Of the primary metric and of accuracy, each adjusted on its own; `value` is the column."""
    tables = {found.value: found.diagnostics, "test_accuracy": found.accuracy_diagnostics}
    return pd.concat([table.assign(value=value) for value, table in tables.items()])


def land(folder: Path, tables: dict[str, pd.DataFrame]) -> None:
    """Write tables as folder/statistics/*.csv in place of those that are there."""
    place = folder / FOLDER
    place.mkdir(exist_ok=True)
    for old in place.glob("*.csv"):
        old.unlink()
    for name, table in tables.items():
        if len(table):
            table.to_csv(place / f"{name}.csv", index=False)


def facts(folder: Path) -> tuple[pd.DataFrame, list[str]]:
    """The published properties of functions, from the folder's own tables/properties.parquet; what could not be read.

    It is copied there from the folder `functions` beside it, where there is one, so that a report needs nothing but
    its own folder when it is made again.
    """
    left_out = []
    for place in (folder.resolve().parent / "functions", folder):
        if (place / "tables" / "properties.parquet").is_file():
            try:
                part = parquet.read(place / "tables", dtypes={"properties": functions.DTYPES})
            except parquet.BrokenPartError as error:
                left_out.append(text.one_line(error))
                continue
            found = part.tables["properties"].to_pandas().reindex(columns=functions.PROPERTIES)
            functions.write(found, folder, "properties", csv=False)
            return found, left_out
    return pd.DataFrame(columns=functions.PROPERTIES), left_out


def _means(tables: Cells) -> pd.DataFrame:
    """`shown, variant, mean, low, high, n`: the cells of the two tables of a workload."""
    rows = [(shown, name, *cell) for shown, cells in tables.items() for name, cell in cells.items()]
    return pd.DataFrame(rows, columns=["shown", "variant", "mean", "low", "high", "n"])


def _differences(found: Comparison) -> pd.DataFrame:
    tables = ((found.value, found.margin, found.loss), ("test_accuracy", found.accuracy_margin, found.accuracy))
    return pd.concat(
        [
            table.assign(value=value, margin=margin, reference=found.reference)
            for value, margin, table in tables
            if len(table)
        ]
    )


def _joined(tables: Iterable[tuple[str, pd.DataFrame]]) -> pd.DataFrame:
    """One table of several, the title of each in the column `workload`."""
    told = [table.assign(workload=title) for title, table in tables if len(table)]
    if not told:
        return pd.DataFrame()
    whole = pd.concat(told, ignore_index=True)
    return whole[["workload", *(name for name in whole if name != "workload")]]
