"""What the tables say, in computed sentences: one for each figure, with its interval and n.

An interval is that of the mean over seeds. Variants whose intervals overlap are not called different. A function
returns "" where the tables cannot support its sentence.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from actbench.compare.intervals import Interval, summarise
from actbench.compare.layers import ends, last_network, vanishing
from actbench.compare.ranking import intervals
from actbench.report.numbers import interval_of, number, rounded
from actbench.tables.schema import better
from actbench.tables.text import NARROW

_SHARES = ("_error", "_accuracy", "saturation", "saturation_low", "saturation_high", "dead")
_NEGLIGIBLE = 0.01  # a share of saturated pairs that nobody would see in a figure


def best(runs: pd.DataFrame, column: str) -> str:
    """`NAME has the lowest mean test loss, 0.172 [0.160, 0.185], n = 10; 12 of 34 other intervals overlap it.`"""
    end = "highest" if better(column) == "higher" else "lowest"
    return extreme(runs[runs["status"] != "failed"], column, end=end, words=_words(column))


def extreme(frame: pd.DataFrame, column: str, *, end: str, words: str) -> str:
    """Which variant has the `lowest` or the `highest` mean of a column, which is called `words`.

    A variant with a value on every seed goes before one that lost seeds, whose mean is of the seeds that it kept.
    """
    means = {name: cell for name, cell in intervals(frame, column).items() if cell.n}
    if not means:
        return ""
    lost = (~np.isfinite(frame[column])).groupby(frame["variant"]).sum()
    candidates = [name for name in means if not lost[name]] or list(means)
    name = {"lowest": min, "highest": max}[end](candidates, key=lambda variant: means[variant].mean)
    mean = f"{_in_unit(means[name], column)}, n = {means[name].n}"
    if len(means) == 1:
        return f"{name} has a mean {words} of {mean}."
    return f"{name} has the {end} mean {words}, {mean}{_overlap_with(name, means)}"


def _in_unit(cell: Interval, column: str) -> str:
    """An error, an accuracy or a share in percent, another measure as it is."""
    if not column.endswith(_SHARES):
        return number(cell)
    return f"{number(cell.scaled(100))}{NARROW}%"


def points(cell: Interval, column: str) -> str:
    """A difference of two means: of errors, accuracies or shares in points, of another measure as it is."""
    return f"{number(cell.scaled(100))} points" if column.endswith(_SHARES) else number(cell)


def past_best(epochs: pd.DataFrame, *, column: str = "val_loss") -> str:
    """How many variants had a lower mean validation loss, or other measure, before the last epoch."""
    measure = _words(column)
    means = epochs.groupby(["variant", "epoch"])[column].mean().dropna().reset_index()
    if means["epoch"].nunique() < 2:
        return ""
    by_variant = means.sort_values("epoch").groupby("variant")[column]
    last = by_variant.last()
    past = int((by_variant.min() < last).sum())
    if len(last) == 1:
        return f"The lowest mean {measure} is reached {'before' if past else 'at'} the last epoch."
    return f"{past or 'None'} of {len(last)} reached their lowest mean {measure} before the last epoch."


def most_saturated(layers: pd.DataFrame) -> str:
    """Where the largest saturated share is at the last probed step."""
    last, when = _last_step(layers)
    long = last.melt(["variant", "seed", "layer_index"], ["saturation_low", "saturation_high"], "side", "share")
    means = summarise(long, by=["variant", "layer_index", "side"], value="share").dropna(subset="mean")
    if not len(means):
        return ""
    top = means.sort_values("mean").iloc[-1]
    if top["mean"] < _NEGLIGIBLE:
        return (
            f"{when.capitalize()} no layer is saturated by more than {rounded(_NEGLIGIBLE)} on either side, on average."
        )
    side = top["side"].removeprefix("saturation_")
    sentence = f"Most saturated {when}: {top['variant']}, layer {top['layer_index']}, {side} side, {_with_n(top)}"
    return sentence + _overlap_anywhere(means, top)


def most_biased(layers: pd.DataFrame) -> str:
    """Where the output's bias is largest against its standard deviation at the last probed step."""
    last, when = _last_step(layers)
    means = summarise(last, by=["variant", "layer_index"], value="out_ratio").dropna(subset="mean")
    if not len(means):
        return ""
    top = means.sort_values("mean").iloc[-1]
    sentence = f"Largest bias / standard deviation {when}: {top['variant']}, layer {top['layer_index']}, {_with_n(top)}"
    return sentence + _overlap_anywhere(means, top)


