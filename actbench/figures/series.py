"""A measure along layers or epochs, a panel for each setting of a sweep: lines for few variants, heat maps for many.

Both are drawn from one frame, `measure, setting, when, variant, network, x, mean, low, high`: a line joins the rows of
one measure, setting, time, variant and network.
"""

import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from actbench.compare.intervals import summarise
from actbench.figures import axes, drawing, layout, style
from actbench.tables.schema import label

LINES = 8  # the most variants that share a panel as lines
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "p")
_LINESTYLES = {"at initialisation": "--", "training": ":"}
_NAMES = 1.3  # inches at the left of heat maps
_DENSE = 20  # the most points of a line that are marked one by one


@dataclass(frozen=True)
class Scale:
    """How a measure is drawn.

    Attributes:
        label: Of its axis or its colour bar.
        norm: The colours of a heat map; lines have a logarithmic axis where it is one.
        cmap: The colours' name.
        ticks: Of the colour bar.
    """

    label: str
    norm: Normalize
    cmap: str
    ticks: tuple[float, ...]

    @property
    def extend(self) -> str:
        """The ends of the colour bar beyond which values may lie: none of a share."""
        low, high = self.norm.vmin, self.norm.vmax
        return "neither" if (low, high) == (0, 1) else "max" if low == 0 else "both"

    def is_flat(self, means: pd.Series) -> bool:
        """Whether the means differ by less than 0.02, on a logarithmic scale by less than a tenth."""
        logarithmic = isinstance(self.norm, LogNorm)
        values = means[np.isfinite(means) & ((means > 0) | (not logarithmic))].to_numpy(float)
        return not len(values) or bool(np.ptp(np.log(values)) < 0.1 if logarithmic else np.ptp(values) < 0.02)


def share(column: str) -> Scale:
    """How a column between 0 and 1 is drawn."""
    return Scale(label(column), Normalize(0, 1), "magma_r", (0, 0.5, 1))


def epoch_axis(axis: Axis, last: float) -> None:
    """Whole numbers."""
    axis.set_major_locator(MaxNLocator(integer=True, nbins=4))


def means(rows: pd.DataFrame, labels: dict[str, str], *, value: str) -> pd.DataFrame:
    """The mean of a column at each `when, variant, network, x`, with its interval where lines have room for it."""
    by = ["when", "variant", "network", "x"]
    if len(labels) <= LINES:
        return summarise(rows, by=by, value=value, resamples=drawing.BAND)
    finite = rows[value].where(np.isfinite(rows[value]))
    return finite.groupby([rows[name] for name in by], sort=False).mean().rename("mean").reset_index()


def draw(
    curves: pd.DataFrame,
    labels: dict[str, str],
    scales: dict[str, Scale],
    *,
    x: str,
    ticks: Callable[[Axis, float], None],
) -> Figure | None:
    """The measures of `scales` that are not flat; None where all of them are.

    Args:
        curves: As above.
        labels: The text beside each variant, in their order.
        scales: How each measure is drawn.
        x: The label of the axis.
        ticks: Sets the ticks of that axis up to its last value.
    """
    curves = curves[curves["variant"].isin(labels)]
    told = {
        name: scale
        for name, scale in scales.items()
        if not scale.is_flat(curves.loc[curves["measure"] == name, "mean"])
    }
    if not told:
        return None
    is_few = len(labels) <= LINES
    figure = _lines(curves, labels, told) if is_few else _heat_maps(curves, labels, told)
    for panel in figure.axes:
        if panel.get_label() != "<colorbar>":
            ticks(panel.xaxis, float(curves["x"].max()))
    times = list(curves["when"].unique())
    figure.supxlabel(", ".join([x, *(when for when in times if len(times) == 1 and when in _LINESTYLES)]))
    return figure


