"""The figures about functions: frame -> Figure, one function each. Properties come from tables, computed elsewhere."""

import math
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from actbench.figures import axes, drawing, layout
from actbench.figures.style import INK
from actbench.tables.functions import Facts, number

_CHEAPEST = 0.4  # share of eager ReLU's time; a function that takes less does nothing
ORDERS = ("f", "f ′", "f ″")
COLOURS = ("#0173b2", "#de8f05", "#029e73")
SHADE: dict[str, Any] = {"color": "#d55e00", "alpha": 0.13}
_ASYMPTOTE: dict[str, Any] = {"color": "#b0b0b0", "linewidth": 0.9, "linestyle": "--"}
_CLOSED_FORM: dict[str, Any] = {"color": INK, "linewidth": 3, "alpha": 0.3}


def card(curves: pd.DataFrame, facts: Facts) -> Figure:
    """f, f' and f'' with kinks, saturation zones and extrema marked; below, a row for the family of each parameter."""
    parameters = [name for name in curves["parameter"].unique() if name]
    heights = [1.75, *[1.55] * len(parameters)]
    figure = layout.page(sum(heights) + 0.55 * len(heights) + 0.15)
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
    figure, panels = layout.grid(len(names), columns=6, height=1.15, sharex=True, sharey=True)
    for panel, name in zip(panels, names, strict=True):
        for order, frame in rows[rows["function"] == name].groupby("order"):
            panel.plot(frame["z"], _with_gaps(frame["value"]), **_line(order))
        panel.set_title(name, fontsize=min(6.5, 120 / len(name)), pad=2)
        panel.tick_params(pad=0)
    panels[0].set(xlim=(-4, 4), ylim=(-1.6, 4), xticks=(-4, 0, 4), yticks=(-1, 0, 1, 2, 3))  # the others share them
    layout.key(figure, {ORDERS[order]: _line(order) for order in (0, 1)})
    return figure


def distances(table: pd.DataFrame) -> Figure:
    """Sup-norm distances along a parameter, in a panel for each pair, with their closed forms."""
    swept = table.dropna(subset="setting")
    pairs = swept["pair"].unique()
    figure, panels = layout.grid(len(pairs), columns=3, height=1.9)
    dotted: dict[str, Any] = {"marker": ".", "markersize": 4}
    for panel, pair in zip(panels, pairs, strict=True):
        rows = swept[swept["pair"] == pair]
        for order, frame in rows.groupby("order"):
            panel.plot(frame["setting"], frame["distance"], **_line(order), **dotted)
        exact = rows.dropna(subset="closed_form")
        panel.plot(exact["setting"], exact["closed_form"], zorder=1, **_CLOSED_FORM)
        if len(exact):
            panel.set(xscale="log", yscale="log")
        else:
            panel.set_ylim(bottom=0)
        panel.set(title=pair, xlabel=rows["parameter"].iloc[0], ylabel="sup |difference|")
    lines = {f"of {ORDERS[order]}": _line(order) | dotted for order in (0, 1)}
    layout.key(figure, lines | {"closed form, of f": _CLOSED_FORM})
    return figure


def _line(order: int) -> dict[str, Any]:
    """The style of f (0) or f' (1) where both share a panel."""
    return {"color": COLOURS[order], "linewidth": 1.0, "linestyle": "--" if order else "-"}