def most_vanishing(layers: pd.DataFrame) -> str:
    """With which variant the gradient at initialisation shrinks most towards the input, and with which it is zero."""
    start = ends(last_network(layers)).query("when == 'at initialisation'")
    runs = start.drop_duplicates(["run_id", "seed"])[["run_id", "seed", "variant"]]
    gains = vanishing(start).merge(runs, on=["run_id", "seed"])
    sentences = []
    means = {name: cell for name, cell in intervals(gains, "gain").items() if cell.n}
    lowest = min(means, key=lambda name: means[name].mean, default=None)
    if lowest is not None and means[lowest].mean < 0:
        share = number(intervals(gains[gains["variant"] == lowest], "ratio")[lowest])
        sentences.append(
            "At initialisation the gradient shrinks most towards the input with "
            f"{lowest}: λ = {_with_n(means[lowest])}, "
            f"where the first layer gets {share} of what the last one gets" + _overlap_with(lowest, means)
        )
    cut = sorted(gains.loc[gains["gain"] == -np.inf, "variant"].unique())
    if cut:
        sentences.append(f"No gradient reaches the first layer with {', '.join(cut)}.")
    return " ".join(sentences)


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
    return f"Moved farthest: {top['variant']}, {parameter}, layer {top['layer_index']}, by {_with_n(top)}."


def _words(column: str) -> str:
    """A column as words of a sentence: `test loss`, `validation FLD`."""
    words = {"val": "validation", "fld": "FLD", "kid": "KID", "ndb": "NDB"}
    return " ".join(words.get(part, part) for part in column.split("_"))


def _last_step(layers: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The last probed step of each run, and when that is: initialisation where no later step was probed."""
    probed = ends(layers)
    at_end = probed[probed["when"] == "at the end"]
    return (at_end, "at the end") if len(at_end) else (probed, "at initialisation")


def _overlap_with(name: str, cells: Mapping[str, Interval]) -> str:
    """How many of the other variants have an interval that overlaps this one's; a full stop where none has one."""
    others = [cell for other, cell in cells.items() if other != name and cell.n > 1]
    if not others or cells[name].n == 1:  # one seed has no interval
        return "."
    return f"; {_overlap_clause(sum(cells[name].overlaps(cell) for cell in others), len(others))}"


def _overlap_anywhere(means: pd.DataFrame, top: pd.Series) -> str:
    """How many of the other variants have an interval that overlaps that of `top`, in any layer and on either side."""
    others = means[(means["variant"] != top["variant"]) & (means["n"] > 1)]
    if not len(others) or top["n"] == 1:
        return "."
    overlapping = {row["variant"] for row in others.to_dict("records") if interval_of(top).overlaps(interval_of(row))}
    return f"; {_overlap_clause(len(overlapping), others['variant'].nunique())}"


def _with_n(cell: Interval | Mapping | pd.Series) -> str:
    """`0.172 [0.160, 0.185], n = 10`."""
    cell = cell if isinstance(cell, Interval) else interval_of(cell)
    return f"{number(cell)}, n = {cell.n}"


def _overlap_clause(count: int, of: int) -> str:
    """How many of the others cannot be told from this one by their intervals."""
    if of == 1:
        return f"the other interval {'overlaps' if count else 'does not overlap'} it."
    if count == of:
        return f"all {of} other intervals overlap it."
    return f"{count or 'none'} of {of} other intervals {'overlaps' if count <= 1 else 'overlap'} it."
