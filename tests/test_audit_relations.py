"""The means in a report's tables and its correlations over activations, computed again from the measured tables."""

from pathlib import Path

import audit
import numpy as np
import pandas as pd
import pytest
import scipy.stats
from audit import folders_with, published

from actbench.tables.schema import Tables


@pytest.mark.parametrize("folder", folders_with("means"))
def test_means_are_those_of_the_tables(folder):
    names = {"test loss (nats)": "test_loss", "test accuracy": "test_accuracy", "val loss (nats)": "val_loss",
             "val accuracy": "val_accuracy", "seconds per seed": "train_seconds", "test FLD": "test_fld",
             "FLD of real images": "test_fld_floor", "test KID": "test_kid", "modes": "test_modes",
             "KL of classes (nats)": "test_class_kl", "NDB/K": "test_ndb", "val FLD": "val_fld"}  # fmt: skip
    for tables, rows in published(folder, "means"):
        for heading, means in rows.groupby("shown"):
            values = _by_seed(tables, str(heading), names)
            by_variant = {name: group.to_numpy() for name, group in values.groupby("variant")["value"]}
            samples = [by_variant.get(name, np.empty(0)) for name in means["variant"]]
            samples = [sample[np.isfinite(sample)] for sample in samples]
            measured = [i for i, sample in enumerate(samples) if len(sample)]
            assert means["n"].tolist() == [len(sample) for sample in samples], heading
            means, samples = means.iloc[measured], [samples[i] for i in measured]
            np.testing.assert_allclose(means["mean"], [s.mean() for s in samples], rtol=1e-7, atol=1e-12)
            audit.check_intervals(samples, means["low"].to_numpy(), means["high"].to_numpy())


def _by_seed(tables: Tables, heading: str, names: dict[str, str]) -> pd.DataFrame:
    """`variant, value`, a row a seed: the values under a heading of the report's tables."""
    if heading in names:
        return tables.runs.assign(value=tables.runs[names[heading]].astype(float))
    layers = tables.layers
    step = layers.groupby(["run_id", "seed"])["step"].transform("min" if heading.endswith("at init") else "max")
    reported = ~layers["layer"].str.startswith("generator.")  # in a GAN the discriminator
    ends = layers[(layers["step"] == step) & reported].sort_values("layer_index")
    if not heading.endswith("at init") and ends["step"].any():
        ends = ends[ends["step"] > 0]
    seed = ["variant", "run_id", "seed"]
    grouped = ends[[*seed, "layer_index", "grad_rms", "out_ratio"]].groupby(seed)
    if heading.startswith("gradient gain"):

        def value(rows: pd.DataFrame) -> float:
            first, last = np.log(rows["grad_rms"].iloc[[0, -1]])
            return (first - last) / (len(rows) - 1)
    elif heading.endswith("change per layer"):

        def value(rows: pd.DataFrame) -> float:
            rows = rows[np.isfinite(rows["out_ratio"])]
            return scipy.stats.theilslopes(rows["out_ratio"], rows["layer_index"])[0] if len(rows) > 1 else np.nan
    else:
        column = {"saturated low": "saturation_low", "saturated high": "saturation_high", "dead units": "dead"}
        column |= {"bias / std": "out_ratio"}
        keep = "first" if heading.endswith("first layer") else "last"
        layer = ends.drop_duplicates(["variant", "run_id", "seed"], keep=keep)
        return layer.assign(value=layer[column[heading.split(",")[0]]])[["variant", "run_id", "seed", "value"]]

    with np.errstate(divide="ignore", invalid="ignore"):
        return grouped.apply(value, include_groups=False).rename("value").reset_index()


@pytest.mark.parametrize("folder", folders_with("diagnostics", "properties"))
def test_correlations_are_those_of_the_tables(folder):
    for name in ("diagnostics", "properties"):
        for tables, rows in published(folder, name):
            assert (rows["low"] <= rows["rho"] + 1e-12).all()
            assert (rows["rho"] <= rows["high"] + 1e-12).all()
            families = rows.groupby("value") if name == "diagnostics" else [("both", rows)]
            for _, family in families:
                np.testing.assert_allclose(family["p_bh"], audit.benjamini_hochberg(family["p"].to_numpy()), rtol=1e-9)
            # By Student's t with n − 2 degrees of freedom, as in scipy's spearmanr.
            n, rho = rows["n"], rows["rho"].clip(-1 + 1e-15, 1 - 1e-15)
            p = 2 * scipy.stats.t.sf(np.abs(rho) * np.sqrt((n - 2) / (1 - rho**2)), n - 2)
            np.testing.assert_allclose(rows["p"], p, rtol=1e-6, atol=1e-12)
            ends = _first_and_last(tables.layers)
            for row in rows.to_dict("records"):
                x, y = _related(tables, row, ends, folder if name == "properties" else None)
                both = pd.DataFrame({"x": x, "y": y}).dropna()
                np.testing.assert_allclose(row["rho"], scipy.stats.spearmanr(both["x"], both["y"])[0], atol=1e-9)
                assert row["n"] == len(both)


def _first_and_last(layers: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The layers of each seed at initialisation, and at its last step after that."""
    steps = layers.groupby(["run_id", "seed"])["step"]
    last = (layers["step"] == steps.transform("max")) & (layers["step"] > 0)
    return {"at initialisation": layers[layers["step"] == steps.transform("min")], "at the end": layers[last]}


def _related(
    tables: Tables, row: dict, ends: dict[str, pd.DataFrame], folder: Path | None
) -> tuple[pd.Series, pd.Series]:
    """The two values, by variant, that a row correlates, of the properties if there is a folder; yes is 1, no is 0."""
    runs = tables.runs[tables.runs["status"] != "failed"]
    value = row.get("value", "test_loss")
    means = runs[value].where(np.isfinite(runs[value])).groupby(runs["variant"]).mean()
    if folder is not None:
        facts = pd.read_parquet(folder / "tables" / "properties.parquet")
        facts = facts[(facts["property"] == row["measure"]) & (facts["index"] == 0)].set_index("function")
        yes_no = {"monotonic": facts["text"] != "no", "derivative_monotonic": facts["text"] != "no"}
        number = facts["value"].mask((facts["text"] == "at least") & (row["measure"] == "continuity"), np.inf)
        return yes_no.get(row["measure"], number).astype(float), means
    layers = ends[row["when"]]
    if row["measure"] == "gain":
        gain = _by_seed(tables, "gradient gain, at init" if row["when"] == "at initialisation" else "gradient gain", {})
        return gain[np.isfinite(gain["value"])].groupby("variant")["value"].mean(), means
    column = layers[row["measure"]].abs() if row["measure"] == "out_mean" else layers[row["measure"]]
    return column[np.isfinite(column)].groupby(layers["variant"]).mean(), means
