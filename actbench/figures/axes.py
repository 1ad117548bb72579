"""Axes: logarithmic, of steps, of layers, of accuracies spaced by their error."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator


def log_axis(axis: Axis, low: float, high: float) -> None:
    """Ticks of a logarithmic axis from `low` to `high`, as plain numbers, few enough for a small panel."""
    decades = np.log10(high / low) if 0 < low < high else 0
    axis.set_major_locator(LogLocator(subs=(1.0,) if decades > 2 else (1.0, 2.0, 5.0), numticks=6))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))


def step_axis(panel: Axes, last: int) -> None:
    """Steps on a logarithmic axis that has a place for step 0, with at most five ticks."""
    panel.set_xscale("symlog", linthresh=1)
    decades = int(np.log10(max(last, 1)))
    panel.xaxis.set_major_locator(FixedLocator([0, *(10.0**k for k in range(0, decades + 1, 1 + decades // 4))]))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.set_xlim(-0.15, max(last, 1) * 1.3)
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))


def layer_axis(panel: Axes, last: int) -> None:
    """Layers are whole numbers with half a layer of room at both ends."""
    panel.set_xlim(0.6, last + 0.4)
    panel.xaxis.set_major_locator(FixedLocator(list(range(1, last + 1, 1 + (last - 1) // 8))))


def short(value: float) -> str:
    """`1k` for 1000, `1e-6` for a millionth, `0.02` for itself: a number on a small axis."""
    if value == 0 or 1e-3 <= abs(value) < 1000:
        return f"{value:g}".replace("-", "−")
    if 1000 <= abs(value) < 1e6:
        return f"{value / 1000:g}k".replace("-", "−")
    return f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e").replace("-", "−")


def error_scale() -> tuple[Callable, Callable]:
    """An accuracy axis spaced by the logarithm of the error, and back; one error in a thousand is its end."""
    return lambda a: -np.log10(np.maximum(1.001 - a, 1e-4)), lambda t: 1.001 - 10.0 ** (-t)


_SEEN = (1e-100, 1e100)  # what a logarithmic axis can be drawn around
_ACCURACIES = (0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)


def log_y(panel: Axes, values: list[pd.Series]) -> None:
    """A logarithmic axis over all values; a variant far beyond the others leaves the panel at the top."""
    known = [v[(v > _SEEN[0]) & (v < _SEEN[1])] for v in values]
    known = [v for v in known if len(v)]
    if not known:
        return
    low = min(v.min() for v in known)
    high = min(max(v.max() for v in known), 100 * float(np.median([v.max() for v in known])))
    panel.set_yscale("log")
    room = max(1.25, (high / low) ** 0.04)  # for a marker at either end
    panel.set_ylim(low / room, high * room)
    log_axis(panel.yaxis, low, high)


def value_axis(panel: Axes, column: str, means: pd.Series) -> None:
    """Logarithmic where the means differ by more than a factor of 3; an accuracy by its error."""
    low, high = float(means.min()), float(means.max())
    if "accuracy" in column and (1.001 - low) / (1.001 - high) > 3:
        panel.set_xscale("function", functions=error_scale())
        panel.xaxis.set_major_locator(FixedLocator([a for a in _ACCURACIES if low * 0.9 < a < (high + 1) / 2]))
    elif "accuracy" not in column and 0 < low * 3 < high:
        panel.set_xscale("log")
        log_axis(panel.xaxis, low, high)
        return
    else:
        panel.xaxis.set_major_locator(MaxNLocator(5))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.xaxis.set_major_formatter(lambda value, _: short(round(value, 9)))
