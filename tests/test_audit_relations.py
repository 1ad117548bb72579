"""Means of what a report's tables show, and what is related to what over activations, again from its tables."""

from pathlib import Path

import audit
import numpy as np
import pandas as pd
import pytest
import scipy.stats
from audit import FOLDERS, published

from actbench.tables.schema import Tables

pytestmark = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)


def test_means(folder):
    names = {"test loss (nats)": "test_loss", "test accuracy": "test_accuracy", "val loss (nats)": "val_loss",
             "val accuracy": "val_accuracy", "seconds per seed": "train_seconds", "test FLD": "test_fld",
             "FLD of real images": "test_fld_floor", "test KID": "test_kid", "modes": "test_modes",
             "KL of classes (nats)": "test_class_kl", "NDB/K": "test_ndb", "val FLD": "val_fld"}  # fmt: skip
    for tables, rows in published(folder, "means"):
        for shown, own in rows.groupby("shown"):
            values = _by_seed(tables, str(shown), names)
            samples = [values[values["variant"] == name]["value"].to_numpy() for name in own["variant"]]
            samples = [sample[np.isfinite(sample)] for sample in samples]
            known = [i for i, sample in enumerate(samples) if len(sample)]
            assert own["n"].tolist() == [len(sample) for sample in samples], shown
            told, samples = own.iloc[known], [samples[i] for i in known]
            np.testing.assert_allclose(told["mean"], [s.mean() for s in samples], rtol=1e-7, atol=1e-12)
            audit.check_intervals(samples, told["low"].to_numpy(), told["high"].to_numpy())


def _by_seed(tables: Tables, shown: str, names: dict[str, str]) -> pd.DataFrame:
    """`variant, value`, a row a seed: what stands under a heading of the report's tables."""
    if shown in names:
        return tables.runs.assign(value=tables.runs[names[shown]].astype(float))
    layers = tables.layers
    at = layers.groupby(["run_id", "seed"])["step"].transform("min" if shown.endswith("at init") else "max")
    told = ~layers["layer"].str.startswith("generator.")  # of a GAN the discriminator
    ends = layers[(layers["step"] == at) & told].sort_values("layer_index")
    if not shown.endswith("at init") and ends["step"].any():
        ends = ends[ends["step"] > 0]
    grouped = ends.groupby(["variant", "run_id", "seed"])
    if shown.startswith("gradient gain"):

        def value(own: pd.DataFrame) -> float:
            first, last = np.log(own["grad_rms"].iloc[[0, -1]])
            return (first - last) / (len(own) - 1)
    elif shown.endswith("change per layer"):

        def value(own: pd.DataFrame) -> float:
            own = own[np.isfinite(own["out_ratio"])]
            return scipy.stats.theilslopes(own["out_ratio"], own["layer_index"])[0] if len(own) > 1 else np.nan
    else:
        column = {"saturated low": "saturation_low", "saturated high": "saturation_high", "dead units": "dead"}
        column |= {"bias / std": "out_ratio"}
        keep = "first" if shown.endswith("first layer") else "last"
        own = ends.drop_duplicates(["variant", "run_id", "seed"], keep=keep)
        return own.assign(value=own[column[shown.split(",")[0]]])[["variant", "run_id", "seed", "value"]]

    with np.errstate(divide="ignore", invalid="ignore"):
        return grouped.apply(value, include_groups=False).rename("value").reset_index()


def test_relations(folder):
    for name in ("diagnostics", "properties"):
        for tables, rows in published(folder, name):
            assert (rows["low"] <= rows["rho"] + 1e-12).all()
            assert (rows["rho"] <= rows["high"] + 1e-12).all()
            families = rows.groupby("value") if name == "diagnostics" else [("both", rows)]
            for _, own in families:
                np.testing.assert_allclose(own["p_bh"], audit.benjamini_hochberg(own["p"].to_numpy()), rtol=1e-9)
            # Of Student's t with n − 2 degrees, as scipy's spearmanr has it.
            n, rho = rows["n"], rows["rho"].clip(-1 + 1e-15, 1 - 1e-15)
            p = 2 * scipy.stats.t.sf(np.abs(rho) * np.sqrt((n - 2) / (1 - rho**2)), n - 2)
            np.testing.assert_allclose(rows["p"], p, rtol=1e-6, atol=1e-12)
            for row in rows.to_dict("records"):
                x, y = _related(tables, row, name, folder)
                both = pd.DataFrame({"x": x, "y": y}).dropna()
                np.testing.assert_allclose(row["rho"], scipy.stats.spearmanr(both["x"], both["y"])[0], atol=1e-9)
                assert row["n"] == len(both)


def _related(tables: Tables, row: dict, name: str, folder: Path) -> tuple[pd.Series, pd.Series]:
    """What a row of `diagnostics` or `properties` relates, by variant; a property told in words only by its ρ."""
    runs = tables.runs[tables.runs["status"] != "failed"]
    value = row.get("value", "test_loss")
    means = runs[value].where(np.isfinite(runs[value])).groupby(runs["variant"]).mean()
    if name == "properties":
        facts = pd.read_parquet(folder / "tables" / "properties.parquet")
        own = facts[(facts["property"] == row["measure"]) & (facts["index"] == 0)].set_index("function")
        words = {"monotonic": own["text"] != "no", "derivative_monotonic": own["text"] != "no"}
        smooth = own["value"].mask((own["text"] == "at least") & (row["measure"] == "continuity"), np.inf)
        return words.get(row["measure"], smooth).astype(float), means
    layers = tables.layers
    at = layers.groupby(["run_id", "seed"])["step"].transform("min" if row["when"] == "at initialisation" else "max")
    own = layers[layers["step"] == at]
    own = own if row["when"] == "at initialisation" else own[own["step"] > 0]
    if row["measure"] == "gain":
        gain = _by_seed(tables, "gradient gain, at init" if row["when"] == "at initialisation" else "gradient gain", {})
        return gain[np.isfinite(gain["value"])].groupby("variant")["value"].mean(), means
    column = own[row["measure"]].abs() if row["measure"] == "out_mean" else own[row["measure"]]
    return column[np.isfinite(column)].groupby(own["variant"]).mean(), means
