"""The figures of workloads on several tracks: table -> Figure, one function each."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from actbench.compare.init_or_rate import EFFECTS
from actbench.figures import axes, differences, drawing, layout


def corners(effects: pd.DataFrame, labels: dict[str, str], *, change: str) -> Figure:
    """The effects of init, learning rate, both and their interaction on each variant, in a panel each.

    `change` is the unit of an effect.
    """
    figure, panels = layout.rows(labels, panels=len(EFFECTS))
    effects = effects.assign(filled=effects["low"] * effects["high"] > 0)
    limits = differences.reach(effects, band=0)
    for panel, effect in zip(panels, EFFECTS, strict=True):
        differences.zero(panel)
        differences.within(panel, effects[effects["effect"] == effect], labels, limits, unit="")
        layout.entitle(panel, effect, inches=1.4)
    figure.supxlabel(change)
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
        layout.entitle(panel, f"{track} track", inches=6 / len(tables))
        if most > 5 * least:
            panel.set_xscale("log")
            axes.log_axis(panel.xaxis, least, most)
        else:
            panel.xaxis.set_major_locator(MaxNLocator(5))
        panel.set_xlim(least / room, most * room)
    figure.supxlabel("error / that of the tuned reference (interquartile means)")
    return figure
