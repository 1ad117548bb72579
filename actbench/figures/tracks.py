"""The figures of a workload on several tracks: table -> Figure, one function each."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from actbench.compare.init_or_rate import EFFECTS
from actbench.figures import axes, drawing, layout, style
from actbench.figures.comparison import difference_axis


def tracks(variants: pd.DataFrame) -> Figure:
    """The rank of each variant on the shared track (left) and the tuned one (right); thick if its verdict changes."""
    figure = layout.page(0.45 + max(0.19 * len(variants), 0.5))
    panel = figure.add_subplot()
    for row in variants.to_dict("records"):
        name, ends = row["variant"], (row["rank_shared"], row["rank_tuned"])
        changes = row["verdict_shared"] != row["verdict_tuned"] and isinstance(row["verdict_shared"], str)
        panel.plot([0, 1], ends, color=style.colour(name), linewidth=2.4 if changes else 0.9, clip_on=False)
    for x, column, side in ((0, "rank_shared", "right"), (1, "rank_tuned", "left")):
        ordered = variants.sort_values([column, "variant"])
        for y, name, rank in zip(range(1, len(variants) + 1), ordered["variant"], ordered[column], strict=True):
            text = f"{style.safe(name)}  {rank:g}" if side == "right" else f"{rank:g}  {style.safe(name)}"
            panel.text(x + (0.02 if x else -0.02), y, text, ha=side, va="center", fontsize=7, color=style.colour(name))
        panel.text(x, -0.3, "tuned" if x else "shared", ha=side, va="center", fontweight="bold")
    panel.set(xlim=(-0.75, 1.75), ylim=(len(variants) + 0.5, -0.8))  # names stand in the outer thirds
    panel.axis("off")
    return figure


def corners(effects: pd.DataFrame, labels: dict[str, str], *, change: str) -> Figure:
    """The effects of init, learning rate, both and their interaction on each variant, in a panel each.

    `change` is the unit of an effect.
    """
    figure, panels = layout.rows(labels, panels=len(EFFECTS))
    effects = effects.assign(filled=effects["low"] * effects["high"] > 0)
    for panel, effect in zip(panels, EFFECTS, strict=True):
        panel.axvline(0, color="#707070", linewidth=0.8, zorder=1)
        drawing.estimates(panel, effects[effects["effect"] == effect], labels)
        difference_axis(panel, effects, np.nan)
        panel.set_xlabel(f"{effect} ({change})")
    return figure


def relative(tables: dict[str, pd.DataFrame], labels: dict[str, str]) -> Figure:
    """The IQM of each variant and its interval over the reference's, which is the line at 1; a panel for each track."""
    figure, panels = layout.rows(labels, panels=len(tables))
    bounds = pd.concat(tables.values())[["low", "high"]].to_numpy()
    least, most = min(bounds.min(), 1), max(bounds[np.isfinite(bounds)].max(), 1)
    room = (most / least) ** 0.04
    for panel, (track, table) in zip(panels, tables.items(), strict=True):
        panel.axvline(1, color="#707070", linewidth=0.8, zorder=1)
        drawing.estimates(panel, table.assign(mean=table["iqm"]), labels)
        panel.set_xlabel(f"error / that of the tuned reference, {track}")
        if most > 5 * least:
            panel.set_xscale("log")
            axes.log_axis(panel.xaxis, least, most)
        else:
            panel.xaxis.set_major_locator(MaxNLocator(5))
        panel.set_xlim(least / room, most * room)
    return figure
