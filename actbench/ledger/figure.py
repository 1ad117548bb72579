"""The figure of a claim: for each regime the numbers by seed, their mean and interval, and the claimed set."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from actbench.figures import style
from actbench.ledger.claims import Regime
from actbench.ledger.verdicts import Decision
from actbench.tables.schema import label

_SHADES = {"supported": "#1b7837", "refuted": "#b2182b", "inconclusive": "#7a7a7a", "not measured": "#c8c8c8"}
_TALL, _GAP, _TOP, _BOTTOM, _HEADING = 0.3, 0.42, 0.32, 0.3, 0.35  # inches
_RULES = {"difference": "difference in ", "equivalence": "difference in ", "trend": "slope of ",
          "order": "share of seeds with a higher "}  # fmt: skip
_COLUMNS = {
    "rho": "Spearman's ρ", "ratio": "time, in ReLU's", "rank": "rank of the mean loss", "distance": "sup |difference|",
    "max_abs_difference": "largest |difference|", "gain": "gradient gain λ (per layer)",
}  # fmt: skip
_SEEN = 0.01  # of the axis: a narrower claimed set is drawn as a line


def regimes(decisions: Sequence[Decision]) -> Figure:
    """A strip for each regime on its own axis: grey points are seeds, the bar the 95 % interval, shaded the claim.

    What only explains the verdict stands below a heading.
    """
    known = [decision for decision in decisions if len(decision.values)]
    shown = sorted(known, key=lambda decision: decision.regime.explains)
    deciding = sum(not decision.regime.explains for decision in known)
    apart = _HEADING if deciding < len(shown) else 0
    height = _TOP + _BOTTOM + len(shown) * _TALL + (len(shown) - 1) * _GAP + apart
    figure = Figure(figsize=(style.WIDTH, height))
    for row, decision in enumerate(shown):
        y = height - _TOP - row * (_TALL + _GAP) - _TALL - (apart if row >= deciding else 0)
        if apart and row == deciding:
            figure.text(0.03, (y + _TALL + _GAP - 0.1) / height, "What explains it: no part in the verdict", fontsize=8)
        panel = figure.add_axes((0.03, y / height, 0.94, _TALL / height))
        _strip(panel, decision)
    return figure


def _quantity(regime: Regime) -> str:
    """What a strip's axis counts, with its unit: `difference in test NLL (nats)`."""
    return _RULES.get(regime.rule, "") + _COLUMNS.get(regime.column, label(regime.column))


def _strip(panel: Axes, decision: Decision) -> None:
    values = decision.values[np.isfinite(decision.values)]
    ends = [v for v in (decision.low, decision.high, decision.regime.low, decision.regime.high) if np.isfinite(v)]
    known = np.array([*values, *ends])
    room = np.ptp(known) * 0.08 or max(abs(known[0]) * 0.1, 1e-12)
    low, high = known.min() - room, known.max() + room
    left, right = max(decision.regime.low, low), min(decision.regime.high, high)
    if right - left > _SEEN * (high - low):
        panel.axvspan(left, right, color="#e9e9e9", linewidth=0, zorder=0)
    elif left <= right:
        panel.axvline((left + right) / 2, color="#d0d0d0", linewidth=4, zorder=0)
    shade = _SHADES[decision.verdict]
    spread = np.linspace(-0.5, 0.5, len(values)) if len(values) > 1 else np.zeros(len(values))
    panel.plot(values, spread, "o", color="#9a9a9a", markersize=2.6, zorder=2)
    if np.isfinite(decision.low):
        panel.plot([decision.low, decision.high], [0, 0], color=shade, linewidth=3, alpha=0.6, zorder=3)
    if np.isfinite(decision.mean):
        panel.plot([decision.mean], [0], "o", color=shade, markersize=5, zorder=4)
    panel.set(xlim=(low, high), ylim=(-1, 1), yticks=[])
    panel.xaxis.set_major_locator(MaxNLocator(nbins=7))
    digits = max(4, 2 + int(np.ceil(np.log10(max(abs(low), abs(high)) / (high - low)))))  # that tell ticks apart
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.{digits}g}".replace("-", "−")))
    panel.grid(visible=False, axis="y")
    panel.spines["left"].set_visible(False)
    words = style.safe(f"{decision.regime.regime}: {decision.verdict}", length=90)
    panel.set_title(words, loc="left", color=shade, fontsize=7.5, pad=2.5, fontweight="bold")
    what = style.safe(_quantity(decision.regime), length=60)
    panel.set_title(what, loc="right", fontsize=6.5, pad=2.5)
