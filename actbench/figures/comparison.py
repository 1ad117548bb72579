"""The figures of a paired comparison: table -> Figure, one function each.

`labels` maps the variants, in their order in the figure, to the text beside them, as in `training`.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import SymLogNorm, to_rgba
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from seaborn import color_palette

from actbench.compare.correlations import PROPERTIES
from actbench.compare.errors import MARGIN
from actbench.compare.significance import ALPHA
from actbench.figures import axes, drawing, layout, style
from actbench.tables.schema import label

DETAILED = 12  # the most variants whose cells in the matrix have room for mean, wins and p


def forest(tables: dict[str, pd.DataFrame], labels: dict[str, str]) -> Figure:
    """Relative changes in percent with their intervals: a row for each variant, a panel for each table.

    `tables` maps the label of each axis to a table of `paired.compare`. The margin is grey.
    """
    figure, panels = layout.rows(labels, panels=len(tables))
    band = 100 * (MARGIN - 1)
    for panel, (title, table) in zip(panels, tables.items(), strict=True):
        panel.axvspan(-band, band, color="#e6e6e6", linewidth=0, zorder=0)
        panel.axvline(0, color="#707070", linewidth=0.8, zorder=1)
        is_decided = table["verdict"].isin(["better", "worse"])
        marker = np.where(table["verdict"] == "equivalent", "s", "o")
        rows = table[["variant"]].assign(filled=is_decided, marker=marker, mean=100 * table["change"])
        rows = rows.assign(low=100 * table["low"], high=100 * table["high"])
        drawing.estimates(panel, rows, labels, missing="a value is not finite")
        difference_axis(panel, rows, band)
        panel.set_xlabel(title)
    return figure


def rank_intervals(ranks: pd.DataFrame, labels: dict[str, str]) -> Figure:
    """The rank of every variant with its interval; a bar across many ranks means that the rank is uncertain."""
    figure, (panel,) = layout.rows(labels, panels=1)
    drawing.estimates(panel, ranks.assign(mean=ranks["rank"]), labels)
    panel.set_xlim(0.5, len(ranks) + 0.5)
    panel.xaxis.set_major_locator(MaxNLocator(nbins=12, integer=True, min_n_ticks=1))
    panel.set_xlabel("rank of the mean (1 is best)")
    return figure


def profiles(table: pd.DataFrame, labels: dict[str, str]) -> Figure:
    """The share of seeds within τ of the best: a panel for each variant, the others in grey."""
    figure, panels = layout.multiples(labels, x="τ (steps / the fewest steps)", y="share of seeds")
    curves = {str(name): frame.rename(columns={"share": "mean"}) for name, frame in table.groupby("variant")}
    others = drawing.grey({name: curves[name] for name in labels}, x="tau")
    for name, panel in panels.items():
        panel.add_collection(others())
        drawing.line(panel, curves[name], x="tau", variant=name)
    panel = next(iter(panels.values()))
    panel.set(xlim=(0.95, 4.05), ylim=(-0.04, 1.04))
    axes.ticks(panel.xaxis, [1, 2, 3, 4])
    axes.ticks(panel.yaxis, [0, 0.5, 1])
    return figure


def matrix(pairs: pd.DataFrame, labels: dict[str, str]) -> Figure:
    """Each variant (row) against each other (column): mean difference; seeds won, tied and lost; p.

    With more than `DETAILED` variants a cell has room for the number of seeds won only.
    """
    figure = layout.page(1 + min(6.4, 0.62 * len(labels)))
    panel = figure.add_subplot(anchor="NW")
    _matrix_axes(panel, labels)
    cell_size = min(layout.size(panel)) / len(labels)
    place = {name: i for i, name in enumerate(labels)}
    both_ways = pd.concat([pairs, _swapped(pairs)], ignore_index=True)
    rows = both_ways[both_ways["a"].isin(place) & both_ways["b"].isin(place)]
    norm, shades = _colour_norm(rows["mean"]), color_palette("vlag", as_cmap=True)
    cells = np.full((len(labels), len(labels), 4), 1.0)
    cells[np.diag_indices(len(labels))] = to_rgba("#f0f0f0")
    is_detailed = len(labels) <= DETAILED
    fontsize = min(6.2, cell_size * 10.2) if is_detailed else min(6.0, cell_size * 30)
    for row in rows.to_dict("records"):
        y, x, ink = place[row["a"]], place[row["b"]], "#808080"
        if row["p_bh"] < ALPHA:
            cells[y, x] = shades(norm(row["mean"]))
            ink = _ink(cells[y, x])
        text = _cell_text(row) if is_detailed else str(int(row["wins"]))
        panel.text(x, y, text, ha="center", va="center", fontsize=fontsize, color=ink, linespacing=1.15)
    panel.imshow(cells, interpolation="nearest")
    return figure


def diagnostics(table: pd.DataFrame, *, value: str) -> Figure:
    """Spearman's ρ of each diagnostic with `value`, as the label names it (loss or accuracy): a panel for each time."""
    names = {str(n): "gradient gain λ" if n == "gain" else label(str(n)) for n in table["measure"].unique()}
    names = {name: text.replace("output mean", "|output mean|") for name, text in names.items()}
    return _correlations({f"with the {value}, {when}": rows for when, rows in table.groupby("when", sort=False)}, names)