def cost(table: pd.DataFrame) -> Figure:
    """Time of forward and backward relative to eager ReLU: median and extremes of the rounds, cheapest first.

    A function cheaper than `_CHEAPEST`, such as the identity, is drawn at the edge.
    """
    both = table[table["pass"] == "forward+backward"].dropna(subset="ratio")
    first = both[(both["mode"] == "eager") & (both["dtype"] == "float32") & (both["size"] == "inside cache")]
    names = first.sort_values("ratio")["function"].tolist()
    place = {name: row for row, name in enumerate(names)}
    cases = [(dtype, mode) for dtype in both["dtype"].unique() for mode in both["mode"].unique()]
    sizes = dict(zip(both["size"].unique(), ((COLOURS[0], None), (COLOURS[1], "white")), strict=False))
    figure, panels = layout.rows({name: name for name in names}, panels=len(cases))
    lowest, highest = _CHEAPEST, both["ratio_high"].max()
    for panel, (dtype, mode) in zip(panels, cases, strict=True):
        panel.axvline(1, color=INK, linewidth=0.7)
        case = both[(both["dtype"] == dtype) & (both["mode"] == mode)]
        for order, (shade, face) in enumerate(sizes.values()):
            rows = case[case["size"] == list(sizes)[order]]
            ratios = rows[["ratio", "ratio_low", "ratio_high"]].clip(lower=_CHEAPEST).T
            heights = rows["function"].map(place) + (order - 0.5) * 0.3
            drawing.estimate(panel, ratios, heights, shade=shade, markersize=3, markerfacecolor=face)
        panel.set(title=f"{dtype}, {mode}", xscale="log", xlim=(lowest / 1.2, highest * 1.2))
        axes.log_axis(panel.xaxis, lowest, highest)
    figure.supxlabel(f"time of forward + backward / eager ReLU's; below {_CHEAPEST:g} at the edge")
    marks = {"linestyle": "", "marker": "o", "markersize": 3}
    layout.key(
        figure, {size: marks | {"color": shade, "markerfacecolor": face} for size, (shade, face) in sizes.items()}
    )
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
        panel.axvspan(edges[0], min(low, edges[1]), linewidth=0, **SHADE)
    if high < edges[1]:
        panel.axvspan(max(high, edges[0]), edges[1], linewidth=0, **SHADE)
    panel.set(xlim=edges, ylim=limits)


def _lines(panel: Axes, facts: Facts, edges: tuple[float, float]) -> None:
    """Draw the asymptotes, each on its side of z = 0."""
    for side, end in (("left", edges[0]), ("right", edges[1])):
        slope, intercept = facts.value(f"asymptote_{side}_slope"), facts.value(f"asymptote_{side}_intercept")
        if not math.isnan(slope):
            z = np.array([0, end])
            panel.plot(z, slope * z + intercept, zorder=1, **_ASYMPTOTE)


def _limits(value: pd.Series) -> tuple[float, float]:
    """The smallest and the largest value with a margin; a constant gets half a unit on both sides."""
    low, high = float(value.min()), float(value.max())
    margin = 0.08 * (high - low) if high - low > 1e-6 else 0.5
    return low - margin, high + margin


def _key(figure: Figure, facts: Facts) -> None:
    """Explain the marks that this card has."""
    ends = [facts.value(f"saturation_{side}_0.01") for side in ("low", "high")]
    mark = {"marker": "o", "linestyle": ""}
    entries: dict[str, tuple[bool | int, dict[str, Any]]] = {
        "asymptote": (facts.count("asymptote_left_slope"), _ASYMPTOTE),
        "kink: open left, filled right value": (facts.count("kink_place"), mark | {"markerfacecolor": "white"}),
        "extremum": (facts.count("extremum_value"), mark | {"marker": "v", "color": "#cc3311"}),
        "saturated: |f ′| < 0.01 sup|f ′|": (not all(map(math.isinf, ends)), SHADE | {"linewidth": 7}),
    }
    if any(is_drawn for is_drawn, _ in entries.values()):
        layout.key(figure, {name: style for name, (is_drawn, style) in entries.items() if is_drawn})


def _family(row: np.ndarray, curves: pd.DataFrame, parameter: str, facts: Facts) -> None:
    """Draw f and f' for several settings of one parameter, with the settings named at the right."""
    settings = sorted(curves["setting"].unique())
    shades = mpl.colormaps["viridis"](np.linspace(0.1, 0.9, len(settings)))
    for order, panel in enumerate(row[:2]):
        rows = curves[curves["order"] == order]
        # Thinner from setting to setting, so that a line on top of another leaves it visible.
        for setting, shade, width in zip(settings, shades, np.linspace(2.8, 0.9, len(settings)), strict=True):
            frame = rows[rows["setting"] == setting]
            panel.plot(frame["z"], _with_gaps(frame["value"]), color=shade, lw=width)
        panel.set_title(f"{ORDERS[order]} by {parameter}", loc="left")
        panel.set(xlabel="z", xlim=(-8, 8))
    row[2].axis("off")
    handles = [Line2D([], [], color=shade, lw=1.6) for shade in shades]
    row[2].legend(handles, [f"{parameter} = {number(setting)}" for setting in settings], loc="center left")


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
