"""Axes: their ticks, logarithmic ones, and those of accuracies."""

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, LogLocator, MaxNLocator, NullLocator


def log_axis(axis: Axis, low: float, high: float) -> None:
    """Set the ticks of a logarithmic axis from `low` to `high`: plain numbers, few enough for a small panel."""
    decades = np.log10(high / low) if 0 < low < high else 0
    axis.set_major_locator(LogLocator(subs=(1.0,) if decades > 2 else (1.0, 2.0, 5.0), numticks=6))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(lambda value, _: short(value))


def ticks(axis: Axis, places: Iterable[float]) -> None:
    """Set the ticks of an axis, labelled by short numbers."""
    axis.set_major_locator(FixedLocator(list(places)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(lambda value, _: short(round(value, 9)))


def short(value: float) -> str:
    """A number for a small axis: `1k` for 1000, `1e−6` for a millionth, `0.02` as it is."""
    if value == 0 or 1e-3 <= abs(value) < 1000:
        return f"{value:g}".replace("-", "−")
    if 1000 <= abs(value) < 1e6:
        return f"{value / 1000:g}k".replace("-", "−")
    return f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e").replace("-", "−")


def error_scale() -> tuple[Callable, Callable]:
    """The scale, and its inverse, that spaces accuracies by the logarithm of the error, which is 0.001 at its end."""
    return lambda accuracy: -np.log10(np.maximum(1.001 - accuracy, 1e-4)), lambda scaled: 1.001 - 10.0 ** (-scaled)


_DRAWABLE = (1e-100, 1e100)  # the values that may decide the range of a logarithmic axis
_ACCURACIES = (0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)


def log_y(panel: Axes, values: list[pd.Series]) -> None:
    """Make the y axis logarithmic over all values; a variant far above the others leaves the panel at the top."""
    drawable = [v[(v > _DRAWABLE[0]) & (v < _DRAWABLE[1])] for v in values]
    drawable = [v for v in drawable if len(v)]
    if not drawable:
        return
    low = min(v.min() for v in drawable)
    high = min(max(v.max() for v in drawable), 100 * float(np.median([v.max() for v in drawable])))
    panel.set_yscale("log")
    room = max(1.25, (high / low) ** 0.04)  # for a marker at either end
    panel.set_ylim(low / room, high * room)
    log_axis(panel.yaxis, low, high)


def value_axis(panel: Axes, column: str, means: pd.Series) -> None:
    """Make the x axis logarithmic, for accuracies in the error, if the means differ by more than a factor of 3."""
    low, high = float(means.min()), float(means.max())
    if "accuracy" in column and (1.001 - low) / (1.001 - high) > 3:
        panel.set_xscale("function", functions=error_scale())
        ticks(panel.xaxis, [a for a in _ACCURACIES if low * 0.9 < a < (high + 1) / 2])
    elif "accuracy" not in column and 0 < low * 3 < high:
        panel.set_xscale("log")
        log_axis(panel.xaxis, low, high)
    else:
        panel.xaxis.set_major_locator(MaxNLocator(5))
        panel.xaxis.set_major_formatter(lambda value, _: short(round(value, 9)))
