"""The figures of a workload on several tracks: table -> Figure, one function each."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from actbench.compare.init_or_rate import EFFECTS
from actbench.figures import axes, layout, style
from actbench.figures.comparison import difference_axis


def tracks(variants: pd.DataFrame) -> Figure:
    """The rank of each variant on the shared track (left) and the tuned one (right); thick if its verdict changes."""
    height = 0.45 + max(0.19 * len(variants), 0.5)
    figure = Figure(figsize=(style.WIDTH, height))
    panel = figure.add_axes((0.3, 0.1 / height, 0.4, 1 - 0.45 / height))
    for row in variants.to_dict("records"):
        name, ends = row["variant"], (row["rank_shared"], row["rank_tuned"])
        changes = row["verdict_shared"] != row["verdict_tuned"] and isinstance(row["verdict_shared"], str)
        panel.plot([0, 1], ends, color=style.colour(name), linewidth=2.4 if changes else 0.9, clip_on=False)
    for x, column, side in ((0, "rank_shared", "right"), (1, "rank_tuned", "left")):
        ordered = variants.sort_values([column, "variant"])
        for y, name, rank in zip(range(1, len(variants) + 1), ordered["variant"], ordered[column], strict=True):
            text = f"{style.safe(name)}  {rank:g}" if side == "right" else f"{rank:g}  {style.safe(name)}"
            panel.text(x + (0.02 if x else -0.02), y, text, ha=side, va="center", fontsize=7, color=style.colour(name))
    panel.set(xlim=(0, 1), ylim=(len(variants) + 0.5, 0.5))
    panel.axis("off")
    figure.text(0.3, 1 - 0.1 / height, "shared", ha="right", va="top", fontweight="bold")
    figure.text(0.7, 1 - 0.1 / height, "tuned", ha="left", va="top", fontweight="bold")
    return figure


def corners(effects: pd.DataFrame, labels: dict[str, str]) -> Figure:
    """The effects of init, learning rate, both and their interaction on each variant's loss, in a panel each."""
    figure, panels = layout.rows(labels, panels=len(EFFECTS))
    place = {name: i for i, name in enumerate(labels)}
    for panel, effect in zip(panels, EFFECTS, strict=True):
        panel.axvline(0, color="#707070", linewidth=0.8, zorder=1)
        for row in effects[effects["effect"] == effect].to_dict("records"):
            y, colour = place[row["variant"]], style.colour(row["variant"])
            face = colour if row["low"] * row["high"] > 0 else "white"
            panel.plot([row["low"], row["high"]], [y, y], color=colour, linewidth=2, alpha=0.6, zorder=3)
            panel.plot([row["mean"]], [y], "o", color=colour, markerfacecolor=face, markersize=4, zorder=4)
        difference_axis(panel, effects, np.nan)
        panel.set_xlabel(f"{effect} (Δ nats)")
    return figure


def relative(tables: dict[str, pd.DataFrame], labels: dict[str, str]) -> Figure:
    """The IQM of each variant and its interval over the reference's, which is the line at 1; a panel for each track."""
    figure, panels = layout.rows(labels, panels=len(tables))
    place = {name: i for i, name in enumerate(labels)}
    bounds = pd.concat(tables.values())[["low", "high"]].to_numpy()
    least, most = min(bounds.min(), 1), max(bounds[np.isfinite(bounds)].max(), 1)
    room = (most / least) ** 0.04
    for panel, (track, table) in zip(panels, tables.items(), strict=True):
        panel.axvline(1, color="#707070", linewidth=0.8, zorder=1)
        for name, iqm, low, high in table[["variant", "iqm", "low", "high"]].itertuples(index=False):
            panel.plot([low, high], [place[name]] * 2, color=style.colour(name), linewidth=2, alpha=0.6, zorder=3)
            panel.plot([iqm], [place[name]], "o", color=style.colour(name), markersize=4, zorder=4)
        panel.set_xlabel(f"loss / that of the tuned reference, {track}")
        if most > 5 * least:
            panel.set_xscale("log")
            axes.log_axis(panel.xaxis, least, most)
        else:
            panel.xaxis.set_major_locator(MaxNLocator(5))
        panel.set_xlim(least / room, most * room)
    return figure
