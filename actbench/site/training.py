"""With which rate and initialisation an activation was trained, in every published comparison."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from actbench.compare.tracks import SHARED
from actbench.compare.workloads import Workload, workloads
from actbench.site import statistics
from actbench.tables import store
from actbench.tables.schema import Tables
from actbench.tables.text import text

RATE, INIT = "learning rate", "initialisation"
COLUMNS = [*statistics.PLACED, RATE, INIT]
_CHOSEN = {RATE: "optim.lr", INIT: "init"}  # by the tuning, on its track


def read(results: Path) -> pd.DataFrame:
    """A row for each workload and variant that was compared, `COLUMNS`."""
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
    for variant, group in runs.groupby("variant"):
        name = str(variant)
        yield {
            "results": results,
            "setting": statistics.setting_of(work.title),
            "track": work.config.get("track", SHARED),
            "variant": name,
            "act": name.partition(" ")[0],
            **{column: _listed(group, key) for column, key in _CHOSEN.items()},
        }


def _listed(runs: pd.DataFrame, key: str) -> str:
    """The values of a key; one, but where draws of a tuning chose several."""
    return ", ".join(dict.fromkeys(text(value) for value in runs[key])) if key in runs else ""
