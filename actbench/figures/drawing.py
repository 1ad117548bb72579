"""The elements of figures: dots with their intervals, in rows and alone."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from actbench.compare.intervals import summarise
from actbench.figures import axes
from actbench.figures.style import GREY, colour
from actbench.tables.schema import better, label

BAND = 2_000  # resamples of an interval that is only drawn; those in tables have 10,000


def estimate(panel: Axes, x: ArrayLike, y: ArrayLike, *, shade: Any, **dot: Any) -> None:
    """Draw estimates in one colour, each as a dot with its interval as a bar.

    Of `x` and `y` one holds values, low ends and high ends, shape (3,) or (3, n), the other the places, () or (n,).
    """
    x, y = np.broadcast_arrays(x, y)
    panel.plot(x[1:], y[1:], color=shade, linewidth=2, alpha=0.6, solid_capstyle="butt", zorder=3)
    settings: dict[str, Any] = {"marker": "o", "markersize": 4, "linestyle": "", "zorder": 4} | dot
    panel.plot(x[0], y[0], color=shade, **settings)


def estimates(
    panel: Axes, table: pd.DataFrame, labels: Iterable[str], *, shade: Callable[[str], Any] = colour, missing: str = ""
) -> None:
    """Draw the estimate of each variant in its row, or write there what its lack is called (`missing`).

    Args:
        panel: One of `layout.rows`.
        table: `variant, mean, low, high`, and where dots differ `marker` and `filled`; only variants in `labels` count.
        labels: The variants in the order of the rows.
        shade: The colour of each.
        missing: What a row without a mean says, if anything.
    """
    place = {name: i for i, name in enumerate(labels)}
    finite = table[table["variant"].isin(place) & table["mean"].notna()]
    for row in finite.to_dict("records"):
        name, face = row["variant"], None if row.get("filled", True) else "white"
        ends = row["mean"], row["low"], row["high"]
        estimate(panel, ends, place[name], shade=shade(name), marker=row.get("marker", "o"), markerfacecolor=face)
    for name in place.keys() - set(finite["variant"]) if missing else ():
        panel.text(0.02, place[name], missing, transform=panel.get_yaxis_transform(), va="center", fontsize=6)


def dots(panel: Axes, runs: pd.DataFrame, labels: dict[str, str], column: str) -> None:
    """A column of each variant in its row: seeds as points behind the mean and its interval."""
    place = {name: i for i, name in enumerate(labels)}
    seeds = runs[runs["variant"].isin(labels) & np.isfinite(runs[column])]
    panel.scatter(seeds[column], seeds["variant"].map(place), s=7, color=GREY, linewidths=0, zorder=2)
    means = summarise(seeds, by=["variant"], value=column)
    estimates(panel, means, labels, missing="no finite value")
    axes.value_axis(panel, column, means["mean"])
    direction = {"lower": "  ← better", "higher": "  better →", None: ""}[better(column)]
    panel.set_xlabel(label(column) + direction)
