"""The figure of the speed report."""

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from actbench.figures import drawing, layout, style
from actbench.figures.axes import log_axis

_COLOURS = {"reached": "#1b7f5a", "missed": "#b3321f", "open": "#c08a1e"}


def targets(ratios: pd.DataFrame) -> Figure:
    """Each ratio divided by its target, with its interval: right of the line the target is reached.

    For a part the target is divided by the share of time.
    """
    targeted = ratios[ratios["target"].notna() & ratios["ratio"].notna()]
    columns = ["ratio", "low", "high"]
    over_target = targeted[columns].div(targeted["target"], axis=0)
    targeted = targeted.assign(**over_target.where(~targeted["is_part"], 1 / over_target))
    names = {str(i): _name(row) for i, row in enumerate(targeted.to_dict("records"))}
    with mpl.rc_context(style.style()):
        figure, (panel,) = layout.rows(names, panels=1, emphasis=layout.plain, length=80)
        shades = targeted["verdict"].map(_COLOURS).tolist()
        rows = targeted.assign(variant=list(names), mean=targeted["ratio"])
        drawing.estimates(panel, rows, names, shade=lambda name: shades[int(name)])
        panel.axvline(1, color=style.INK, linewidth=0.8)
        panel.set_xscale("log")
        values = targeted[columns].to_numpy(dtype=float)
        limits = min(0.5, np.nanmin(values) * 0.8), max(2.0, np.nanmax(values) * 1.2)
        log_axis(panel.xaxis, *limits)
        panel.set_xlim(*limits)
        panel.set_xlabel("ratio of rates / its target, or target / share of time\n(median of rounds, 95 % interval)")
    return figure


def _name(row: dict) -> str:
    """What is compared. A part that is named after its whole is called a share of the whole's time."""
    if row["is_part"] and row["arm"].endswith(row["against"]):
        return f"{row['case']}: {row['arm'].removesuffix(row['against']).rstrip(', ')}, share of time"
    return f"{row['case']}: {row['arm']} / {row['against']}"