def _lines(curves: pd.DataFrame, labels: dict[str, str], scales: dict[str, Scale]) -> Figure:
    """A block of panels for each measure, in it a panel for each setting, all with one axis; a key above them."""
    settings = list(curves["setting"].unique())
    columns = _num_columns(len(settings))
    num_rows = -(-len(settings) // columns)
    figure = layout.page(0.7 + min(1.45 * num_rows * len(scales), 9.8))
    blocks = figure.subplots(num_rows * len(scales), columns, sharex=True, squeeze=False).reshape(len(scales), -1)
    for panels, (name, scale) in zip(blocks, scales.items(), strict=True):
        rows = curves[curves["measure"] == name]
        for place, panel in enumerate(panels[1:], start=1):
            panel.sharey(panels[0])
            panel.tick_params(labelleft=place % columns == 0)
        for panel, setting in zip(panels, settings, strict=False):
            _draw_lines(panel, rows[rows["setting"] == setting], labels)
            layout.entitle(panel, setting, inches=style.WIDTH / columns - 0.4)
        _value_axis(panels[0], rows, scale)
        for panel in panels[::columns]:
            panel.set_ylabel("\n".join(textwrap.wrap(scale.label, 22)), fontsize=6.5)
        for panel in panels[len(settings) :]:
            panel.remove()
        for panel in panels[: len(settings)][-columns:]:  # the lowest of each column
            panel.tick_params(labelbottom=True)
    _key(figure, curves, labels)
    return figure


def _draw_lines(panel: Axes, rows: pd.DataFrame, labels: dict[str, str]) -> None:
    """A line with its intervals for each variant, time and network of one panel."""
    shades, markers = style.shades(labels), dict(zip(labels, _MARKERS, strict=False))
    linestyles = _LINESTYLES if len(rows["when"].unique()) > 1 else {}
    for (name, when, _), curve in rows.groupby(["variant", "when", "network"], sort=False):
        ink, linestyle, marker = shades[str(name)], linestyles.get(str(when), "-"), markers[str(name)]
        is_dense, face = len(curve) > _DENSE, ink if linestyle == "-" else "white"
        interval = panel.fill_between if is_dense else panel.vlines
        interval(curve["x"], curve["low"], curve["high"], color=ink, linewidth=0 if is_dense else 2, alpha=0.3)
        panel.plot(
            curve["x"], curve["mean"], color=ink, linestyle=linestyle, linewidth=1.1, zorder=3,
            marker=None if is_dense else marker, markersize=3, markerfacecolor=face,
        )  # fmt: skip


def _value_axis(panel: Axes, rows: pd.DataFrame, scale: Scale) -> None:
    """Make y logarithmic where the colours are, and a share begin at 0."""
    if isinstance(scale.norm, LogNorm):
        axes.log_y(panel, [rows["mean"]])
        return
    panel.yaxis.set_major_locator(MaxNLocator(4))
    if (scale.norm.vmin, scale.norm.vmax) == (0, 1):
        panel.set_ylim(-0.03, max(0.1, rows["high"].max(), rows["mean"].max()) * 1.08)


def _key(figure: Figure, curves: pd.DataFrame, labels: dict[str, str]) -> None:
    """The colour and marker of each variant, and the times where there are several."""
    shades = style.shades(labels)
    entries: dict[str, dict[str, Any]] = {
        style.safe(text, length=28): {"color": shades[name], "marker": marker, "markersize": 3}
        for (name, text), marker in zip(labels.items(), _MARKERS, strict=False)
    }
    times = list(curves["when"].unique())
    if len(times) > 1:
        entries |= {when: {"linestyle": _LINESTYLES.get(when, "-")} for when in times}
    layout.key(figure, entries)


def _heat_maps(curves: pd.DataFrame, labels: dict[str, str], scales: dict[str, Scale]) -> Figure:
    """Rows of variants, side by side a heat map for each measure, setting and time; a colour bar for each measure.

    A cell is grey where there is no finite mean, or on a logarithmic scale no positive one.
    """
    facets = list(curves[["setting", "when"]].drop_duplicates().itertuples(index=False, name=None))
    figure = layout.page(1.1 + 0.15 * len(labels))
    panels = figure.subplots(1, len(scales) * len(facets), squeeze=False).reshape(len(scales), -1)
    inches, has_times = (style.WIDTH - _NAMES) / panels.size, len({when for _, when in facets}) > 1
    for row, (name, scale) in zip(panels, scales.items(), strict=True):
        of_measure = curves[curves["measure"] == name]
        for panel, (setting, when) in zip(row, facets, strict=True):
            of_facet = of_measure[(of_measure["setting"] == setting) & (of_measure["when"] == when)]
            _heat_map(panel, of_facet.pivot_table("mean", "variant", "x").reindex(list(labels)), scale)
            layout.entitle(panel, ", ".join(filter(None, (setting, when if has_times else ""))), inches=inches)
        mappable = ScalarMappable(scale.norm, scale.cmap)
        bar = figure.colorbar(
            mappable, ax=list(row), location="top", aspect=25, pad=0.01, shrink=0.9, extend=scale.extend
        )
        bar.set_label(scale.label)
        axes.ticks(bar.ax.xaxis, scale.ticks)
        bar.ax.tick_params(labelsize=6)
    layout.name_rows([panels[0, 0]], labels)
    panels[0, 0].set_ylim(len(labels) - 0.5, -0.5)  # as the others
    return figure


def _heat_map(panel: Axes, values: pd.DataFrame, scale: Scale) -> None:
    """One heat map; its columns lie at their places on the axis."""
    panel.set(facecolor="#dddddd", yticks=[])
    panel.grid(visible=False)
    cells = np.ma.masked_invalid(values.to_numpy(float))
    low, high = (float(values.columns[i]) for i in (0, -1)) if values.size else (0.0, 0.0)
    step = (high - low) / max(values.shape[1] - 1, 1) or 1.0
    extent = (low - step / 2, high + step / 2, len(values) - 0.5, -0.5)
    panel.imshow(cells, norm=scale.norm, cmap=scale.cmap, aspect="auto", interpolation="nearest", extent=extent)


def _num_columns(count: int) -> int:
    """The number of panels side by side that leaves few gaps below."""
    return count if count <= 3 else 4 if count in (4, 7, 8) or count > 9 else 3
