"""What the tables say, in sentences: one for each figure, computed, with its interval and n.

An interval is of the mean over seeds. Variants whose intervals overlap are not called different. A sentence that
the tables cannot support is left out.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from actbench.compare.intervals import Interval, summarise
from actbench.compare.layers import ends, last_network, vanishing
from actbench.compare.ranking import intervals
from actbench.report.numbers import number
from actbench.tables.schema import better

_NEGLIGIBLE = 0.01  # a share of saturated pairs that nobody would see in a figure


def best(runs: pd.DataFrame, column: str) -> str:
    """`Lowest mean test loss: NAME, 0.172 [0.160, 0.185], n = 10; 12 of the 34 others have intervals that overlap it.`

    A variant that lost seeds is not called best by the seeds that it kept, unless all lost some.
    """
    runs = runs[runs["status"] != "failed"]
    found = {name: cell for name, cell in intervals(runs, column).items() if cell.n}
    told = _words(column)
    if not found:
        return ""
    lost = (~np.isfinite(runs[column])).groupby(runs["variant"]).sum()
    whole = [name for name in found if not lost[name]] or list(found)
    higher = better(column) == "higher"
    name = (max if higher else min)(whole, key=lambda variant: found[variant].mean)
    if len(found) == 1:
        return f"Mean {told}: {_told(found[name])}."
    return f"{'Highest' if higher else 'Lowest'} mean {told}: {name}, {_told(found[name])}{_rest(name, found)}"


def past_best(epochs: pd.DataFrame, *, column: str = "val_loss") -> str:
    """How many variants had a lower mean validation loss, or other measure, before the last epoch."""
    told = _words(column).replace("val ", "validation ")
    means = epochs.groupby(["variant", "epoch"])[column].mean().dropna().reset_index()
    if means["epoch"].nunique() < 2:
        return ""
    by_variant = means.sort_values("epoch").groupby("variant")[column]
    last = by_variant.last()
    past = int((by_variant.min() < last).sum())
    if len(last) == 1:
        return f"The lowest mean {told} is reached {'before' if past else 'at'} the last epoch."
    return f"{past or 'None'} of {len(last)} reached their lowest mean {told} before the last epoch."


def most_saturated(layers: pd.DataFrame) -> str:
    """Where the largest saturated share is at the last probed step."""
    last, when = _last(layers)
    long = last.melt(["variant", "seed", "layer_index"], ["saturation_low", "saturation_high"], "side", "share")
    means = summarise(long, by=["variant", "layer_index", "side"], value="share").dropna(subset="mean")
    if not len(means):
        return ""
    top = means.sort_values("mean").iloc[-1]
    if top["mean"] < _NEGLIGIBLE:
        return f"{when.capitalize()} no layer is saturated by more than {_NEGLIGIBLE:g} on either side, on average."
    side = top["side"].removeprefix("saturation_")
    said = f"Most saturated {when}: {top['variant']}, layer {top['layer_index']}, {side} side, {_told(top)}"
    return said + _others(means, top)


def most_biased(layers: pd.DataFrame) -> str:
    """Where the output's bias is largest against its standard deviation at the last probed step."""
    last, when = _last(layers)
    means = summarise(last, by=["variant", "layer_index"], value="out_ratio").dropna(subset="mean")
    if not len(means):
        return ""
    top = means.sort_values("mean").iloc[-1]
    said = f"Largest bias / standard deviation {when}: {top['variant']}, layer {top['layer_index']}, {_told(top)}"
    return said + _others(means, top)


def most_vanishing(layers: pd.DataFrame) -> str:
    """For whom the gradient shrinks most on its way to the input at initialisation, and whom it does not reach."""
    start = ends(last_network(layers)).query("when == 'at initialisation'")
    runs = start.drop_duplicates(["run_id", "seed"])[["run_id", "seed", "variant"]]
    gains = vanishing(start).merge(runs, on=["run_id", "seed"])
    said = []
    known = {name: cell for name, cell in intervals(gains, "gain").items() if cell.n}
    lowest = min(known, key=lambda name: known[name].mean, default=None)
    if lowest is not None and known[lowest].mean < 0:
        share = number(intervals(gains[gains["variant"] == lowest], "ratio")[lowest])
        said.append(
            f"At initialisation the gradient shrinks most towards the input with {lowest}: λ = {_told(known[lowest])}, "
            f"where the first layer gets {share} of what the last one gets" + _rest(lowest, known)
        )
    cut = sorted(gains.loc[gains["gain"] == -np.inf, "variant"].unique())
    if cut:
        said.append(f"No gradient reaches the first layer with {', '.join(cut)}.")
    return " ".join(said)


