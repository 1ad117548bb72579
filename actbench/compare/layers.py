"""What the layers of a network show together: first and last probe, drift over depth, vanishing gradients."""

import numpy as np
import pandas as pd

from actbench.compare.resampling import by_size

_PROBE = ["run_id", "seed", "step"]  # the columns that identify one probe of one run


def ends(layers: pd.DataFrame) -> pd.DataFrame:
    """The first and the last probed step of each run and seed; the column `when` says which."""
    step = layers.groupby(["run_id", "seed"])["step"]
    first, last = step.transform("min"), step.transform("max")
    at_start = layers[layers["step"] == first].assign(when="at initialisation")
    at_end = layers[(layers["step"] == last) & (last > first)].assign(when="at the end")
    return pd.concat([at_start, at_end], ignore_index=True)


def mean_drift(layers: pd.DataFrame, *, column: str) -> pd.DataFrame:
    """`slope` of a column over `layer_index` by run and probed step: Theil–Sen's, the median slope of all pairs.

    One layer has no slope.
    """
    probes = layers[_PROBE].drop_duplicates().sort_values(_PROBE, ignore_index=True)
    finite = layers.assign(_probe=layers.groupby(_PROBE).ngroup())[np.isfinite(layers[column])].sort_values("_probe")
    ends_of_probes = np.searchsorted(finite["_probe"], np.arange(1, len(probes)))
    points = np.split(finite[["layer_index", column]].to_numpy(float).T, ends_of_probes, axis=1)
    slopes = np.full(len(probes), np.nan)
    for rows, lines in by_size(points):  # (probes, 2, layers)
        first, second = np.triu_indices(lines.shape[2], 1)
        if len(first):
            run, rise = (lines[:, axis, second] - lines[:, axis, first] for axis in (0, 1))
            slopes[rows] = np.median(rise / run, axis=1)
    return probes.assign(slope=slopes)


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
    ordered = layers.sort_values([*_PROBE, "layer_index"])
    first = ordered.drop_duplicates(_PROBE, keep="first").reset_index(drop=True)
    last = ordered.drop_duplicates(_PROBE, keep="last").reset_index(drop=True)
    steps = (last["layer_index"] - first["layer_index"]).to_numpy(float)
    steps[steps == 0] = np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        g_first, g_last = first["grad_rms"].to_numpy(float), last["grad_rms"].to_numpy(float)
        ratio = np.where(np.isnan(steps), np.nan, g_first / g_last)
        gain = (np.log(g_first) - np.log(g_last)) / steps
    return first[_PROBE].assign(ratio=ratio, gain=gain)
