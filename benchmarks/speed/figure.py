"""The figure of the speed report."""

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from actbench.figures import style
from actbench.figures.axes import log_axis

_COLOURS = {"reached": "#1b7f5a", "missed": "#b3321f", "open": "#c08a1e"}


def targets(ratios: pd.DataFrame) -> Figure:
    """Each ratio divided by its target, with its interval: right of the line the target is reached.

    For a part the target is divided by the share of time.
    """
    targeted = ratios[ratios["target"].notna() & ratios["ratio"].notna()].iloc[::-1]
    columns = ["ratio", "low", "high"]
    over_target = targeted[columns].div(targeted["target"], axis=0)
    targeted = targeted.assign(**over_target.where(~targeted["is_part"], 1 / over_target))
    with mpl.rc_context(style.style()):
        figure = Figure(figsize=(style.WIDTH, 1.1 + 0.26 * len(targeted)), layout="constrained")
        axes = figure.add_subplot()
        for y, row in enumerate(targeted.to_dict("records")):
            colour = _COLOURS[row["verdict"]]
            axes.plot(row["ratio"], y, "o", color=colour, markersize=4)
            axes.plot([row["low"], row["high"]], [y, y], color=colour, linewidth=1.4)
        axes.axvline(1, color=style.INK, linewidth=0.8)
        names = [style.safe(_name(row), length=80) for row in targeted.to_dict("records")]
        axes.set_yticks(range(len(targeted)), names)
        axes.set_ylim(-0.6, len(targeted) - 0.4)
        axes.set_xscale("log")
        values = targeted[columns].to_numpy(dtype=float)
        limits = min(0.5, np.nanmin(values) * 0.8), max(2.0, np.nanmax(values) * 1.2)
        log_axis(axes.xaxis, *limits)
        axes.set_xlim(*limits)
        axes.set_xlabel("ratio of rates / its target, or target / share of time\n(median of rounds, 95 % interval)")
    return figure


def _name(row: dict) -> str:
    """What is compared. A part that is named after its whole is called a share of the whole's time."""
    if row["is_part"] and row["arm"].endswith(row["against"]):
        return f"{row['case']}: {row['arm'].removesuffix(row['against']).rstrip(', ')}, share of time"
    return f"{row['case']}: {row['arm']} / {row['against']}"
