"""The figures about functions: frame -> Figure, one function each. Properties come from tables, computed elsewhere."""

import math
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from actbench.tables.functions import Facts, number

WIDTH = 7.5  # inches: a printed A4 page less its margins
_CHEAPEST = 0.4  # share of eager ReLU's time; a function that takes less does nothing
INK, GREY = "#404040", "#b0b0b0"
ORDERS = ("f", "f ′", "f ″")
COLOURS = dict(zip(range(3), sns.color_palette("colorblind", 3), strict=True))
SHADE: dict[str, Any] = {"color": "#d55e00", "alpha": 0.13, "linewidth": 0}
STYLE = sns.axes_style("whitegrid") | {
    "font.family": "DejaVu Sans",
    "font.size": 7.5,
    "axes.titlesize": 8,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "grid.color": "#ebebeb",
    "grid.linewidth": 0.5,
    "axes.linewidth": 0.6,
    "text.color": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
}


def card(curves: pd.DataFrame, facts: Facts) -> Figure:
    """f, f' and f'' with kinks, saturation zones and extrema marked; below, a row for the family of each parameter."""
    parameters = [name for name in curves["parameter"].unique() if name]
    heights = [1.75, *[1.55] * len(parameters)]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, sum(heights) + 0.55 * len(heights) + 0.15), layout="constrained")
        panels = figure.subplots(len(heights), 3, squeeze=False, height_ratios=heights)
        default = curves[curves["parameter"] == ""]
        for order, panel in enumerate(panels[0]):
            _annotated(panel, default[default["order"] == order], facts, order)
        _key(figure, facts)
        for row, parameter in zip(panels[1:], parameters, strict=True):
            _family(row, curves[curves["parameter"] == parameter], parameter, facts)
    return figure


