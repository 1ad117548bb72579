"""What a training with an activation was, in every published comparison: its rate, its initialisation, its time."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from actbench.compare.tracks import SHARED
from actbench.compare.workloads import Workload, workloads
from actbench.report.numbers import rounded
from actbench.site import statistics
from actbench.tables import store
from actbench.tables.schema import Tables
from actbench.tables.text import text

RATE, INIT, TIME = "learning rate", "initialisation", "training time"
COLUMNS = [*statistics.PLACED, "reference", RATE, INIT, TIME]
_CHOSEN = {RATE: "optim.lr", INIT: "init"}  # by the tuning, on its track


def read(results: Path) -> pd.DataFrame:
    """A row for each workload and variant that was compared, `COLUMNS`.

    The time is a text, the median over seeds of the ratio to the reference's on the same seed with its quartiles: "" of
    the reference, and where no seed of it was timed.
    """
    rows = [
        row
        for file in sorted(results.glob("*/statistics/differences.csv"))
        if (file.parents[1] / "tables" / "runs.parquet").is_file()
        for work in _settings(file.parents[1])
        for row in _rows(work, file.parents[1].name)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _settings(folder: Path) -> list[Workload]:
    (runs, epochs, layers), _ = store.read(folder)
    return workloads(Tables(runs, epochs[:0], layers[:0])) if len(runs) else []


def _rows(work: Workload, results: str) -> Iterator[dict[str, str]]:
    runs = work.tables.runs[work.tables.runs["status"] != "failed"]
    seconds = runs.pivot_table(index="seed", columns="variant", values="train_seconds")
    timed = work.reference in seconds
    ratios = seconds.div(seconds[work.reference], axis=0) if timed else seconds[:0]
    for variant, group in runs.groupby("variant"):
        name = str(variant)
        yield {
            "results": results,
            "setting": statistics.setting_of(work.title),
            "track": work.config.get("track", SHARED),
            "variant": name,
            "act": name.partition(" ")[0],
            "reference": work.reference,
            **{column: _listed(group, key) for column, key in _CHOSEN.items()},
            TIME: "" if name == work.reference else _time(ratios.get(name, pd.Series(dtype=float)).dropna()),
        }


def _listed(runs: pd.DataFrame, key: str) -> str:
    """The values of a key; one, but where draws of a tuning chose several."""
    return ", ".join(dict.fromkeys(text(value) for value in runs[key])) if key in runs else ""


def _time(ratios: pd.Series) -> str:
    """`1.5 [1.4, 1.7]`: the median and the quartiles."""
    if ratios.empty:
        return ""
    low, middle, high = (rounded(value, 2) for value in ratios.quantile([0.25, 0.5, 0.75]))
    return f"{middle} [{low}, {high}]"
