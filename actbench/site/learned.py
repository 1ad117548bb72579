"""What the activations with parameters of their own learned, layer by layer, in every published sweep."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from pyarrow import parquet

from actbench.compare.intervals import summarise
from actbench.compare.workloads import Workload, workloads
from actbench.report.numbers import interval_of, number
from actbench.site import statistics
from actbench.tables.store import collect

COLUMNS = [*statistics.PLACED, "parameter", "at the start"]
_RESAMPLES = 2000


def read(results: Path) -> pd.DataFrame:
    """A row for each workload, variant and learned parameter: `COLUMNS`, and `layer 1`, … at the end."""
    files = sorted(results.glob("*/tables/layers.parquet"))
    learning = [
        file.parents[1] for file in files if any(name.startswith("act.") for name in parquet.read_schema(file).names)
    ]
    tables = [_of_workload(work, folder.name) for folder in learning for work in workloads(collect(folder))]
    tables = [table for table in tables if len(table)]
    return pd.concat(tables, ignore_index=True).fillna("") if tables else pd.DataFrame(columns=COLUMNS)


def _of_workload(work: Workload, results: str) -> pd.DataFrame:
    layers = work.tables.layers
    names = [name for name in map(str, layers) if name.startswith("act.") and layers[name].notna().any()]
    long = layers.melt(["variant", "run_id", "seed", "layer_index", "step"], names, "parameter", "value")
    long = long.dropna(subset="value").astype({"value": "float64"})
    setting = statistics.setting_of(work.title)
    return pd.DataFrame(_rows(long)).assign(results=results, track=work.config.get("track", ""), setting=setting)


def _rows(long: pd.DataFrame) -> Iterator[dict[str, str]]:
    """A row for each variant and parameter, with the means over seeds as text."""
    last = long[long["step"] == long.groupby(["run_id", "seed"])["step"].transform("max")]
    ends = summarise(last, by=["variant", "parameter", "layer_index"], value="value", resamples=_RESAMPLES)
    starts = long[long["step"] == 0].groupby(["variant", "parameter"])["value"]
    first = starts.mean().where(starts.max() - starts.min() < 1e-6)  # the same in all layers, or not said
    for (variant, parameter), rows in ends.groupby(["variant", "parameter"], sort=False):
        start = first.get((variant, parameter))
        yield {
            "variant": str(variant),
            "act": str(variant).partition(" ")[0],
            "parameter": str(parameter).removeprefix("act."),
            "at the start": "" if start is None or pd.isna(start) else f"{start:.4g}".replace("-", "−"),
            **{f"layer {row['layer_index']}": number(interval_of(row)) for _, row in rows.iterrows()},
        }