def overview(curves: pd.DataFrame) -> Figure:
    """Every function with its derivative, in a panel each."""
    rows = curves[(curves["parameter"] == "") & (curves["order"] < 2) & (curves["z"].abs() <= 4)]
    names = sorted(rows["function"].unique())
    num_columns = 6
    num_rows = -(-len(names) // num_columns)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, 1.15 * num_rows + 0.3), layout="constrained")
        panels = figure.subplots(num_rows, num_columns, sharex=True, squeeze=False).flatten()
        for panel, name in zip(panels, names, strict=False):
            for order, frame in rows[rows["function"] == name].groupby("order"):
                linestyle = "--" if order else "-"
                panel.plot(frame["z"], _with_gaps(frame["value"]), color=COLOURS[order], lw=1.1, ls=linestyle)
            panel.set_title(name, fontsize=min(6.5, 120 / len(name)), pad=2)
            panel.set(xlim=(-4, 4), ylim=(-1.6, 4), xticks=(-4, 0, 4), yticks=(-1, 0, 1, 2, 3))
            panel.tick_params(pad=0, labelleft=panel.get_subplotspec().is_first_col())
        for panel in panels[len(names) :]:
            panel.set_visible(False)
        handles = [mpl.lines.Line2D([], [], color=COLOURS[order], ls="--" if order else "-") for order in (0, 1)]
        figure.legend(handles, ORDERS[:2], loc="outside upper right", ncols=2, frameon=False)
    return figure


def distances(table: pd.DataFrame) -> Figure:
    """Sup-norm distances along a parameter, in a panel for each pair, with their closed forms."""
    swept = table.dropna(subset="setting")
    pairs = swept["pair"].unique()
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, 2.1 * -(-len(pairs) // 3)), layout="constrained")
        panels = figure.subplots(-(-len(pairs) // 3), 3, squeeze=False).flatten()
        for panel, pair in zip(panels, pairs, strict=False):
            rows = swept[swept["pair"] == pair]
            for order, frame in rows.groupby("order"):
                linestyle = "--" if order else "-"
                panel.plot(
                    frame["setting"], frame["distance"], color=COLOURS[order], marker=".", ms=4, lw=0.9, ls=linestyle
                )
            exact = rows.dropna(subset="closed_form")
            panel.plot(exact["setting"], exact["closed_form"], color=INK, lw=3, alpha=0.3, zorder=1)
            if len(exact):
                panel.set(xscale="log", yscale="log")
            else:
                panel.set_ylim(bottom=0)
            panel.set(title=pair, xlabel=rows["parameter"].iloc[0], ylabel="sup |difference|")
        for panel in panels[len(pairs) :]:
            panel.set_visible(False)
        styles = {0: "-", 1: "--"}
        handles = [mpl.lines.Line2D([], [], color=COLOURS[i], marker=".", lw=0.9, ls=ls) for i, ls in styles.items()]
        handles.append(mpl.lines.Line2D([], [], color=INK, lw=3, alpha=0.3))
        figure.legend(
            handles, ["of f", "of f ′", "closed form, of f"], loc="outside upper right", ncols=3, frameon=False
        )
    return figure


def cost(table: pd.DataFrame) -> Figure:
    """Time of forward and backward relative to eager ReLU: median and extremes of the rounds, cheapest first.

    A function cheaper than `_CHEAPEST`, such as the identity, is drawn at the edge.
    """
    both = table[table["pass"] == "forward+backward"].dropna(subset="ratio")
    first = both[(both["mode"] == "eager") & (both["dtype"] == "float32") & (both["size"] == "inside cache")]
    names = first.sort_values("ratio")["function"].tolist()
    place = {name: row for row, name in enumerate(names)}
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, 0.17 * len(names) + 1), layout="constrained")
        cases = [(dtype, mode) for dtype in both["dtype"].unique() for mode in both["mode"].unique()]
        panels = figure.subplots(1, len(cases), sharey=True, sharex=True, squeeze=False)[0]
        for panel, (dtype, mode) in zip(panels, cases, strict=True):
            case = both[(both["dtype"] == dtype) & (both["mode"] == mode)]
            for order, (size, frame) in enumerate(case.groupby("size", sort=False)):
                heights = frame["function"].map(place) + (order - 0.5) * 0.3
                ratio, *ends = (frame[name].clip(lower=_CHEAPEST) for name in ("ratio", "ratio_low", "ratio_high"))
                spread = [ratio - ends[0], ends[1] - ratio]
                fill = "white" if order else COLOURS[0]
                panel.errorbar(
                    ratio,
                    heights,
                    xerr=np.abs(spread),
                    fmt="o",
                    ms=3,
                    lw=0.9,
                    color=COLOURS[order],
                    mfc=fill,
                    label=size,
                )
            panel.axvline(1, color=INK, lw=0.7)
            panel.set(title=f"{dtype}, {mode}", xscale="log")
            panel.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            panel.xaxis.set_minor_locator(NullLocator())
            panel.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        panels[0].set_yticks(range(len(names)), names, fontsize=6)
        panels[0].set_ylim(len(names) - 0.4, -0.6)
        figure.supxlabel(f"time of forward + backward / eager ReLU's; below {_CHEAPEST:g} at the edge", fontsize=7.5)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper right", ncols=2, frameon=False)
    return figure


def _annotated(panel: Axes, curve: pd.DataFrame, facts: Facts, order: int) -> None:
    """Draw f or one of its derivatives at the defaults, with all its marks."""
    panel.set_title(ORDERS[order], loc="left", color=COLOURS[order], fontweight="bold")
    panel.set_xlabel("z")
    if curve.empty:
        panel.text(0.5, 0.5, "autograd has no f ″", transform=panel.transAxes, ha="center", color=INK)
        panel.set(xlim=(-8, 8), yticks=())
        return
    kinks = [i for i in range(facts.count("kink_place")) if abs(facts.value("kink_place", i)) < 8]
    breaks = [facts.value("kink_place", i) for i in kinks if facts.value("kink_order", i) <= order]
    panel.plot(curve["z"], _with_gaps(curve["value"], curve["z"], breaks), color=COLOURS[order], lw=1.4)
    edges, limits = (float(curve["z"].min()), float(curve["z"].max())), _limits(curve["value"])
    for i in kinks:
        if facts.value("kink_order", i) == order:
            for side, face in (("left", "white"), ("right", INK)):
                panel.plot(facts.value("kink_place", i), facts.value(f"kink_{side}", i), "o", ms=3.5, mfc=face, mec=INK)
        elif order == 0:
            panel.plot(facts.value("kink_place", i), facts.value("kink_value", i), "o", ms=3.5, color=INK)
    if order == 0:
        _lines(panel, facts, edges)
        for i in range(facts.count("extremum_value")):
            middle = (facts.value("extremum_low", i) + facts.value("extremum_high", i)) / 2
            marker = "v" if facts.text("extremum_value", i) == "minimum" else "^"
            panel.plot(middle, facts.value("extremum_value", i), marker, ms=4.5, color="#cc3311")
    low, high = facts.value("saturation_low_0.01"), facts.value("saturation_high_0.01")
    if low > edges[0]:
        panel.axvspan(edges[0], min(low, edges[1]), **SHADE)
    if high < edges[1]:
        panel.axvspan(max(high, edges[0]), edges[1], **SHADE)
    panel.set(xlim=edges, ylim=limits)


def _lines(panel: Axes, facts: Facts, edges: tuple[float, float]) -> None:
    """Draw the asymptotes, each on its side of z = 0."""
    for side, end in (("left", edges[0]), ("right", edges[1])):
        slope, intercept = facts.value(f"asymptote_{side}_slope"), facts.value(f"asymptote_{side}_intercept")
        if not math.isnan(slope):
            z = np.array([0, end])
            panel.plot(z, slope * z + intercept, color=GREY, lw=0.9, ls="--", zorder=1)


def _limits(value: pd.Series) -> tuple[float, float]:
    """The smallest and the largest value with a margin; a constant gets half a unit on both sides."""
    low, high = float(value.min()), float(value.max())
    margin = 0.08 * (high - low) if high - low > 1e-6 else 0.5
    return low - margin, high + margin


def _key(figure: Figure, facts: Facts) -> None:
    """Explain the marks that this card has."""
    line = mpl.lines.Line2D
    entries = {
        "asymptote": line([], [], color=GREY, ls="--", lw=0.9) if facts.count("asymptote_left_slope") else None,
        "kink: open left, filled right value": line([], [], marker="o", mec=INK, mfc="white", ls="")
        if facts.count("kink_place")
        else None,
        "extremum": line([], [], marker="v", color="#cc3311", ls="") if facts.count("extremum_value") else None,
        "saturated: |f ′| < 0.01 sup|f ′|": mpl.patches.Patch(**SHADE),
    }
    handles = {name: handle for name, handle in entries.items() if handle is not None}
    if math.isinf(facts.value("saturation_low_0.01")) and math.isinf(facts.value("saturation_high_0.01")):
        del handles["saturated: |f ′| < 0.01 sup|f ′|"]
    if handles:
        figure.legend(handles.values(), handles.keys(), loc="outside upper right", ncols=4, frameon=False, fontsize=6.5)


def _family(row: np.ndarray, curves: pd.DataFrame, parameter: str, facts: Facts) -> None:
    """Draw f and f' for several settings of one parameter, with the settings named at the right."""
    settings = sorted(curves["setting"].unique())
    shades = sns.color_palette("viridis", len(settings))
    for order, panel in enumerate(row[:2]):
        rows = curves[curves["order"] == order]
        # Thinner from setting to setting, so that a line on top of another leaves it visible.
        for setting, shade, width in zip(settings, shades, np.linspace(2.8, 0.9, len(settings)), strict=True):
            frame = rows[rows["setting"] == setting]
            panel.plot(frame["z"], _with_gaps(frame["value"]), color=shade, lw=width)
        panel.set_title(f"{ORDERS[order]} by {parameter}", loc="left")
        panel.set(xlabel="z", xlim=(-8, 8))
    row[2].axis("off")
    handles = [mpl.lines.Line2D([], [], color=shade, lw=1.6) for shade in shades]
    row[2].legend(
        handles, [f"{parameter} = {number(setting)}" for setting in settings], loc="center left", frameon=False
    )


def _with_gaps(value: pd.Series, z: pd.Series | None = None, places: list[float] | None = None) -> np.ndarray:
    """The values with a gap where the curve jumps: at `places`, or where it changes far more than next to it."""
    values = value.to_numpy(dtype=float).copy()
    if z is not None and places is not None:
        for place in places:
            after = int(np.searchsorted(z.to_numpy(), place))
            if 0 < after < len(values):
                values[after] = np.nan
        return values
    changes = np.pad(np.abs(np.diff(values)), 1)
    neighbours = np.maximum(changes[:-2], changes[2:])
    values[1:][changes[1:-1] > np.maximum(3 * neighbours, 0.005 * np.ptp(values))] = np.nan
    return values
