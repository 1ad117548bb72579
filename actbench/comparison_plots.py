"""The figures of a paired comparison: table -> Figure, one function each.

`labels` maps the variants to what is written at them, in the order in which they are shown, as in `plots`.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import SymLogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator, SymmetricalLogLocator
from seaborn import color_palette

from actbench import canvas
from actbench.paired import ALPHA
from actbench.tables import label

DETAILED = 12  # so many variants have room for mean, wins and p in a cell of the matrix
_FACES = {"better": "full", "worse": "full", "equivalent": "none", "inconclusive": "none"}
_SHAPES = {"better": "o", "worse": "o", "equivalent": "s", "inconclusive": "o"}


def forest(tables: dict[str, tuple[pd.DataFrame, float]], labels: dict[str, str]) -> Figure:
    """Paired differences with their intervals, a row for each variant, a panel for each column with its margin.

    `tables` holds what `paired.compare` gave and the margin (nan for none) by the label of the axis.
    """
    figure, panels = canvas.rows(labels, panels=len(tables))
    place = {name: i for i, name in enumerate(labels)}
    for panel, (words, (table, margin)) in zip(panels, tables.items(), strict=True):
        if np.isfinite(margin):
            panel.axvspan(-margin, margin, color="#e6e6e6", linewidth=0, zorder=0)
        panel.axvline(0, color="#707070", linewidth=0.8, zorder=1)
        for row in table.to_dict("records"):
            name, colour = row["variant"], canvas.colour(row["variant"])
            if name not in place:
                continue
            if np.isnan(row["mean"]):
                words_at = {"transform": panel.get_yaxis_transform(), "va": "center", "fontsize": 6}
                panel.text(0.02, place[name], "a value is not finite", **words_at)
                continue
            panel.plot([row["low"], row["high"]], [place[name]] * 2, color=colour, linewidth=2, alpha=0.6, zorder=3)
            face = colour if _FACES[row["verdict"]] == "full" else "white"
            shape = _SHAPES[row["verdict"]]
            panel.plot([row["mean"]], [place[name]], shape, color=colour, markerfacecolor=face, markersize=4, zorder=4)
        _difference_axis(panel, table, margin)
        panel.set_xlabel(words)
    return figure


def rank_intervals(ranks: pd.DataFrame, labels: dict[str, str]) -> Figure:
    """The rank of every variant with its interval; a bar that spans many ranks is a rank that is not known."""
    figure, (panel,) = canvas.rows(labels, panels=1)
    place = {name: i for i, name in enumerate(labels)}
    for name, rank, low, high in ranks[["variant", "rank", "low", "high"]].itertuples(index=False):
        if name in place:
            colour = canvas.colour(name)
            panel.plot([low, high], [place[name]] * 2, color=colour, linewidth=3, alpha=0.5, zorder=3)
            panel.plot([rank], [place[name]], "o", color=colour, markersize=3.6, zorder=4)
    panel.set_xlim(0.5, len(ranks) + 0.5)
    panel.xaxis.set_major_locator(MaxNLocator(nbins=12, integer=True, min_n_ticks=1))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.set_xlabel("rank of the mean (1 is best)")
    return figure


def matrix(pairs: pd.DataFrame, labels: dict[str, str]) -> Figure:
    """Each variant (row) against each other (column): mean difference, seeds won, tied and lost, p; BH-marked.

    Beyond `DETAILED` variants a cell has room for the number of seeds won only.
    """
    names, detailed = list(labels), len(labels) <= DETAILED
    left, top, bottom = canvas.label_width(labels), canvas.label_width(labels) * 0.85, 0.1
    side = min((canvas.WIDTH - left - 0.1) / len(names), 0.62)
    height = top + bottom + side * len(names)
    figure = Figure(figsize=(canvas.WIDTH, height))
    box = (left / canvas.WIDTH, bottom / height, side * len(names) / canvas.WIDTH, 1 - (top + bottom) / height)
    panel = figure.add_axes(box)
    both = pd.concat([pairs, _turned(pairs)], ignore_index=True)
    place = {name: i for i, name in enumerate(names)}
    shown = both[both["a"].isin(names) & both["b"].isin(names)]
    least = float(shown["mean"].abs().replace(0, np.nan).quantile(0.1)) if len(shown) else np.nan
    most = float(shown["mean"].abs().max())
    norm = SymLogNorm(least if least > 0 else 1, vmin=-most, vmax=most) if most > 0 else None
    shades = color_palette("vlag", as_cmap=True)
    for row in shown.to_dict("records"):
        y, x, marked = place[row["a"]], place[row["b"]], row["p_bh"] < ALPHA
        if marked and norm is not None:
            panel.fill_between([x - 0.5, x + 0.5], y - 0.5, y + 0.5, color=shades(norm(row["mean"])), linewidth=0)
        shade = _ink(shades(norm(row["mean"]))) if marked and norm is not None else "#808080"
        text = _cell(row) if detailed else str(int(row["wins"]))
        size = min(6.2, side * 10.2) if detailed else min(6.0, side * 30)
        panel.text(x, y, text, ha="center", va="center", fontsize=size, color=shade, linespacing=1.15)
    _matrix_axes(panel, labels)
    return figure


def relations(table: pd.DataFrame) -> Figure:
    """Spearman's ρ of each diagnostic with the loss, a panel for each time; filled where BH-adjusted p < .05."""
    names = {str(n): "gradient gain λ" if n == "gain" else label(str(n)) for n in table["measure"].unique()}
    names = {name: words.replace("output mean", "|output mean|") for name, words in names.items()}
    whens = list(table["when"].unique())
    figure, panels = canvas.rows(names, panels=len(whens))
    for tick in panels[0].get_yticklabels():
        tick.set_color(canvas.INK)
    place = {name: i for i, name in enumerate(names)}
    for panel, when in zip(panels, whens, strict=True):
        panel.axvline(0, color="#707070", linewidth=0.8, zorder=1)
        for row in table[table["when"] == when].to_dict("records"):
            y, face = place[row["measure"]], canvas.INK if row["p_bh"] < ALPHA else "white"
            panel.plot([row["low"], row["high"]], [y, y], color=canvas.INK, linewidth=1.6, alpha=0.5, zorder=3)
            panel.plot([row["rho"]], [y], "o", color=canvas.INK, markerfacecolor=face, markersize=4, zorder=4)
        panel.set_xlim(-1.02, 1.02)
        panel.xaxis.set_major_locator(FixedLocator([-1, -0.5, 0, 0.5, 1]))
        panel.xaxis.set_major_formatter(lambda value, _: canvas.short(value))
        panel.set_xlabel(f"Spearman's ρ with the loss, {when}")
    return figure


