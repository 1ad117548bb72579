"""Measures by layer, at initialisation and at the end: tables of layers, one for each setting -> Figure."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axis import Axis
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from actbench.compare.layers import ends, networks
from actbench.figures import series
from actbench.figures.series import Scale
from actbench.tables.schema import label

_SCALES = {
    "out_mean": Scale(label("out_mean"), Normalize(-2, 2), "RdBu_r", (-2, -1, 0, 1, 2)),
    "out_ratio": Scale(label("out_ratio"), Normalize(0, 3), "viridis_r", (0, 1, 2, 3)),
    "grad_rms": Scale(label("grad_rms"), LogNorm(1e-6, 1), "viridis", (1e-6, 1e-3, 1)),
    "w2_normal": Scale(label("w2_normal"), LogNorm(1e-3, 10), "viridis_r", (1e-3, 1e-1, 10)),
}


def saturation(layers: dict[str, pd.DataFrame], labels: dict[str, str]) -> Figure | None:
    """Saturated share on each side by layer."""
    return _by_layer(layers, labels, ("saturation_low", "saturation_high"))


def output(layers: dict[str, pd.DataFrame], labels: dict[str, str]) -> Figure | None:
    """Mean of the output, and its bias over its standard deviation, by layer."""
    return _by_layer(layers, labels, ("out_mean", "out_ratio"))


def gradient(layers: dict[str, pd.DataFrame], labels: dict[str, str]) -> Figure | None:
    """Root mean square of the gradient by layer."""
    return _by_layer(layers, labels, ("grad_rms",))


def normality(layers: dict[str, pd.DataFrame], labels: dict[str, str]) -> Figure | None:
    """Distance of the outputs to N(0, 1) by layer."""
    return _by_layer(layers, labels, ("w2_normal",))


def dead(layers: dict[str, pd.DataFrame], labels: dict[str, str]) -> Figure | None:
    """Share of dead units by layer."""
    return _by_layer(layers, labels, ("dead",))


def gradient_sparsity(layers: dict[str, pd.DataFrame], labels: dict[str, str]) -> Figure | None:
    """Share of exact zeros and Hoyer sparsity of the gradient by layer."""
    return _by_layer(layers, labels, ("grad_zero", "grad_hoyer"))


def _by_layer(layers: dict[str, pd.DataFrame], labels: dict[str, str], measures: Sequence[str]) -> Figure | None:
    """Measures by layer in a panel for each setting, at initialisation and, where the network was trained, at the end.

    Left out is a measure that is the same in every layer of every variant; None where all are.
    """
    facets = [(setting, ends(table), name) for setting, table in layers.items() for name in measures]
    curves = pd.concat([
        series.means(rows.assign(network=networks(rows), x=rows["layer_index"]), labels, value=name)
        .assign(measure=name, setting=setting)
        for setting, rows, name in facets
    ])  # fmt: skip
    scales = {name: _SCALES.get(name) or series.share(name) for name in measures}
    tables = pd.concat(layers.values())
    return series.draw(curves, labels, scales, x=_axis_label(tables), ticks=_layer_axis)


def _axis_label(layers: pd.DataFrame) -> str:
    """The label of an axis of layers; with several networks it says which layers belong to which."""
    index = layers["layer_index"].groupby(networks(layers), sort=False).agg(["min", "max"]).sort_values("min")
    if len(index) == 1:
        return label("layer_index")
    ranges = [f"{name} {low}" + (f" to {high}" if high > low else "") for name, low, high in index.itertuples()]
    return f"layer ({', '.join(ranges)})"


def _layer_axis(axis: Axis, last: float) -> None:
    """Whole numbers, few enough for a small panel."""
    axis.set_major_locator(FixedLocator(list(range(1, int(last) + 1, 1 + (int(last) - 1) // 8))))