def properties(table: pd.DataFrame) -> Figure:
    """Spearman's ρ of each property of the function with loss and accuracy, in a panel each."""
    names = {name: text for name, text in PROPERTIES.items() if name in set(table["measure"])}
    by_value = {str(value).replace("_", " "): rows for value, rows in table.groupby("value", sort=False)}
    return _correlations({f"with the {value}": rows for value, rows in by_value.items()}, names)


def _correlations(tables: dict[str, pd.DataFrame], names: dict[str, str]) -> Figure:
    """A row for each measure and a panel for each table; markers are filled where the BH-adjusted p is below .05."""
    figure, panels = layout.rows(names, panels=len(tables), shade=_in_ink)
    for panel, (title, table) in zip(panels, tables.items(), strict=True):
        panel.axvline(0, color="#707070", linewidth=0.8, zorder=1)
        rows = table.assign(variant=table["measure"], mean=table["rho"], filled=table["p_bh"] < ALPHA)
        drawing.estimates(panel, rows, names, shade=_in_ink)
        panel.set_xlim(-1.02, 1.02)
        axes.ticks(panel.xaxis, [-1, -0.5, 0, 0.5, 1])
        panel.set_xlabel(f"Spearman's ρ {title}")
    return figure


def _in_ink(measure: str) -> str:
    """The colour of a measure: measures have none of their own."""
    return style.INK


def difference_axis(panel: Axes, table: pd.DataFrame, margin: float) -> None:
    """Make x linear, or beyond some value logarithmic if the largest difference far exceeds margin and median."""
    sizes = table[["low", "mean", "high"]].abs().to_numpy()
    sizes = sizes[np.isfinite(sizes) & (sizes > 0)]
    most = float(sizes.max()) if len(sizes) else 1.0
    linear = max(margin if np.isfinite(margin) else 0.0, float(np.median(sizes)) / 2 if len(sizes) else 0.0)
    is_linear = not linear or most <= 15 * linear
    low, high = np.nanmin(table["low"], initial=0), np.nanmax(table["high"], initial=0)
    room, least = (1.1, 0.05 * most) if is_linear else (1.6, 0.5 * linear)
    if is_linear:
        panel.xaxis.set_major_locator(MaxNLocator(5))
        panel.xaxis.set_major_formatter(lambda value, _: axes.short(round(value, 9)))
    else:
        panel.set_xscale("symlog", linthresh=linear, linscale=0.8)
    panel.set_xlim(min(low * room, -least), max(high * room, least))
    if not is_linear:
        ticks = 10.0 ** np.arange(np.ceil(np.log10(0.4 * linear)), np.ceil(np.log10(most)) + 1)
        places = panel.transAxes.inverted().transform(panel.transData.transform([(t, 0) for t in (0, *ticks)]))[:, 0]
        ticks = ticks[places[1:] - places[0] > 0.08]  # with room for a label beside that of 0
        axes.ticks(panel.xaxis, [*-ticks[::-1], 0, *ticks])


def _matrix_axes(panel: Axes, labels: dict[str, str]) -> None:
    count = len(labels)
    panel.set(xlim=(-0.5, count - 0.5), ylim=(count - 0.5, -0.5), aspect="equal")
    panel.grid(False)
    panel.set_xticks(range(count), [style.safe(text) for text in labels.values()], rotation=90, fontsize=6.5)
    panel.set_yticks(range(count), [style.safe(text) for text in labels.values()], fontsize=6.5)
    panel.xaxis.tick_top()
    panel.tick_params(length=0)
    for axis in (panel.get_xticklabels(), panel.get_yticklabels()):
        for tick, name in zip(axis, labels, strict=True):
            tick.set_color(style.colour(name))
    lines = np.arange(-0.5, count, 1)
    panel.hlines(lines, -0.5, count - 0.5, color="white", linewidth=0.6)
    panel.vlines(lines, -0.5, count - 0.5, color="white", linewidth=0.6)


def _colour_norm(means: pd.Series) -> SymLogNorm:
    """The colour scale of differences: linear over the tenth of them that is smallest, logarithmic beyond."""
    sizes = means.abs().replace(0, np.nan).dropna()
    most = float(sizes.max()) if len(sizes) else 1.0
    return SymLogNorm(float(sizes.quantile(0.1)) if len(sizes) else 1.0, vmin=-most, vmax=most)


def _swapped(pairs: pd.DataFrame) -> pd.DataFrame:
    """The same pairs, seen from the other variant."""
    names = {"a": "b", "b": "a", "wins": "losses", "losses": "wins"}
    return pairs.rename(columns=names).assign(mean=0.0 - pairs["mean"])


def _cell_text(row: dict) -> str:
    """Three lines: `−0.026`, `9/0/1`, `p .004*`."""
    mean = "not finite" if np.isnan(row["mean"]) else f"{row['mean']:.2g}".replace("-", "−")
    p = "" if np.isnan(row["p"]) else "p <.001" if row["p"] < 0.001 else f"p {row['p']:.3f}".replace("0.", ".", 1)
    mark = "*" if row["p_bh"] < ALPHA else ""
    return f"{mean}\n{row['wins']}/{row['ties']}/{row['losses']}\n{p}{mark}"


def _ink(shade: np.ndarray) -> str:
    """The colour of text that is legible on a shade."""
    return "white" if 0.3 * shade[0] + 0.59 * shade[1] + 0.11 * shade[2] < 0.5 else "#202020"
