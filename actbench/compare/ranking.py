"""The order of a workload's variants, and the two tables of a report: what they reached, and what their layers show."""

import numpy as np
import pandas as pd

from actbench.compare.intervals import Interval, summarise
from actbench.compare.layers import ends, last_network, mean_drift, vanishing
from actbench.tables.schema import RUNS

Cells = dict[str, dict[str, Interval]]  # heading -> variant -> its cell
# Measures on test data come before those on validation data.
RANKED_BY = sorted((c.name for c in RUNS if c.ranks), key=lambda name: not name.startswith("test_"))
TITLES = {
    "test loss (nats)": "test_loss",
    "test accuracy": "test_accuracy",
    "test FLD": "test_fld",
    "FLD of real images": "test_fld_floor",
    "test KID": "test_kid",
    "modes": "test_modes",
    "KL of classes (nats)": "test_class_kl",
    "NDB/K": "test_ndb",
    "val loss (nats)": "val_loss",
    "val accuracy": "val_accuracy",
    "val FLD": "val_fld",
    "seconds per seed": "train_seconds",
}


def primary(runs: pd.DataFrame) -> str | None:
    """The column that ranks: loss or FLD on test data, or on validation data without a test; None without either."""
    return next((name for name in RANKED_BY if np.isfinite(runs[name]).any()), None)


def ranked(runs: pd.DataFrame) -> list[str]:
    """The variants that were measured, lowest mean loss first.

    A seed that diverged has its loss at chance level. Tables from elsewhere may hold seeds without a finite loss: their
    variants stand last, those with fewer such seeds first.
    """
    runs = runs[runs["status"] != "failed"]
    column = primary(runs)
    if column is None:
        return sorted(runs["variant"].unique())
    finite = runs[column].where(np.isfinite(runs[column]))
    grouped = finite.groupby(runs["variant"])
    table = pd.DataFrame({"lost": finite.isna().groupby(runs["variant"]).sum(), "mean": grouped.mean()})
    return list(table.sort_values(["lost", "mean"], kind="stable").index)


def intervals(frame: pd.DataFrame, column: str) -> dict[str, Interval]:
    """The mean of a column over seeds with its interval, by variant."""
    table = summarise(frame, by=["variant"], value=column)
    return {
        str(row["variant"]): Interval(float(row["mean"]), float(row["low"]), float(row["high"]), int(row["n"]))
        for row in table.to_dict("records")
    }


def ranking(runs: pd.DataFrame) -> Cells:
    """The final measures of every variant, and its training time."""
    runs = runs[runs["status"] != "failed"]
    return {title: intervals(runs, name) for title, name in TITLES.items() if np.isfinite(runs[name]).any()}


def diagnosis(layers: pd.DataFrame, order: list[str]) -> Cells:
    """Saturation, dead units and bias of the first and last layer, drift per layer and gradient gain, by variant.

    All are of the last probe, the gain also of the first. In a GAN they are of the discriminator, whose activation
    varies.
    """
    probed = ends(last_network(layers))
    start, end = (probed[probed["when"] == when] for when in ("at initialisation", "at the end"))
    final = end if len(end) else start
    first, last = probed["layer_index"].min(), probed["layer_index"].max()
    sides = {"first layer": final[final["layer_index"] == first], "last layer": final[final["layer_index"] == last]}
    if first == last:
        sides.pop("first layer")
    names = {"saturated low": "saturation_low", "saturated high": "saturation_high", "dead units": "dead"}
    names |= {"bias / std": "out_ratio"}
    table = {
        f"{title}, {side}": intervals(frame, name)
        for title, name in names.items()
        for side, frame in sides.items()
        if np.isfinite(probed[name]).any()
    }
    variants = probed.drop_duplicates(["run_id", "seed"])[["run_id", "seed", "variant"]]
    if len(sides) == 2 and np.isfinite(probed["out_ratio"]).any():
        table["bias / std, change per layer"] = _by_variant(mean_drift(final, column="out_ratio"), "slope", variants)
    if len(sides) == 2 and np.isfinite(probed["grad_rms"]).any():
        for when, frame in (("at init", start), ("at the end", end)):
            if len(frame):
                table[f"gradient gain λ, {when}"] = _by_variant(vanishing(frame), "gain", variants)
    return {name: {v: cells[v] for v in order if v in cells} for name, cells in table.items()}


def _by_variant(table: pd.DataFrame, column: str, variants: pd.DataFrame) -> dict[str, Interval]:
    return intervals(table.merge(variants, on=["run_id", "seed"]), column)