def tracks(variants: pd.DataFrame) -> Figure:
    """The rank of each variant on the shared (left) and the tuned track (right); thick where the verdict changes."""
    height = 0.45 + max(0.19 * len(variants), 0.5)
    figure = Figure(figsize=(canvas.WIDTH, height))
    panel = figure.add_axes((0.3, 0.1 / height, 0.4, 1 - 0.45 / height))
    for row in variants.to_dict("records"):
        name, ends = row["variant"], (row["rank_shared"], row["rank_tuned"])
        changes = row["verdict_shared"] != row["verdict_tuned"] and isinstance(row["verdict_shared"], str)
        panel.plot([0, 1], ends, color=canvas.colour(name), linewidth=2.4 if changes else 0.9, clip_on=False)
    for x, column, side in ((0, "rank_shared", "right"), (1, "rank_tuned", "left")):
        ordered = variants.sort_values([column, "variant"])
        for y, name, rank in zip(range(1, len(variants) + 1), ordered["variant"], ordered[column], strict=True):
            text = f"{canvas.safe(name)}  {rank:g}" if side == "right" else f"{rank:g}  {canvas.safe(name)}"
            panel.text(x + (0.02 if x else -0.02), y, text, ha=side, va="center", fontsize=7, color=canvas.colour(name))
    panel.set(xlim=(0, 1), ylim=(len(variants) + 0.5, 0.5))
    panel.axis("off")
    for x, words in ((0.3, "shared"), (0.7, "tuned")):
        figure.text(x, 1 - 0.1 / height, words, ha="right" if x < 0.5 else "left", va="top", fontweight="bold")
    return figure


