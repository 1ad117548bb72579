"""The figure of the speed report."""

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from actbench.figures import style
from actbench.figures.axes import log_axis

_COLOURS = {"reached": "#1b7f5a", "missed": "#b3321f", "open": "#c08a1e"}


def targets(ratios: pd.DataFrame) -> Figure:
    """Every ratio with a target, divided by it, with its interval: right of the line it is reached.

    Of a part the target is divided by the share.
    """
    aimed = ratios[ratios["target"].notna() & ratios["ratio"].notna()].iloc[::-1]
    rates = ["ratio", "low", "high"]
    held = aimed[rates].div(aimed["target"], axis=0)
    aimed = aimed.assign(**held.where(~aimed["is_part"], 1 / held))
    with mpl.rc_context(style.style()):
        figure = Figure(figsize=(style.WIDTH, 1.1 + 0.26 * len(aimed)), layout="constrained")
        axes = figure.add_subplot()
        for place, row in enumerate(aimed.to_dict("records")):
            shade = _COLOURS[row["verdict"]]
            axes.plot(row["ratio"], place, "o", color=shade, markersize=4)
            axes.plot([row["low"], row["high"]], [place, place], color=shade, linewidth=1.4)
        axes.axvline(1, color=style.INK, linewidth=0.8)
        names = [style.safe(_name(row), length=80) for row in aimed.to_dict("records")]
        axes.set_yticks(range(len(aimed)), names)
        axes.set_ylim(-0.6, len(aimed) - 0.4)
        axes.set_xscale("log")
        values = aimed[rates].to_numpy(dtype=float)
        ends = min(0.5, np.nanmin(values) * 0.8), max(2.0, np.nanmax(values) * 1.2)
        log_axis(axes.xaxis, *ends)
        axes.set_xlim(*ends)
        axes.set_xlabel("ratio of rates / its target, or target / share of time\n(median of rounds, 95 % interval)")
    return figure


def _name(row: dict) -> str:
    """What is compared; a part is a share of the time of the whole that it is named after."""
    if row["is_part"] and row["arm"].endswith(row["against"]):
        return f"{row['case']}: {row['arm'].removesuffix(row['against']).rstrip(', ')}, share of time"
    return f"{row['case']}: {row['arm']} / {row['against']}"
