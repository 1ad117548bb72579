"""The elements of figures: lines with bands in front of grey ones, rows of dots, values over steps."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from actbench.compare.intervals import summarise
from actbench.figures import axes, layout
from actbench.figures.style import GREY, INK, colour
from actbench.tables.schema import better, label

BAND = 2_000  # resamples of an interval that is only drawn; those in tables have 10,000
SHARES = (Normalize(0, 1), "rocket_r")  # the colour scale of a share
_ENTRIES = 12  # the most entries of a learned vector that get a panel each


def parameters(layers: pd.DataFrame, order: list[str]) -> pd.DataFrame:
    """Learned parameters in long form, `title, layer_index, step, value`, in the order of the variants."""
    names = [name for name in layers.columns if name.startswith("act.") and layers[name].notna().any()]
    long = layers.melt(["variant", "seed", "layer_index", "step"], names, "name", "value").dropna(subset="value")
    long = _without_long_vectors(long.assign(name=long["name"].str.removeprefix("act.")))
    long = long.assign(title=long["variant"] + "  " + long["name"])
    place = long["variant"].map({name: i for i, name in enumerate(order)})
    return long.assign(place=place).dropna(subset="place").sort_values(["place", "name", "step"], kind="stable")


def _without_long_vectors(long: pd.DataFrame) -> pd.DataFrame:
    """Replace a vector of more than `_ENTRIES` entries, such as a slope for each channel, by their mean."""
    base = long["name"].str.partition("[")[0]
    count = long["name"].groupby([long["variant"], base]).transform("nunique")
    title = base + " (mean of " + count.astype(str) + ")"
    long = long.assign(name=long["name"].where(count <= _ENTRIES, title))
    return long.groupby([name for name in long.columns if name != "value"], as_index=False, sort=False).mean()


def line(panel: Axes, means: pd.DataFrame, *, x: str, variant: str, **style: Any) -> None:
    """Draw means against `x` in the variant's colour, with their intervals as a band where there are any."""
    settings: dict[str, Any] = {"color": colour(variant), "linewidth": 1.2, "zorder": 3} | style
    panel.plot(means[x], means["mean"], **settings)
    if "low" in means and means["low"].notna().any():
        panel.fill_between(
            means[x], means["low"], means["high"], color=settings["color"], alpha=0.25, linewidth=0, zorder=2
        )


def grey(means: dict[str, pd.DataFrame], *, x: str) -> Callable[[], LineCollection]:
    """A function that returns all the means as thin grey lines, new ones for each panel."""
    lines = [frame[[x, "mean"]].to_numpy() for frame in means.values()]
    return lambda: LineCollection(lines, colors=GREY, linewidths=0.4, zorder=1)


def mark_ends(epochs: pd.DataFrame, panels: dict[str, Axes], means: dict[str, pd.DataFrame], *, column: str) -> None:
    """Mark the last epoch of each diverged seed by a cross on the mean curve."""
    diverged = epochs[(epochs["status"] == "diverged") & np.isfinite(epochs[column])]
    last = diverged.groupby(["variant", "seed"])["epoch"].max().reset_index()
    for name, epoch in last[["variant", "epoch"]].itertuples(index=False):
        if name in panels:
            curve = means[name].set_index("epoch")["mean"]
            panels[name].plot([epoch], [curve[epoch]], "x", color=INK, markersize=4, zorder=4)


def say_zero(panels: dict[str, Axes], means: pd.DataFrame) -> None:
    """Write `zero in every layer` into the panels that have nothing to draw on a logarithmic axis."""
    positive = set(means.loc[means["n"] > 0, "variant"])
    for name in panels.keys() - positive:
        panels[name].text(0.5, 0.5, "zero in every layer", transform=panels[name].transAxes, ha="center", fontsize=6.5)


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
        missing: What a row without a mean says.
    """
    place = {name: i for i, name in enumerate(labels)}
    finite = table[table["variant"].isin(place) & table["mean"].notna()]
    for row in finite.to_dict("records"):
        name, face = row["variant"], None if row.get("filled", True) else "white"
        ends = row["mean"], row["low"], row["high"]
        estimate(panel, ends, place[name], shade=shade(name), marker=row.get("marker", "o"), markerfacecolor=face)
    for name in place.keys() - set(finite["variant"]):
        panel.text(0.02, place[name], missing, transform=panel.get_yaxis_transform(), va="center", fontsize=6)


def dots(runs: pd.DataFrame, labels: dict[str, str], columns: list[str]) -> Figure:
    """A row for each variant and a panel for each column: seeds as points behind the mean and its interval."""
    figure, panels = layout.rows(labels, panels=len(columns))
    place = {name: i for i, name in enumerate(labels)}
    for panel, column in zip(panels, columns, strict=True):
        seeds = runs[runs["variant"].isin(labels) & np.isfinite(runs[column])]
        panel.scatter(seeds[column], seeds["variant"].map(place), s=7, color=GREY, linewidths=0, zorder=2)
        means = summarise(seeds, by=["variant"], value=column)
        estimates(panel, means, labels, missing="no finite value")
        axes.value_axis(panel, column, means["mean"])
        direction = {"lower": "  ← better", "higher": "  better →", None: ""}[better(column)]
        panel.set_xlabel(label(column) + direction)
    return figure


def over_steps(
    layers: pd.DataFrame, labels: dict[str, str], columns: dict[str, int]
) -> tuple[Figure, dict[str, Axes], tuple[float, float]]:
    """Small multiples of columns against the step, and the smallest and the largest of their means.

    The first layer is dashed and the last one solid; the last layers of the other variants are grey. `columns` gives
    the sign with which each column is drawn.
    """
    index = layers["layer_index"]
    first, last = index.min(), index.max()
    figure, panels = layout.multiples(labels, x=label("step"), y=label(next(iter(columns))))
    lowest, highest = np.inf, 0.0
    for column, sign in columns.items():
        for layer, linestyle in {first: "--", last: "-"}.items():
            means = summarise(layers[index == layer], by=["variant", "step"], value=column, resamples=BAND)
            means = means.assign(mean=sign * means["mean"], low=sign * means["low"], high=sign * means["high"])
            lowest, highest = min(lowest, means["mean"].abs().min()), max(highest, means["mean"].abs().max())
            curves = {str(name): frame.sort_values("step") for name, frame in means.groupby("variant")}
            others = grey(curves, x="step")
            for name in panels.keys() & curves.keys():
                line(panels[name], curves[name], x="step", variant=name, linestyle=linestyle)
                if layer == last:
                    panels[name].add_collection(others())
    axes.step_axis(next(iter(panels.values())), int(layers["step"].max()))
    entries: dict[str, dict] = {"only layer": {}} if first == last else {
        f"first layer ({first})": {"linestyle": "--"}, f"last layer ({last})": {}
    }  # fmt: skip
    layout.key(figure, entries)
    return figure, panels, (lowest, highest)
