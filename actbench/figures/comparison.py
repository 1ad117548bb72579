"""The figures of a paired comparison: table -> Figure, one function each.

`labels` maps the variants, in their order in the figure, to the text beside them, as in `training`.
"""

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import SymLogNorm, to_rgba
from matplotlib.figure import Figure

from actbench.compare.correlations import PROPERTIES
from actbench.compare.significance import ALPHA
from actbench.figures import axes, drawing, layout, style
from actbench.figures.differences import zero
from actbench.tables.schema import label

DETAILED = 12  # the most variants whose cells in the matrix have room for mean, wins and p


def rank_intervals(ranks: dict[str, pd.DataFrame], labels: dict[str, str]) -> Figure:
    """The rank of every variant with its interval, in a panel for each setting: a long bar is an uncertain rank."""
    figure, panels = layout.rows(labels, panels=len(ranks))
    for panel, (setting, table) in zip(panels, ranks.items(), strict=True):
        drawing.estimates(panel, table.assign(mean=table["rank"]), labels)
        panel.set_xlim(0.5, len(labels) + 0.5)
        axes.ticks(panel.xaxis, [1, *range(5, len(labels) + 1, 5)] if len(labels) > 8 else range(1, len(labels) + 1))
        layout.entitle(panel, setting, inches=6 / len(ranks))
    figure.supxlabel("rank of the mean (1 is best)")
    return figure


def matrix(pairs: pd.DataFrame, labels: dict[str, str]) -> Figure:
    """Each variant (row) against each other (column), coloured by the mean difference where the two differ.

    Up to `DETAILED` variants a cell says the mean difference; seeds won, tied and lost; p.
    """
    figure = layout.page(1 + min(6.4, 0.62 * len(labels)))
    panel = figure.add_subplot(anchor="NW")
    _matrix_axes(panel, labels)
    place = {name: i for i, name in enumerate(labels)}
    both_ways = pd.concat([pairs, _swapped(pairs)], ignore_index=True)
    rows = both_ways[both_ways["a"].isin(place) & both_ways["b"].isin(place)]
    cells = np.full((len(labels), len(labels), 4), 1.0)
    cells[np.diag_indices(len(labels))] = to_rgba("#e0e0e0")
    differing = rows[rows["p_bh"] < ALPHA]
    shades = mpl.colormaps["RdBu_r"](_colour_norm(rows["mean"])(differing["mean"].to_numpy(float)))
    cells[differing["a"].map(place), differing["b"].map(place)] = shades
    panel.imshow(cells, interpolation="nearest")
    if len(labels) <= DETAILED:
        fontsize = min(6.2, min(layout.size(panel)) / len(labels) * 10.2)
        for row in rows.to_dict("records"):
            y, x = place[row["a"]], place[row["b"]]
            ink = _ink(cells[y, x]) if row["p_bh"] < ALPHA else "#808080"
            panel.text(x, y, _cell_text(row), ha="center", va="center", fontsize=fontsize, color=ink, linespacing=1.15)
    return figure


def diagnostics(tables: dict[str, pd.DataFrame]) -> Figure:
    """Spearman's ρ of each diagnostic with what each table is about (`the loss`): a panel for each and each time."""
    names = {name: _diagnostic(name) for table in tables.values() for name in map(str, table["measure"].unique())}
    return _correlations(
        {
            f"with {value}, {when}": rows
            for value, table in tables.items()
            for when, rows in table.groupby("when", sort=False)
        },
        names,
    )


def _diagnostic(name: str) -> str:
    return "|output mean|" if name == "out_mean" else label(name)


def properties(table: pd.DataFrame) -> Figure:
    """Spearman's ρ of each property of the function with loss and accuracy, in a panel each."""
    names = {name: text for name, text in PROPERTIES.items() if name in set(table["measure"])}
    by_value = {str(value).replace("_", " "): rows for value, rows in table.groupby("value", sort=False)}
    return _correlations({f"with the {value}": rows for value, rows in by_value.items()}, names)


def _correlations(tables: dict[str, pd.DataFrame], names: dict[str, str]) -> Figure:
    """A row for each measure and a panel for each table; markers are filled where the BH-adjusted p is below .05."""
    figure, panels = layout.rows(names, panels=len(tables), length=60, emphasis=layout.plain)
    for panel, (title, table) in zip(panels, tables.items(), strict=True):
        zero(panel)
        rows = table.assign(variant=table["measure"], mean=table["rho"], filled=table["p_bh"] < ALPHA)
        drawing.estimates(panel, rows, names, shade=_in_ink)
        panel.set_xlim(-1.02, 1.02)
        axes.ticks(panel.xaxis, [-1, -0.5, 0, 0.5, 1])
        layout.entitle(panel, title, inches=5 / len(tables))
    figure.supxlabel("Spearman's ρ")
    return figure


def _in_ink(measure: str) -> str:
    """The colour of a measure: measures have none of their own."""
    return style.INK


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
            tick.set_fontweight(style.weight(name))
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
