"""The numbers that a report prints, as data: statistics/*.csv in a results folder, rounded nowhere.

    means         mean and interval over seeds of every cell of the ranking and of the diagnosis by layer
    differences   every variant against the reference: `compare.paired.compare`, with `value` and `reference`
    pairs         see `compare.paired.all_pairs`
    null          the A/A test, see `compare.selftest.exchanged`
    best_set      see `compare.best_set.best_set`
    disagreements see `compare.ranking.disagreements`
    tuned_worse   see `compare.tracks.harmed`
    convergence   see `compare.convergence.doubled`, of the folder NAME_doubled beside this one
    ranks, profile, failures    see `compare.over_workloads`
    diagnostics, properties     see `compare.correlations`
    tracks                      see `compare.tracks.TrackAgreement`
    corners, corner_orders, corner_difference    see `compare.init_or_rate.Corners`

Of a folder NAME_retuned, `report/draws.py`: draws, see `compare.draws.draws`, and choices.

The column `workload` is the title of the workload in the report, empty where there is only one. A file without rows is
not written. A name stands here as it does in the tables, whatever it begins with. A spreadsheet takes a cell that
begins with = + - or @ for a formula, so import the columns of a stranger's results as text.
"""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from actbench.compare.comparison import Comparison
from actbench.compare.init_or_rate import Corners
from actbench.compare.ranking import Cells
from actbench.compare.tracks import TrackAgreement
from actbench.compare.workloads import Workload
from actbench.report import writer
from actbench.tables import functions, parquet, text


def write(
    folder: Path,
    works: list[Workload],
    cells: list[Cells],
    comparisons: list[Comparison | None],
    agreements: list[tuple[str, Workload, TrackAgreement]],
    corners: list[Corners],
    harm: list[tuple[str, pd.DataFrame]],
    doubled: pd.DataFrame,
) -> None:
    """Write all that was computed into the folder of a new report."""
    compared = [
        (work.title, comparison) for work, comparison in zip(works, comparisons, strict=True) if comparison is not None
    ]
    tables = {
        "means": _joined((work.title, _means(columns)) for work, columns in zip(works, cells, strict=True)),
        "differences": _joined((title, _differences(comparison)) for title, comparison in compared),
        "diagnostics": _joined((title, _diagnostics(comparison)) for title, comparison in compared),
        "null": _joined((title, pd.DataFrame({"family": [comparison.null_error]})) for title, comparison in compared),
        "convergence": doubled,
        "tuned_worse": _joined((title, harmed) for title, harmed in harm),
        "tracks": _joined(
            (title, pd.DataFrame([agreement[:-1]], columns=agreement._fields[:-1]))
            for title, _, agreement in agreements
        ),
        "corners": _joined((each.title, each.effects) for each in corners),
        "corner_orders": _joined((each.title, each.orders) for each in corners),
        "corner_difference": _joined(
            (each.title, pd.DataFrame([each.difference], columns=["low", "high"])) for each in corners
        ),
    }
    for name in ("pairs", "ranks", "profile", "failures", "properties", "best_set", "disagreements"):
        tables[name] = _joined((title, getattr(comparison, name)) for title, comparison in compared)
    writer.write_tables(folder, tables)


def _diagnostics(comparison: Comparison) -> pd.DataFrame:
    """Correlations with the loss, or the distance, and with accuracy, each adjusted on its own; `value` names them."""
    loss = "test_loss" if comparison.value.endswith("_error") else comparison.value
    tables = {loss: comparison.diagnostics, "test_accuracy": comparison.accuracy_diagnostics}
    return pd.concat([table.assign(value=value) for value, table in tables.items()])


def facts(folder: Path) -> tuple[pd.DataFrame, list[str]]:
    """The published properties of functions, and a sentence for each file of them that cannot be read.

    They are read from the folder `functions` beside this one, where there is one, and copied to
    tables/properties.parquet of this folder, so that making the report again needs nothing but its own folder.
    """
    left_out = []
    for source in (folder.resolve().parent / "functions", folder):
        if (source / "tables" / "properties.parquet").is_file():
            try:
                part = parquet.read(source / "tables", dtypes={"properties": functions.DTYPES})
            except parquet.BrokenTablesError as error:
                left_out.append(text.one_line(error))
                continue
            properties = part.tables["properties"].to_pandas().reindex(columns=functions.PROPERTIES)
            functions.write(properties, folder, "properties", csv=False)
            return properties, left_out
    return pd.DataFrame(columns=functions.PROPERTIES), left_out


def _means(cells: Cells) -> pd.DataFrame:
    """`shown, variant, mean, low, high, n`: the cells of the ranking and of the diagnosis, `shown` is their heading."""
    rows = [(heading, name, *cell) for heading, column in cells.items() for name, cell in column.items()]
    return pd.DataFrame(rows, columns=["shown", "variant", "mean", "low", "high", "n"])


def _differences(comparison: Comparison) -> pd.DataFrame:
    """The verdicts, with what is judged and against what."""
    return comparison.verdicts.assign(value=comparison.value, reference=comparison.reference)


def _joined(tables: Iterable[tuple[str, pd.DataFrame]]) -> pd.DataFrame:
    """One table from several, the title of each in the column `workload`."""
    titled = [table.assign(workload=title) for title, table in tables if len(table)]
    if not titled:
        return pd.DataFrame()
    joined = pd.concat(titled, ignore_index=True)
    return joined[["workload", *(name for name in joined if name != "workload")]]
