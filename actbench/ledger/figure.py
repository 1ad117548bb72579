"""The figure of a claim: for each regime the values by seed, their mean with its interval, and the claimed set."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from actbench.figures import drawing, layout, style
from actbench.ledger.claims import Regime
from actbench.ledger.verdicts import Decision
from actbench.tables.schema import label

_COLOURS = {"supported": "#1b7837", "refuted": "#b2182b", "inconclusive": "#7a7a7a", "not measured": "#c8c8c8"}
_STRIP = 0.74  # height in inches, with what is written above and below
_RULES = {"difference": "difference in ", "equivalence": "difference in ", "trend": "slope of ",
          "order": "share of seeds with a higher "}  # fmt: skip
_COLUMNS = {
    "rho": "Spearman's ρ", "ratio": "time, in ReLU's", "rank": "rank of the mean loss", "distance": "sup |difference|",
    "max_abs_difference": "largest |difference|", "gain": "gradient gain λ (per layer)",
}  # fmt: skip
_MIN_WIDTH = 0.01  # share of the axis; a narrower claimed set is drawn as a line


def regimes(decisions: Sequence[Decision]) -> Figure:
    """A strip for each regime on its own axis: grey points are seeds, the bar is the 95 % interval, shading the claim.

    Regimes that only explain the verdict stand below a heading, in the place of a strip.
    """
    measured = [decision for decision in decisions if len(decision.values)]
    explaining = [decision for decision in measured if decision.regime.explains]
    rows: list[Decision | None] = [decision for decision in measured if not decision.regime.explains]
    rows += [None, *explaining] if explaining else []
    figure = layout.page(len(rows) * _STRIP)
    for panel, decision in zip(figure.subplots(len(rows), squeeze=False)[:, 0], rows, strict=True):
        if decision:
            _strip(panel, decision)
        else:
            panel.axis("off")
            panel.text(0, 0, "What explains it: no part in the verdict", transform=panel.transAxes, fontsize=8)
    return figure


def _quantity(regime: Regime) -> str:
    """The quantity on the axis of a strip, with its unit: `difference in test NLL (nats)`."""
    return _RULES.get(regime.rule, "") + _COLUMNS.get(regime.column, label(regime.column))


def _strip(panel: Axes, decision: Decision) -> None:
    values = decision.values[np.isfinite(decision.values)]
    ends = [v for v in (decision.low, decision.high, decision.regime.low, decision.regime.high) if np.isfinite(v)]
    drawn = np.array([*values, *ends])
    margin = np.ptp(drawn) * 0.08 or max(abs(drawn[0]) * 0.1, 1e-12)
    low, high = drawn.min() - margin, drawn.max() + margin
    left, right = max(decision.regime.low, low), min(decision.regime.high, high)
    if right - left > _MIN_WIDTH * (high - low):
        panel.axvspan(left, right, color="#e9e9e9", linewidth=0, zorder=0)
    elif left <= right:
        panel.axvline((left + right) / 2, color="#d0d0d0", linewidth=4, zorder=0)
    colour = _COLOURS[decision.verdict]
    y = np.linspace(-0.5, 0.5, len(values)) if len(values) > 1 else np.zeros(len(values))
    panel.plot(values, y, "o", color="#9a9a9a", markersize=2.6, zorder=2)
    drawing.estimate(panel, (decision.mean, decision.low, decision.high), 0, shade=colour)
    panel.set(xlim=(low, high), ylim=(-1, 1), yticks=[])
    panel.xaxis.set_major_locator(MaxNLocator(nbins=7))
    digits = max(4, 2 + int(np.ceil(np.log10(max(abs(low), abs(high)) / (high - low)))))  # enough to tell ticks apart
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.{digits}g}".replace("-", "−")))
    panel.grid(visible=False, axis="y")
    panel.spines["left"].set_visible(False)
    title = style.safe(f"{decision.regime.regime}: {decision.verdict}", length=90)
    panel.set_title(title, loc="left", color=colour, fontsize=7.5, pad=2.5, fontweight="bold")
    quantity = style.safe(_quantity(decision.regime), length=60)
    panel.set_title(quantity, loc="right", fontsize=6.5, pad=2.5)
