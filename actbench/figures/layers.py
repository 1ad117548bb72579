"""Measures by layer, at initialisation and at the end: lines for a few variants, heat maps for many."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from actbench.compare.intervals import summarise
from actbench.compare.layers import ends, networks
from actbench.figures import axes, layout, style
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
    left, bottom, top, panel_height, gap = 0.72, 0.45, 0.25, 1.6, 0.3
    right = 0.25 + 0.068 * max(len(style.safe(text, length=layout.BESIDE)) for text in labels.values())
    height = bottom + top + len(means) * (panel_height + gap) - gap
    figure = Figure(figsize=(style.WIDTH, height))
    width = (style.WIDTH - left - right - 0.15 * (len(times) - 1)) / len(times)
    for row, (column, frame) in enumerate(means.items()):
        first: Axes | None = None
        for i, when in enumerate(times):
            y = height - top - panel_height - row * (panel_height + gap)
            box = ((left + i * (width + 0.15)) / style.WIDTH, y / height, width / style.WIDTH, panel_height / height)
            panel = figure.add_axes(box, sharey=first)
            at_time = frame[frame["when"] == when]
            for shift, name in zip(np.linspace(-0.12, 0.12, len(labels)), labels, strict=True):
                for _, network in at_time[at_time["variant"] == name].groupby("network", sort=False):
                    _points(panel, network, variant=name, shift=shift if len(labels) > 1 else 0)
            axes.layer_axis(panel, int(frame["layer_index"].max()))
            panel.tick_params(labelleft=i == 0, labelbottom=row == len(means) - 1)
            first = first or panel
            if row == 0:
                panel.set_title(when, loc="left")
            if row == len(means) - 1:
                panel.set_xlabel(axis)
        assert first is not None
        text = label(column).replace(" (", "\n(").replace(" / ", " /\n")
        middle = (y + panel_height / 2) / height
        figure.text(0.05 / style.WIDTH, middle, text, rotation=90, ha="left", va="center", multialignment="center")
        first.yaxis.set_major_locator(MaxNLocator(4))
        if "saturation" in column:
            first.set_ylim(-0.03, max(0.1, frame["high"].max(), frame["mean"].max()) * 1.08)
        last = at_time.sort_values("layer_index").drop_duplicates("variant", keep="last")
        layout.beside(panel, dict(zip(last["variant"], last["mean"], strict=True)), labels)
    return figure


def _points(panel: Axes, means: pd.DataFrame, *, variant: str, shift: float) -> None:
    """Draw the mean and interval at each layer, shifted beside other variants' and joined by a thin line."""
    x, colour = means["layer_index"] + shift, style.colour(variant)
    panel.plot(x, means["mean"], "o-", color=colour, linewidth=0.9, markersize=3, zorder=3)
    panel.vlines(x, means["low"], means["high"], color=colour, linewidth=1.6, alpha=0.6, zorder=2)


def _heat_maps(
    means: dict[str, pd.DataFrame],
    labels: dict[str, str],
    times: list[str],
    axis: str,
    columns: dict[str, tuple[Normalize, str]],
) -> Figure:
    """Heat maps of variants by layers, one for each column and time, with one colour bar for each column."""
    left, bottom, top, gap, column_gap = layout.label_width(labels), 0.95, 0.45, 0.06, 0.2
    height = bottom + top + 0.2 * len(labels)
    figure = Figure(figsize=(style.WIDTH, height))
    count = len(columns) * len(times)
    panel_width = (style.WIDTH - left - 0.12 - column_gap * (len(columns) - 1) - gap * (count - len(columns))) / count
    x = left
    for column, (norm, cmap) in columns.items():
        start = x
        for when in times:
            box = (x / style.WIDTH, bottom / height, panel_width / style.WIDTH, 1 - (bottom + top) / height)
            panel = figure.add_axes(box)
            at_time = means[column].query("when == @when")
            values = at_time.pivot_table("mean", "variant", "layer_index", dropna=False).reindex(list(labels))
            _heat_map(panel, values, norm, cmap)
            panel.set_title(when, fontsize=6.5, pad=3)
            if x == left:
                panel.set_yticks(np.arange(len(labels)) + 0.5, [style.safe(text) for text in labels.values()])
                for tick, name in zip(panel.get_yticklabels(), labels, strict=True):
                    tick.set(color=style.colour(name), fontsize=7)
            x += panel_width + gap
        middle, x = (start + x - gap) / 2, x - gap + column_gap
        figure.text(middle / style.WIDTH, 1 - 0.05 / height, label(column), ha="center", va="top", fontsize=7.5)
        width = min(1.8, x - column_gap - start)
        bar = figure.add_axes(((middle - width / 2) / style.WIDTH, 0.3 / height, width / style.WIDTH, 0.1 / height))
        _colour_bar(bar, norm, cmap)
        figure.text(middle / style.WIDTH, 0.52 / height, axis, ha="center", fontsize=6.5)
    return figure


def _heat_map(panel: Axes, values: pd.DataFrame, norm: Normalize, cmap: str) -> None:
    """Draw one heat map; cells hold their numbers if these fit, and are grey where no finite value was measured."""
    width = panel.get_position().width * style.WIDTH / max(1, values.shape[1])
    texts = values.map(_cell_text) if width >= _CELL else False
    panel.set_facecolor("#dddddd")
    size = min(6.0, width * 16)
    sns.heatmap(
        values, ax=panel, norm=norm, cmap=cmap, annot=texts, fmt="", cbar=False, annot_kws={"size": size},
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


def _colour_bar(bar: Axes, norm: Normalize, cmap: str) -> None:
    bar.figure.colorbar(ScalarMappable(norm, cmap), cax=bar, orientation="horizontal")
    assert norm.vmin is not None
    ticks = {-3: [-3, -0.5, 0, 0.5, 3], 0: [0, 0.5, 1]}.get(int(norm.vmin) if norm.vmin in (-3, 0) else 1)
    bar.xaxis.set_major_locator(FixedLocator(ticks or [0.1, 1, 10]))
    bar.xaxis.set_minor_locator(NullLocator())
    bar.xaxis.set_major_formatter(lambda value, _: axes.short(value))
    bar.tick_params(labelsize=6, length=2)
