"""Measures by layer, at initialisation and at the end: lines for a few variants, heat maps for many."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from actbench.compare.intervals import summarise
from actbench.compare.layers import ends, networks
from actbench.figures import axes, drawing, layout, style
from actbench.figures.drawing import BAND
from actbench.tables.schema import label

LINES = 6  # the most variants that share a panel as lines
_CELL = 0.24  # the least width in inches of a cell that holds its number


def by_layer(layers: pd.DataFrame, labels: dict[str, str], columns: dict[str, tuple[Normalize, str]]) -> Figure:
    """Columns by layer, at initialisation and at the end: as lines up to `LINES` variants, else as heat maps."""
    layers = ends(layers)
    times = list(layers["when"].unique())
    by, axis = ["when", "variant", "network", "layer_index"], _axis_label(layers)
    layers = layers.assign(network=networks(layers))
    means = {name: summarise(layers, by=by, value=name, resamples=BAND) for name in columns}
    if len(labels) <= LINES:
        return _lines(means, labels, times, axis)
    return _heat_maps(means, labels, times, axis, columns)


def _axis_label(layers: pd.DataFrame) -> str:
    """The label of an axis of layers; with several networks it says which layers belong to which."""
    index = layers["layer_index"].groupby(networks(layers), sort=False).agg(["min", "max"]).sort_values("min")
    if len(index) == 1:
        return label("layer_index")
    ranges = [f"{name} {low}" + (f" to {high}" if high > low else "") for name, low, high in index.itertuples()]
    return f"layer ({', '.join(ranges)})"


def _lines(means: dict[str, pd.DataFrame], labels: dict[str, str], times: list[str], axis: str) -> Figure:
    """A row of panels for each column and a panel for each time, with names beside the lines of the last one."""
    figure = layout.page(0.6 + 1.9 * len(means))
    panels = figure.subplots(len(means), len(times), sharex=True, sharey="row", squeeze=False)
    shifts = dict(zip(labels, np.linspace(-0.12, 0.12, len(labels)) if len(labels) > 1 else [0], strict=True))
    for row, (column, frame) in zip(panels, means.items(), strict=True):
        for panel, when in zip(row, times, strict=True):
            at_time = frame[(frame["when"] == when) & frame["variant"].isin(labels)]
            for _, network in at_time.groupby(["variant", "network"], sort=False):
                name = network["variant"].iloc[0]  # a thin line joins the layers of one network
                x, ends = network["layer_index"] + shifts[name], network[["mean", "low", "high"]].T
                drawing.estimate(panel, x, ends, shade=style.colour(name), linestyle="-", linewidth=0.9, markersize=3)
            axes.layer_axis(panel, int(frame["layer_index"].max()))
        row[0].set_ylabel(label(column).replace(" (", "\n(").replace(" / ", " /\n"))
        row[0].yaxis.set_major_locator(MaxNLocator(4))
        if "saturation" in column:
            row[0].set_ylim(-0.03, max(0.1, frame["high"].max(), frame["mean"].max()) * 1.08)
    for top, bottom, when in zip(panels[0], panels[-1], times, strict=True):
        top.set_title(when, loc="left")
        bottom.set_xlabel(axis)
    for row, frame in zip(panels, means.values(), strict=True):
        last = frame[frame["when"] == times[-1]].sort_values("layer_index").drop_duplicates("variant", keep="last")
        layout.beside(row[-1], dict(zip(last["variant"], last["mean"], strict=True)), labels)
    return figure


def _heat_maps(
    means: dict[str, pd.DataFrame],
    labels: dict[str, str],
    times: list[str],
    axis: str,
    columns: dict[str, tuple[Normalize, str]],
) -> Figure:
    """Heat maps of variants by layers, one for each column and time, with one colour bar for each column."""
    figure = layout.page(1.2 + 0.2 * len(labels))
    panels = figure.subplots(1, len(columns) * len(times), squeeze=False).reshape(len(columns), len(times))
    for row, (column, (norm, cmap)) in zip(panels, columns.items(), strict=True):
        for panel, when in zip(row, times, strict=True):
            at_time = means[column].query("when == @when")
            values = at_time.pivot_table("mean", "variant", "layer_index", dropna=False).reindex(list(labels))
            _heat_map(panel, values, norm, cmap)
            panel.set_title(when, fontsize=6.5, pad=3)
        mappable = ScalarMappable(norm, cmap)
        bar = figure.colorbar(
            mappable, ax=list(row), location="top", shrink=0.6, aspect=18, pad=0.01, label=label(column)
        )
        _bar_axis(bar.ax, norm)
    panels[0, 0].set_yticks(np.arange(len(labels)) + 0.5, [style.safe(text) for text in labels.values()])
    for tick, name in zip(panels[0, 0].get_yticklabels(), labels, strict=True):
        tick.set(color=style.colour(name), fontsize=7)
    figure.supxlabel(axis, fontsize=6.5)
    for panel in panels.flat:
        cell = layout.size(panel)[0] / panel.get_xlim()[1]
        for text in panel.texts:
            text.set(fontsize=min(6.0, cell * 16), visible=cell >= _CELL)
    return figure


def _heat_map(panel: Axes, values: pd.DataFrame, norm: Normalize, cmap: str) -> None:
    """Draw one heat map, with a number in each cell; cells are grey where no finite value was measured."""
    panel.set_facecolor("#dddddd")
    sns.heatmap(
        values, ax=panel, norm=norm, cmap=cmap, annot=values.map(_cell_text), fmt="", cbar=False,
        linewidths=0.4, linecolor="white", yticklabels=False, xticklabels=True, mask=values.isna(),
    )  # fmt: skip
    panel.set(xlabel="", ylabel="")
    panel.tick_params(labelsize=6.5, length=0, rotation=0)


def _cell_text(value: float) -> str:
    """Two digits without a leading zero, to be narrow: `.12`, `−1.3`, `25`."""
    if not np.isfinite(value):
        return ""
    if abs(value) >= 1000:
        return axes.short(float(f"{value:.0e}"))
    text = f"{value:.2f}" if abs(value) < 0.995 else f"{value:.1f}" if abs(value) < 9.95 else f"{value:.0f}"
    text = text.replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text
    return "0" if text in (".00", "-.00") else text.replace("-", "−")


def _bar_axis(bar: Axes, norm: Normalize) -> None:
    """Set the ticks of a colour bar: of signed values, of shares, or of positive values on a logarithmic scale."""
    axes.ticks(bar.xaxis, {-3.0: (-3, -0.5, 0, 0.5, 3), 0.0: (0, 0.5, 1)}.get(norm.vmin or 0.0, (0.1, 1, 10)))
    bar.tick_params(labelsize=6, length=2)