def _difference_axis(panel: Axes, table: pd.DataFrame, margin: float) -> None:
    """Symmetric logarithmic where differences span more than a factor of 30, linear around the margin."""
    sizes = table[["low", "mean", "high"]].abs().to_numpy()
    sizes = sizes[np.isfinite(sizes) & (sizes > 0)]
    most = float(sizes.max()) if len(sizes) else 1.0
    linear = max(margin if np.isfinite(margin) else 0.0, float(np.median(sizes)) / 2 if len(sizes) else 0.0)
    if linear and most > 15 * linear:
        panel.set_xscale("symlog", linthresh=linear, linscale=0.8)
        panel.xaxis.set_major_locator(SymmetricalLogLocator(base=10, linthresh=linear))
        ticks = 10.0 ** np.arange(np.ceil(np.log10(linear)), np.ceil(np.log10(most)) + 1)
        panel.xaxis.set_major_locator(FixedLocator([*-ticks[::-1], 0, *ticks]))
    else:
        panel.xaxis.set_major_locator(MaxNLocator(5))
    low, high = np.nanmin(table["low"], initial=0), np.nanmax(table["high"], initial=0)
    panel.set_xlim(min(low * 1.1, -0.05 * most), max(high * 1.1, 0.05 * most))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.xaxis.set_major_formatter(lambda value, _: canvas.short(round(value, 9)))


def _matrix_axes(panel: Axes, labels: dict[str, str]) -> None:
    count = len(labels)
    panel.set(xlim=(-0.5, count - 0.5), ylim=(count - 0.5, -0.5))
    panel.grid(False)
    panel.set_xticks(range(count), [canvas.safe(text) for text in labels.values()], rotation=90, fontsize=6.5)
    panel.set_yticks(range(count), [canvas.safe(text) for text in labels.values()], fontsize=6.5)
    panel.xaxis.tick_top()
    panel.tick_params(length=0)
    for axis in (panel.get_xticklabels(), panel.get_yticklabels()):
        for tick, name in zip(axis, labels, strict=True):
            tick.set_color(canvas.colour(name))
    lines = np.arange(-0.5, count, 1)
    panel.hlines(lines, -0.5, count - 0.5, color="white", linewidth=0.6)
    panel.vlines(lines, -0.5, count - 0.5, color="white", linewidth=0.6)
    for i in range(count):
        panel.fill_between([i - 0.5, i + 0.5], i - 0.5, i + 0.5, color="#f0f0f0", linewidth=0)


def _turned(pairs: pd.DataFrame) -> pd.DataFrame:
    names = {"a": "b", "b": "a", "wins": "losses", "losses": "wins"}
    return pairs.rename(columns=names).assign(mean=-pairs["mean"])


def _cell(row: dict) -> str:
    """Three lines: `−0.026`, `9/0/1`, `p .004*`."""
    mean = "not finite" if np.isnan(row["mean"]) else f"{row['mean']:.2g}".replace("-", "−")
    p = "" if np.isnan(row["p"]) else f"p {row['p']:.3f}".replace("0.", ".", 1)
    return f"{mean}\n{row['wins']}/{row['ties']}/{row['losses']}\n{p}{'*' if row['p_bh'] < ALPHA else ''}"


def _ink(shade: tuple[float, ...]) -> str:
    return "white" if 0.3 * shade[0] + 0.59 * shade[1] + 0.11 * shade[2] < 0.5 else "#202020"
