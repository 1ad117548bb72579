"""The order of a workload's variants, and the two tables of a report: what they reached, and what their layers show."""

import numpy as np
import pandas as pd

from actbench.compare.intervals import Interval, summarise
from actbench.compare.layers import ends, last_network, mean_drift, vanishing
from actbench.tables.schema import DERIVED, RUNS
from actbench.tables.tuning import FIRST_SEED

Cells = dict[str, dict[str, Interval]]  # heading -> variant -> its cell
# Measures on test data come before those on validation data, and an error rate before a loss.
RANKED_BY = sorted((c.name for c in (*DERIVED, *RUNS) if c.ranks), key=lambda name: not name.startswith("test_"))
DRIFT = "bias / std, last minus first layer"
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
    """The column that ranks: error, FLD or loss on test data, or on validation data without a test; None without.

    Seeds that something is chosen on rank by validation data: test data chooses nothing.
    """
    chooses = len(runs) > 0 and runs["seed"].min() >= FIRST_SEED
    columns = [name for name in RANKED_BY if name.startswith("val_")] if chooses else RANKED_BY
    return next((name for name in columns if name in runs and np.isfinite(runs[name]).any()), None)


def ranked(runs: pd.DataFrame) -> list[str]:
    """The variants that were measured, lowest mean error first, equal ones by loss; without errors by FLD or loss.

    A seed that diverged has the error and the loss of a guess. Tables from elsewhere may hold seeds without a finite
    value: their variants stand last, those with fewer such seeds first.
    """
    runs = runs[runs["status"] != "failed"]
    column = primary(runs)
    if column is None:
        return sorted(runs["variant"].unique())
    finite = {name: runs[name].where(np.isfinite(runs[name])) for name in (column, column.replace("_error", "_loss"))}
    means = [values.groupby(runs["variant"]).mean().round(12) for values in finite.values()]  # equal up to rounding
    lost = finite[column].isna().groupby(runs["variant"]).sum()
    table = pd.DataFrame({"lost": lost, "mean": means[0], "then": means[-1]})
    return list(table.sort_values(["lost", "mean", "then"], kind="stable").index)


def disagreements(runs: pd.DataFrame, *, places: int = 5) -> pd.DataFrame:
    """`variant, rank_error, rank_loss, test_ece`: the variants that error and loss rank more than five places apart.

    Overconfident functions have the lower error and the higher loss: their calibration error stands beside.
    """
    kept = runs[runs["status"] != "failed"]
    means = kept.groupby("variant")[["test_error", "test_loss", "test_ece"]].mean().dropna(subset=["test_error"])
    ranks = means[["test_error", "test_loss"]].rank(method="min")
    table = pd.DataFrame(
        {"rank_error": ranks["test_error"], "rank_loss": ranks["test_loss"], "test_ece": means["test_ece"]}
    )
    apart = (table["rank_error"] - table["rank_loss"]).abs() > places
    return table[apart].sort_values("rank_error", kind="stable").rename_axis("variant").reset_index()


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
    """Saturation, dead units and bias of the first and last layer, its drift between them, gradient gain, by variant.

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
        table[DRIFT] = _by_variant(mean_drift(final, column="out_ratio"), "change", variants)
    if len(sides) == 2 and np.isfinite(probed["grad_rms"]).any():
        for when, frame in (("at init", start), ("at the end", end)):
            if len(frame):
                table[f"gradient gain λ, {when}"] = _by_variant(vanishing(frame), "gain", variants)
    return {name: {v: cells[v] for v in order if v in cells} for name, cells in table.items()}


def _by_variant(table: pd.DataFrame, column: str, variants: pd.DataFrame) -> dict[str, Interval]:
    return intervals(table.merge(variants, on=["run_id", "seed"]), column)
