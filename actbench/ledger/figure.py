"""The figure of a claim: for each atom its cases, each a mean with its interval over the seeds, and the claimed set."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from actbench.figures import drawing, layout, style
from actbench.ledger import decide
from actbench.ledger.claims import Atom
from actbench.ledger.decide import Decided
from actbench.tables.schema import label

COLOURS = {"true": "#1b7837", "false": "#b2182b"}
_UNDECIDED = "#7a7a7a"
_ROW, _FRAME = 0.17, 0.62  # height in inches of a case, and of what stands around the cases of an atom
_MIN_WIDTH = 0.01  # share of the axis; a narrower claimed set is drawn as a line
_QUANTITIES = {
    "difference": "difference in ", "trend": "slope of ", "sooner": "share of seeds that are sooner: ",
    "distance": "difference of distances in ", "left_start": "way from the start of ",
}  # fmt: skip


def claim(decided: Sequence[Decided]) -> Figure:
    """A panel for each atom with seeds that is measured, a row for each of its cases; shading is the claimed set."""
    measured = [one for one in decided if one.estimates and one.atom.has_seeds]
    heights = [_FRAME + _ROW * len(one.estimates) for one in measured]
    figure = layout.page(sum(heights))
    panels = figure.subplots(len(measured), squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
    for panel, one in zip(panels, measured, strict=True):
        _panel(panel, one)
    return figure


def _panel(panel: Axes, one: Decided) -> None:
    estimates = [case for case in one.estimates if np.isfinite(case.mean)]
    low_end, high_end = decide.claimed_set(one.atom, one.settings[0].case)
    drawn = np.array([end for case in estimates for end in case[1:4]] + [low_end, high_end])
    drawn = drawn[np.isfinite(drawn)]
    margin = np.ptp(drawn) * 0.08 or max(abs(drawn[0]) * 0.1, 1e-12)
    low, high = drawn.min() - margin, drawn.max() + margin
    _shade(panel, max(low_end, low), min(high_end, high), width=high - low, outside=decide.is_outside(one.atom))
    colour = COLOURS.get(one.verdict, _UNDECIDED)
    for place, case in enumerate(estimates):
        drawing.estimate(panel, case[1:4], place, shade=colour)
    names = [style.safe(case.name, length=layout.BESIDE) for case in estimates]
    panel.set(xlim=(low, high), ylim=(len(estimates) - 0.5, -0.5), yticks=range(len(estimates)), yticklabels=names)
    panel.xaxis.set_major_locator(MaxNLocator(nbins=7))
    if decide.is_relative(one.atom):
        panel.xaxis.set_major_formatter(PercentFormatter(1.0))
    panel.grid(visible=False, axis="y")
    panel.set_title(style.safe(f"{one.atom.states} {one.verdict}", length=110), loc="left", color=colour, fontsize=7.5)
    panel.set_xlabel(style.safe(_quantity(one.atom), length=90), fontsize=6.5)


def _shade(panel: Axes, left: float, right: float, *, width: float, outside: bool) -> None:
    """The claimed set in grey, or where it is claimed not to lie in white on grey."""
    if outside:
        panel.set_facecolor("#e9e9e9")
    if right - left > _MIN_WIDTH * width:
        panel.axvspan(left, right, color="white" if outside else "#e9e9e9", linewidth=0, zorder=0)
    elif left <= right:
        panel.axvline((left + right) / 2, color="#d0d0d0", linewidth=4, zorder=0)


def _quantity(atom: Atom) -> str:
    """The quantity on the axis of a panel, with its unit."""
    if decide.is_relative(atom):
        return f"{'error rate' if 'accuracy' in atom.column else label(atom.column)}, change against the reference"
    return _QUANTITIES.get(atom.rule, "") + label(atom.column)
