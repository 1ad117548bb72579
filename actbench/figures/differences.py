"""The figure of a comparison: paired differences to the reference, a row for each variant, a panel for each setting."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from actbench.compare.errors import MARGIN
from actbench.figures import axes, drawing, layout, style

FAILED = 0.5  # the share of its seeds that a variant which failed has lost
_BAND: dict[str, Any] = {"color": "#e6e6e6", "linewidth": 0, "zorder": 0}
_MARKS: dict[str, dict[str, Any]] = {
    "better or worse": {"marker": "o"},
    "equivalent": {"marker": "s", "markerfacecolor": "white"},
    "undecided": {"marker": "o", "markerfacecolor": "white"},
}


def differences(
    verdicts: dict[str, pd.DataFrame], failures: dict[str, pd.DataFrame], labels: dict[str, str], *, change: str
) -> Figure:
    """Relative changes against the reference in percent, with the interval of each verdict's look, on one axis.

    The margin is grey. What lies beyond the axis stands at its edge in numbers. Variants that failed in every setting
    have a strip of their own.

    Args:
        verdicts: Each setting's table of `paired.compare`.
        failures: Each setting's table of `over_workloads.failures`.
        labels: The text beside each variant, in their order.
        change: The label of the axis: what changes, against what, without its unit.
    """
    lost = {setting: _lost(failures[setting], table) for setting, table in verdicts.items()}
    rates = pd.DataFrame(lost).reindex([name for name in labels if any(name in rate for rate in lost.values())])
    failed = list(rates.index[(rates.isna() | (rates > FAILED)).all(axis=1)])
    learned = {name: labels[name] for name in rates.index if name not in failed}
    percent = {setting: _in_percent(table, learned) for setting, table in verdicts.items()}
    figure, panels, strip = _panels(learned, {name: labels[name] for name in failed}, num_settings=len(verdicts))
    limits = reach(pd.concat(percent.values()), band=100 * (MARGIN - 1))
    for panel, (setting, rows) in zip(panels, percent.items(), strict=False):  # none where all failed
        panel.axvspan(-100 * (MARGIN - 1), 100 * (MARGIN - 1), **_BAND)
        zero(panel)
        here = list(rates.index[rates[setting] > FAILED])
        within(panel, rows[~rows["variant"].isin(here)], learned, limits, unit=" %")
        _say_failures(panel, failures[setting], learned, here)
        layout.entitle(panel, setting, inches=6 / len(verdicts))
    for panel, setting in zip(strip, verdicts, strict=False):
        _say_failures(panel, failures[setting], failed, failed)
    figure.supxlabel(f"{change} (%)")
    _key(figure, learned, pd.concat(verdicts.values()))
    return figure


def _lost(failures: pd.DataFrame, verdicts: pd.DataFrame) -> pd.Series:
    """The share of its seeds on which each variant of a table of verdicts failed."""
    return failures.set_index("variant")["rate"].reindex(verdicts["variant"]).fillna(0.0)


def _in_percent(table: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """Rows for `drawing.estimates`: filled where a difference is decided, square where equivalence is."""
    rows = table[table["variant"].isin(names)]
    return pd.DataFrame({
        "variant": rows["variant"],
        "mean": 100 * rows["change"], "low": 100 * rows["low"], "high": 100 * rows["high"],
        "filled": rows["verdict"].isin(["better", "worse"]),
        "marker": np.where(rows["verdict"] == "equivalent", "s", "o"),
    })  # fmt: skip


def _panels(
    learned: dict[str, str], failed: dict[str, str], *, num_settings: int
) -> tuple[Figure, list[Axes], list[Axes]]:
    """A panel for each setting, and below it, where any variant failed, the strip of those."""
    parts = [part for part in (learned, failed) if part]
    heights = [max(0.17 * len(part), 0.2) for part in parts]
    figure = layout.page(1.0 + sum(heights) + 0.1 * len(parts))
    grid = figure.subplots(len(parts), num_settings, sharex=True, squeeze=False, height_ratios=heights)
    for row, part in zip(grid, parts, strict=True):
        layout.name_rows(row, part)
    for panel in grid[-1] if failed else []:
        panel.set_facecolor("#f4f4f4")
        panel.grid(visible=False)
    for panel in grid[len(parts) - 1]:
        panel.tick_params(labelbottom=True)
    return figure, list(grid[0]) if learned else [], list(grid[-1]) if failed else []


def _say_failures(panel: Axes, failures: pd.DataFrame, rows: Iterable[str], failed: Iterable[str]) -> None:
    """Write into the rows of the variants that failed here on how many seeds they diverged or stayed at chance."""
    place, counts = {name: i for i, name in enumerate(rows)}, failures.set_index("variant")
    for name in (name for name in failed if name in place and name in counts.index):
        text = f"failed on {counts['failed'][name]} of {counts['n'][name]} seeds"
        panel.text(0.99, place[name], text, transform=panel.get_yaxis_transform(), ha="right", va="center", fontsize=6)


def _key(figure: Figure, names: dict[str, str], verdicts: pd.DataFrame) -> None:
    """The colours of the families and the marks of the verdicts that are there."""
    dot = {"linestyle": "", "marker": "o", "markersize": 4}
    groups = {style.group(name) for name in names}
    families = {name: dot | {"color": shade} for name, shade in style.COLOURS.items() if name in groups}
    said = {"better or worse" if verdict in ("better", "worse") else verdict for verdict in verdicts["verdict"]}
    layout.key(figure, families | {name: dot | mark for name, mark in _MARKS.items() if name in said})


def zero(panel: Axes) -> None:
    """The line of no difference."""
    panel.axvline(0, color="#707070", linewidth=0.8, zorder=1)


def reach(rows: pd.DataFrame, *, band: float) -> tuple[float, float]:
    """The ends of a linear axis: where intervals end, but at most five bands or thrice the median difference from 0."""
    ends = rows[["mean", "low", "high"]].to_numpy(float)
    ends = ends[np.isfinite(ends)]
    if not len(ends):
        return -1.2 * band or -1.0, 1.2 * band or 1.0
    most = max(5 * band, 3 * float(np.nanmedian(rows["mean"].abs()))) or float(np.abs(ends).max()) or 1.0
    low, high = max(min(ends.min(), -1.2 * band), -most), min(max(ends.max(), 1.2 * band), most)
    room = 0.03 * (high - low)
    return low - room, high + room


def within(panel: Axes, rows: pd.DataFrame, labels: dict[str, str], limits: tuple[float, float], *, unit: str) -> None:
    """Draw the estimates that lie within the axis; at its edge say in numbers how large the others are."""
    is_beyond = (rows["mean"] < limits[0]) | (rows["mean"] > limits[1])
    panel.set_xlim(*limits)
    panel.xaxis.set_major_locator(MaxNLocator(6))
    panel.xaxis.set_major_formatter(lambda value, _: axes.short(round(value, 9)))
    place = {name: i for i, name in enumerate(labels)}
    drawing.estimates(panel, rows[~is_beyond], {name: labels[name] for name in labels})
    for name, mean in rows.loc[is_beyond, ["variant", "mean"]].itertuples(index=False):
        text = f"{mean:+,.0f}{unit}".replace("-", "−")
        text, side = (f"{text} ▸", "right") if mean > 0 else (f"◂ {text}", "left")
        panel.text(limits[mean > 0], place[name], text, ha=side, va="center", fontsize=6, color=style.colour(name))
