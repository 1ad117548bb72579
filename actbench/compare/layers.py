"""What the layers of a network show together: first and last probe, drift over depth, vanishing gradients."""

import numpy as np
import pandas as pd

_PROBE = ["run_id", "seed", "step"]  # the columns that identify one probe of one run


def ends(layers: pd.DataFrame) -> pd.DataFrame:
    """The first and the last probed step of each run and seed; the column `when` says which."""
    step = layers.groupby(["run_id", "seed"])["step"]
    first, last = step.transform("min"), step.transform("max")
    at_start = layers[layers["step"] == first].assign(when="at initialisation")
    at_end = layers[(layers["step"] == last) & (last > first)].assign(when="at the end")
    return pd.concat([at_start, at_end], ignore_index=True)


def mean_drift(layers: pd.DataFrame, *, column: str) -> pd.DataFrame:
    """`change` of a column from the first layer to the last, by run and probed step; missing where there is one layer.

    It is no slope over the layers: that misreads a column which steps once and then stands still.
    """
    first, last = _first_and_last(layers)
    with np.errstate(invalid="ignore"):  # ∞ − ∞: a column that is infinite in both
        change = last[column].to_numpy(float) - first[column].to_numpy(float)
    has_one = first["layer_index"] == last["layer_index"]
    return first[_PROBE].assign(change=np.where(has_one, np.nan, change))


def _first_and_last(layers: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The first and the last layer of each probe, the probes in the same order."""
    ordered = layers.sort_values([*_PROBE, "layer_index"])
    first, last = (ordered.drop_duplicates(_PROBE, keep=keep) for keep in ("first", "last"))
    return first.reset_index(drop=True), last.reset_index(drop=True)


def networks(layers: pd.DataFrame) -> pd.Series:
    """The network of each layer: its name up to the first dot; empty for a name without a dot."""
    names = layers["layer"].astype(str)
    return names.map({name: name.partition(".")[0] if name.find(".") > 0 else "" for name in names.unique()})


def last_network(layers: pd.DataFrame) -> pd.DataFrame:
    """The layers of a task's last network: in a GAN the discriminator."""
    network = networks(layers)
    return layers[network == network.iloc[int(layers["layer_index"].to_numpy().argmax())]]


def vanishing(layers: pd.DataFrame) -> pd.DataFrame:
    """`ratio` = G_1 / G_L and `gain` = (ln G_1 − ln G_L) / (L − 1), G = `grad_rms`, by run and probed step.

    A gain below 0 says that the gradient shrinks on its way to the input. It is −∞ where no gradient arrives at the
    first layer. Both are missing where there is one layer only.
    """
    first, last = _first_and_last(layers)
    steps = (last["layer_index"] - first["layer_index"]).to_numpy(float)
    steps[steps == 0] = np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        g_first, g_last = first["grad_rms"].to_numpy(float), last["grad_rms"].to_numpy(float)
        ratio = np.where(np.isnan(steps), np.nan, g_first / g_last)
        gain = (np.log(g_first) - np.log(g_last)) / steps
    return first[_PROBE].assign(ratio=ratio, gain=gain)
