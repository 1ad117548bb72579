"""The figure of a claim: a strip for each case of its atoms, all that have one unit on one axis.

A strip has a dot for each seed, the mean with its interval, and behind them in grey the claimed set.
"""

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from actbench.figures import drawing, style
from actbench.ledger import claimed, words
from actbench.ledger.claims import Atom
from actbench.ledger.decided import Decided, Estimate
from actbench.ledger.evidence import label_of
from actbench.tables.text import NARROW

COLOURS = {"true": "#0072b2", "false": "#d55e00"}  # told apart by the colour-blind
_UNDECIDED = "#606060"
_SEED, _SHADE = "#9a9a9a", "#e4e4e4"
_LINE, _ROW, _GAP, _AXIS = 0.155, 0.19, 0.1, 0.48  # heights in inches: of a line of text, of a strip, …
_LEFT, _RIGHT = 1.75, 1.35  # inches beside the axis, for the cases' names and their seeds
_CHANGE, _SHARE = "change against the reference", "share"


def claim(decided: Sequence[Decided]) -> Figure:
    """A panel for each unit, in it the strips of all its atoms, see `words.is_drawn`."""
    units: dict[str, list[Decided]] = {}
    for one in decided:
        units.setdefault(unit(one.atom), []).append(one)
    heights = [sum(map(_height, several)) for several in units.values()]
    total = _GAP + sum(heights) + _AXIS * len(heights)
    figure = Figure(figsize=(style.WIDTH, total))
    top = total - _GAP
    for (name, several), height in zip(units.items(), heights, strict=True):
        place = (_LEFT / style.WIDTH, (top - height) / total, 1 - (_LEFT + _RIGHT) / style.WIDTH, height / total)
        _panel(figure.add_axes(place), several, name=name, height=height)
        top -= height + _AXIS
    return figure


def unit(atom: Atom) -> str:
    """What the axis of an atom's strips measures: a change, a share, or the column's own label."""
    if claimed.is_relative(atom):
        return _CHANGE
    name = label_of(atom.column)
    return _SHARE if atom.rule == "sooner" or name.endswith(("(share)", "(fraction)")) else name


def _height(one: Decided) -> float:
    return _LINE * len(_title(one)) + _ROW * len(one.estimates) + _GAP


def _title(one: Decided) -> list[str]:
    """The lines above an atom's strips: its mark and its statement."""
    kind = "" if one.atom.kind == "claimed" else f" ({one.atom.kind})"
    return textwrap.wrap(f"{words.mark(one)} {one.atom.states}{kind}", 128, subsequent_indent="   ")


def _panel(panel: Axes, several: Sequence[Decided], *, name: str, height: float) -> None:
    """The strips of one unit, from above; the y axis measures inches."""
    low, high = _limits(several)
    panel.set(xlim=(low, high), ylim=(height, 0), yticks=[])
    y = 0.0
    for one in several:
        colour = COLOURS.get(one.verdict, _UNDECIDED)
        for line in _title(one):
            _write(panel, -_LEFT + 0.05, y + _LINE / 2, line, color=colour)
            y += _LINE
        for setting, case, values in zip(one.settings, one.estimates, one.seeds, strict=False):
            ends = claimed.ends(one.atom, setting.case)
            _shade(panel, ends, y, outside=claimed.is_outside(one.atom))
            _strip(panel, case, values, y + _ROW / 2, colour=colour)
            _write(panel, -0.06, y + _ROW / 2, style.safe(case.name, length=30), ha="right")
            _write(panel, style.WIDTH - _LEFT - _RIGHT + 0.08, y + _ROW / 2, f"n = {case.n}, {words.look(one)}")
            y += _ROW
        y += _GAP
    panel.spines["left"].set_visible(False)
    panel.xaxis.set_major_locator(MaxNLocator(nbins=7))
    if name in (_CHANGE, _SHARE):
        panel.xaxis.set_major_formatter(PercentFormatter(1.0, symbol=f"{NARROW}%"))
    panel.set_xlabel(name, fontsize=7.5)


def _write(panel: Axes, x: float, y: float, text: str, **font: str) -> None:
    """Text beside or above strips, `x` inches right of the axis."""
    width = style.WIDTH - _LEFT - _RIGHT
    settings: dict[str, Any] = {
        "fontsize": 7.5,
        "va": "center_baseline",
        "transform": panel.get_yaxis_transform(),
    } | font
    panel.text(x / width, y, text.replace("$", r"\$"), **settings)


def _limits(several: Sequence[Decided]) -> tuple[float, float]:
    """The ends of the axis: all that is drawn is between them."""
    ends = [end for one in several for setting in one.settings for end in claimed.ends(one.atom, setting.case)]
    drawn = [number for one in several for case in one.estimates for number in case[1:4]]
    numbers = np.concatenate([ends, drawn, *(values for one in several for values in one.seeds)])
    numbers = numbers[np.isfinite(numbers)]
    margin = np.ptp(numbers) * 0.04 or max(abs(numbers[0]) * 0.1, 1e-12)
    return numbers.min() - margin, numbers.max() + margin


def _shade(panel: Axes, ends: tuple[float, float], y: float, *, outside: bool) -> None:
    """The claimed set in grey behind one strip; one that is too narrow to be seen as a line."""
    low, high = panel.get_xlim()
    left, right = (float(np.clip(end, low, high)) for end in ends)
    for start, end in [(low, left), (right, high)] if outside else [(left, right)]:
        wide = max(end - start, 0.004 * (high - low)) if end > start or not outside else 0.0
        panel.fill_between([start, start + wide], y, y + _ROW, color=_SHADE, linewidth=0, zorder=1)


def _strip(panel: Axes, case: Estimate, values: np.ndarray, y: float, *, colour: str) -> None:
    finite = values[np.isfinite(values)]
    panel.plot(finite, np.full(len(finite), y), "|", color=_SEED, markersize=5, markeredgewidth=0.6, zorder=2)
    if np.isfinite(case.mean):
        drawing.estimate(panel, case[1:4], y, shade=colour, markersize=3.5)
