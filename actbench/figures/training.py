"""The figures about training: tables of one workload in each of its settings -> Figure, one function each.

Every function takes the tables by setting (`track=tuned`; "" where there is one only), each with the column `variant`,
and `labels`, which maps the variants, in their order in the figure (best first), to the text beside them: the name,
followed by `✕ 2/10` where 2 of 10 seeds diverged. What has nothing to show is None.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from actbench.compare.ranking import RANKED_BY
from actbench.figures import drawing, layout, series, style
from actbench.figures.series import Scale
from actbench.tables.schema import label

_MEASURES = ("test_error", "test_loss", "test_fld", "test_ndb")


def labels(runs: pd.DataFrame, order: Iterable[str]) -> dict[str, str]:
    """The text beside each variant of `order`: its name and how many of its seeds diverged.

    If all variants are one activation with different parameters, the name is the parameters alone: `alpha 0.1`.
    """
    order = list(order)
    diverged = runs["status"].eq("diverged").groupby(runs["variant"]).agg(["sum", "size"])
    is_one = len({name.partition(" ")[0] for name in order}) == 1 < len(order) and all("=" in name for name in order)
    names = {name: _parameters(name) if is_one else name for name in order}
    return {v: f"{names[v]} ✕ {n}/{of}" if n else names[v] for v in order for n, of in [diverged.loc[v]]}


def _parameters(name: str) -> str:
    """`negative slope 0.1` of `leaky_relu negative_slope=0.1`."""
    return name.partition(" ")[2].replace("_", " ").replace("=", " ")


def ranking(runs: dict[str, pd.DataFrame], labels: dict[str, str]) -> Figure:
    """The result of every variant on test data: seeds as points behind the mean and its interval.

    A panel for each measure, in several settings one for each setting. If a measure has a floor, in the column
    `<measure>_floor`, a dotted line shows its mean.
    """
    every = pd.concat(runs.values())
    columns = [name for name in _MEASURES if name in every and np.isfinite(every[name]).any()]
    columns = columns if len(runs) == 1 else columns[:1]
    facets = [(setting, table, name) for setting, table in runs.items() for name in columns]
    figure, panels = layout.rows(labels, panels=len(facets))
    for panel, (setting, table, column) in zip(panels, facets, strict=True):
        if len(runs) > 1:
            panel.sharex(panels[0])
        drawing.dots(panel, table, labels, column)
        layout.entitle(panel, setting, inches=6 / len(facets))
        floor = table.get(f"{column}_floor", pd.Series(dtype=float)).mean()
        if np.isfinite(floor):
            panel.axvline(floor, color=style.INK, linewidth=0.8, linestyle=":", zorder=1)
    return figure


def measured(runs: pd.DataFrame, labels: dict[str, str], column: str) -> Figure:
    """One column of the runs: a row for each variant, seeds as points behind the mean and its interval."""
    figure, (panel,) = layout.rows(labels, panels=1)
    drawing.dots(panel, runs, labels, column)
    return figure


def learning_curves(epochs: dict[str, pd.DataFrame], labels: dict[str, str]) -> Figure | None:
    """Validation loss by epoch, for few variants with the training loss dotted.

    For a task without a loss on validation data, the measure that ranks its runs.
    """
    every = pd.concat(epochs.values())
    column = next(name for name in RANKED_BY if name in every and np.isfinite(every[name]).any())
    facets = [(setting, table.assign(network="", x=table["epoch"])) for setting, table in epochs.items()]
    curves = [
        series.means(table.assign(when=when), labels, value=name).assign(measure=column, setting=setting)
        for when, name in _curves_of(every, column, labels)
        for setting, table in facets
    ]
    held_out = every.loc[every["variant"].isin(labels), column]
    drawable = held_out[np.isfinite(held_out) & (held_out > 0)]
    low, high = (float(drawable.quantile(share)) for share in (0.02, 0.98))
    scale = Scale(label(column), LogNorm(low, max(high, 1.01 * low)), "viridis", _ticks(low, high))
    return series.draw(pd.concat(curves), labels, {column: scale}, x=label("epoch"), ticks=series.epoch_axis)


def _curves_of(epochs: pd.DataFrame, column: str, labels: dict[str, str]) -> list[tuple[str, str]]:
    """The times and columns that are drawn: the training loss is a line where there is room for it."""
    has_training = len(labels) <= series.LINES and column == "val_loss" and epochs["train_loss"].notna().any()
    return [("validation", column), *([("training", "train_loss")] if has_training else [])]


def _ticks(low: float, high: float) -> tuple[float, ...]:
    """Round numbers between two ends, at most four."""
    places = [digit * 10.0**power for power in range(-6, 6) for digit in (1, 2, 5)]
    inside = [place for place in places if low <= place <= high]
    return tuple(inside[:: 1 + (len(inside) - 1) // 4] if inside else [low])
