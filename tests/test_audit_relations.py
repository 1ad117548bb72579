"""The means in a report's tables and its correlations over activations, computed again from the measured tables."""

import functools
import re
from collections.abc import Callable
from pathlib import Path

import audit
import numpy as np
import pandas as pd
import pytest
import scipy.stats
from audit import folders_with, published

from actbench.tables.schema import Tables


@pytest.mark.parametrize("folder", folders_with("means"), indirect=True)
def test_means_are_those_of_the_tables(folder):
    names = {"test loss (nats)": "test_loss", "test accuracy": "test_accuracy", "val loss (nats)": "val_loss",
             "val accuracy": "val_accuracy", "seconds per seed": "train_seconds", "test FLD": "test_fld",
             "FLD of real images": "test_fld_floor", "test KID": "test_kid", "modes": "test_modes",
             "KL of classes (nats)": "test_class_kl", "NDB/K": "test_ndb", "val FLD": "val_fld"}  # fmt: skip
    for tables, rows in published(folder, "means"):
        probed = functools.cache(functools.partial(_probed, tables.layers))
        for heading, means in rows.groupby("shown"):
            values = _by_seed(tables, str(heading), names, probed)
            by_variant = {name: group.to_numpy() for name, group in values.groupby("variant")["value"]}
            samples = [by_variant.get(name, np.empty(0)) for name in means["variant"]]
            samples = [sample[np.isfinite(sample)] for sample in samples]
            measured = [i for i, sample in enumerate(samples) if len(sample)]
            assert means["n"].tolist() == [len(sample) for sample in samples], heading
            means, samples = means.iloc[measured], [samples[i] for i in measured]
            np.testing.assert_allclose(means["mean"], [s.mean() for s in samples], rtol=1e-7, atol=1e-12)
            within = next((ends for words, ends in POSSIBLE.items() if re.search(words, heading)), (-np.inf, np.inf))
            audit.check_intervals(samples, means["low"].to_numpy(), means["high"].to_numpy(), within=within)


POSSIBLE = {"accuracy|saturated|dead": (0, 1), "loss|FLD|seconds": (0, np.inf)}
SEED = ["variant", "run_id", "seed"]
LAYERS = ["layer_index", "grad_rms", "out_ratio", "saturation_low", "saturation_high", "dead"]


def _by_seed(tables: Tables, heading: str, names: dict[str, str], probed: Callable[[bool], tuple]) -> pd.DataFrame:
    """`variant, value`, a row a seed: the values under a heading of the report's tables."""
    if heading in names:
        return tables.runs.assign(value=tables.runs[names[heading]].astype(float))
    layers, first, last = probed(heading.endswith("at init"))
    if heading.startswith("gradient gain"):
        with np.errstate(divide="ignore", invalid="ignore"):
            values = np.log(first["grad_rms"] / last["grad_rms"]) / (layers.groupby(SEED).size() - 1)
    elif heading.endswith("last minus first layer"):
        values = last["out_ratio"] - first["out_ratio"]
    else:
        column = {"saturated low": "saturation_low", "saturated high": "saturation_high", "dead units": "dead"}
        column |= {"bias / std": "out_ratio"}
        values = (first if heading.endswith("first layer") else last)[column[heading.split(",")[0]]]
    return values.rename("value").reset_index()


def _probed(layers: pd.DataFrame, at_init: bool) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The layers of each seed at one end of its training, its first layer and its last; no generator's."""
    step = layers.groupby(["run_id", "seed"])["step"].transform("min" if at_init else "max")
    reported = ~layers["layer"].str.startswith("generator.")
    ends = layers.loc[(layers["step"] == step) & reported, [*SEED, "step", *LAYERS]].sort_values("layer_index")
    if not at_init and ends["step"].any():
        ends = ends[ends["step"] > 0]
    return ends, *(ends.drop_duplicates(SEED, keep=which).set_index(SEED) for which in ("first", "last"))


@pytest.mark.parametrize("folder", folders_with("diagnostics", "properties"), indirect=True)
def test_correlations_are_those_of_the_tables(folder):
    for name in ("diagnostics", "properties"):
        for all_tables, rows in published(folder, name):
            tables = _of_all(all_tables)
            assert (rows["low"] <= rows["rho"] + 1e-12).all()
            assert (rows["rho"] <= rows["high"] + 1e-12).all()
            families = rows.groupby("value") if name == "diagnostics" else [("both", rows)]
            for _, family in families:
                np.testing.assert_allclose(family["p_bh"], audit.benjamini_hochberg(family["p"].to_numpy()), rtol=1e-9)
            # By Student's t with n − 2 degrees of freedom, as in scipy's spearmanr.
            n, rho = rows["n"], rows["rho"].clip(-1 + 1e-15, 1 - 1e-15)
            p = 2 * scipy.stats.t.sf(np.abs(rho) * np.sqrt((n - 2) / (1 - rho**2)), n - 2)
            np.testing.assert_allclose(rows["p"], p, rtol=1e-6, atol=1e-12)
            ends, facts = _first_and_last(tables.layers), folder if name == "properties" else None
            related = functools.cache(functools.partial(_related, tables, ends, facts))
            losses = functools.cache(functools.partial(_mean, tables.runs))
            for row in rows.to_dict("records"):
                x, y = related(row["measure"], row.get("when")), losses(row.get("value", "test_loss"))
                both = pd.DataFrame({"x": x, "y": y}).dropna().round(12)
                np.testing.assert_allclose(row["rho"], scipy.stats.spearmanr(both["x"], both["y"])[0], atol=1e-9)
                assert row["n"] == len(both)


def _of_all(tables: Tables) -> Tables:
    """The runs on the seeds that all variants have, with their layers."""
    runs = audit.of_all(tables.runs)
    layers = tables.layers.merge(runs[["run_id", "seed"]], on=["run_id", "seed"])
    return tables._replace(runs=runs, layers=layers)


def _first_and_last(layers: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The layers of each seed at initialisation, and at its last step after that."""
    steps = layers.groupby(["run_id", "seed"])["step"]
    last = (layers["step"] == steps.transform("max")) & (layers["step"] > 0)
    return {"at initialisation": layers[layers["step"] == steps.transform("min")], "at the end": layers[last]}


def _mean(runs: pd.DataFrame, value: str) -> pd.Series:
    return runs[value].where(np.isfinite(runs[value])).groupby(runs["variant"]).mean()


def _related(
    tables: Tables, ends: dict[str, pd.DataFrame], folder: Path | None, measure: str, when: str | None
) -> pd.Series:
    """A measure by variant that is correlated, one of the properties if there is a folder; yes is 1, no is 0."""
    if folder is not None:
        facts = pd.read_parquet(folder / "tables" / "properties.parquet")
        facts = facts[(facts["property"] == measure) & (facts["index"] == 0)].set_index("function")
        yes_no = {"monotonic": facts["text"] != "no", "derivative_monotonic": facts["text"] != "no"}
        number = facts["value"].mask((facts["text"] == "at least") & (measure == "continuity"), np.inf)
        return yes_no.get(measure, number).astype(float)
    layers = ends[str(when)]
    if measure == "gain":
        heading = "gradient gain, at init" if when == "at initialisation" else "gradient gain"
        gain = _by_seed(tables, heading, {}, functools.partial(_probed, tables.layers))
        return gain[np.isfinite(gain["value"])].groupby("variant")["value"].mean()
    column = layers[measure].abs() if measure == "out_mean" else layers[measure]
    return column[np.isfinite(column)].groupby(layers["variant"]).mean()