def largest_change(layers: pd.DataFrame, columns: tuple[str, ...], *, words: str) -> str:
    """The largest change of the sum of some columns in the last layer, from the first to the last probed step."""
    last = layers[layers["layer_index"] == layers["layer_index"].max()]
    shown = ends(last).assign(value=lambda frame: frame[list(columns)].sum(axis=1, min_count=len(columns)))
    wide = shown.pivot_table("value", ["variant", "run_id", "seed"], "when").reset_index()
    if "at the end" not in wide:
        return ""
    changed = wide.assign(change=wide["at the end"] - wide["at initialisation"])
    known = {name: cell for name, cell in intervals(changed, "change").items() if cell.n}
    if not known:
        return ""
    name = max(known, key=lambda variant: abs(known[variant].mean))
    return f"Largest change of {words} in the last layer: {name}, by {_told(known[name])}."


def farthest_learned(layers: pd.DataFrame) -> str:
    """The learned parameter that moved farthest from where it began."""
    names = [name for name in layers.columns if name.startswith("act.") and layers[name].notna().any()]
    long = ends(layers).melt(["variant", "run_id", "seed", "layer_index", "when"], names, "name", "value")
    long = long.dropna(subset="value")
    key = ["variant", "name", "layer_index"]
    wide = long.pivot_table("value", [*key, "run_id", "seed"], "when").reset_index()
    if "at the end" not in wide:
        return ""
    changed = wide.assign(change=wide["at the end"] - wide["at initialisation"])
    means = summarise(changed, by=key, value="change").dropna(subset="mean")
    top = means.sort_values("mean", key=abs).iloc[-1]
    parameter = top["name"].removeprefix("act.")
    return f"Moved farthest: {top['variant']}, {parameter}, layer {top['layer_index']}, by {_told(top)}."


def _words(column: str) -> str:
    """A column in a sentence: `test loss`, `val FLD`."""
    return " ".join(part.upper() if part in ("fld", "kid", "ndb") else part for part in column.split("_"))


def _last(layers: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The last probed step of each run, and when that is; initialisation where no later step was probed."""
    shown = ends(layers)
    at_end = shown[shown["when"] == "at the end"]
    return (at_end, "at the end") if len(at_end) else (shown, "at initialisation")


def _rest(name: str, cells: Mapping[str, Interval]) -> str:
    """How many of the other variants have an interval that overlaps this one's; a full stop for none."""
    others = [cell for other, cell in cells.items() if other != name]
    return f"; {_overlapping(sum(cells[name].overlaps(cell) for cell in others), len(others))}" if others else "."


def _others(means: pd.DataFrame, top: pd.Series) -> str:
    """How many of the other variants have an interval anywhere that overlaps the one on top; a full stop for none."""
    cells = means[means["variant"] != top["variant"]]
    if not len(cells):
        return "."
    near = {row["variant"] for row in cells.to_dict("records") if _cell(top).overlaps(_cell(row))}
    return f"; {_overlapping(len(near), cells['variant'].nunique())}"


def _cell(row: Mapping | pd.Series) -> Interval:
    return Interval(row["mean"], row["low"], row["high"], int(row["n"]))


def _told(cell: Interval | Mapping | pd.Series) -> str:
    cell = cell if isinstance(cell, Interval) else _cell(cell)
    return f"{number(cell)}, n = {cell.n}"


def _overlapping(count: int, of: int) -> str:
    if of == 1:
        return f"the interval of the other {'overlaps' if count else 'does not overlap'} it."
    if not count:
        return f"none of the {of} others has an interval that overlaps it."
    have = "has an interval that overlaps" if count == 1 else "have intervals that overlap"
    return f"{count} of the {of} others {have} it."
