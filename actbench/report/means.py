"""What the means over seeds of one measure are, in a sentence over variants and settings."""

import math
import re
from collections.abc import Callable

import numpy as np
import pandas as pd

from actbench.compare.workloads import Workload
from actbench.report import settings
from actbench.report.measures import Measure
from actbench.report.numbers import enumeration

_NAMED = 6  # the most variants that a sentence names
_LISTED = 8  # the most layers, of all variants and settings together, whose means it lists
_SETTINGS = 3  # the most settings whose means it lists


def sentence(measure: Measure, column: str, works: list[Workload]) -> str:
    """`With elu the test accuracy is 97.1 %; with relu it is 96.0 % (depth 8) to 97.9 % (depth 2) (means of 10 seeds).`

    Each of a few settings is named with its mean, of more those with the smallest and the largest. Empty where more
    variants have the measure than a sentence can name.
    """
    means = _means(measure, column, works)
    if not 0 < means["variant"].nunique() <= _NAMED:  # of those that have it: few learn a parameter
        return ""
    by_variant = sorted(means.groupby("variant"), key=lambda group: _natural(str(group[0])))
    is_listed = "layer_index" in means and len(means) <= _LISTED
    told = [(name, (_layers_of if is_listed else _told)(rows, measure.write)) for name, rows in by_variant]
    (first, numbers), *others = told
    clauses = [f"With {first} the {measure.named(column)} is {numbers}"]
    clauses += [f"with {name} it is {numbers}" for name, numbers in others]
    return f"{'; '.join(clauses)} (means of {_seeds(works)})."


def title(measure: Measure, column: str, works: list[Workload]) -> str:
    """The sentence, or of more variants the ends: `The test accuracy is 96.1 % with elu to 97.9 % with relu (…).`"""
    means = _means(measure, column, works)
    if (count := means["variant"].nunique()) <= _NAMED:
        return sentence(measure, column, works)
    ends = [f"{_at(row, measure.write)} with {row['variant']}" for row in _ends(means)]
    said = f"The {measure.named(column)} is {' to '.join(ends)}"
    return f"{said}, the ends of {count} variants (means of {_seeds(works)})."


def _seeds(works: list[Workload]) -> str:
    n = max(int(work.tables.runs.groupby("variant")["seed"].nunique().max()) for work in works)
    return f"{n} seed{'s' if n > 1 else ''}"


def _natural(name: str) -> list[tuple[float, str]]:
    """A key that sorts `beta=2` before `beta=10`."""
    parts = re.split(r"(-?\d+\.?\d*(?:e[-+]?\d+)?)", name)
    return [(float(part), "") if i % 2 else (math.inf, part) for i, part in enumerate(parts)]


def _means(measure: Measure, column: str, works: list[Workload]) -> pd.DataFrame:
    """The mean over seeds of each variant in each setting, and of each layer where there are several."""
    frames = [
        _mean(measure.values(work.tables, column)).assign(setting=name)
        for name, work in zip(settings.named(works), works, strict=True)
    ]
    return pd.concat(frames, ignore_index=True)


def _mean(values: pd.DataFrame) -> pd.DataFrame:
    by = [name for name in ("variant", "layer_index") if name in values]
    return values[np.isfinite(values["value"])].groupby(by)["value"].mean().reset_index()


def _layers_of(means: pd.DataFrame, write: Callable[[float], str]) -> str:
    """`0.36, 0.34 and 0.29 (cnn), −0.13, 0.09 and 0.19 (mlp)`"""
    layers = means.sort_values("layer_index", kind="stable").groupby("setting", sort=False)["value"]
    lists = {str(setting): enumeration(map(write, values)) for setting, values in layers}
    return ", ".join(f"{values}{f' ({setting})' if setting else ''}" for setting, values in lists.items())


def _told(means: pd.DataFrame, write: Callable[[float], str]) -> str:
    """`0.11 (no norm), 0.00 (batch) and 0.00 (layer)` of few settings, else the smallest and the largest mean."""
    written = {*means["value"].map(write)}
    if len(written) == 1:
        return written.pop()
    if "layer_index" not in means and len(means) <= _SETTINGS:
        return enumeration(_at(row, write) for _, row in means.iterrows())
    return _range(means, write)


def _range(means: pd.DataFrame, write: Callable[[float], str]) -> str:
    """`0.41 (depth 4) to 1.00 (depth 16)`, or where one differs `0.14 (no norm) and 0.00 in 5 other settings`."""
    written = means["value"].map(write)
    counts = written.value_counts()
    if len(counts) == 2 and counts.iloc[1] == 1 and "layer_index" not in means:
        usual = counts.index[0]
        (other,) = (row for _, row in means[written != usual].iterrows())
        return f"{_at(other, write)} and {usual} in {counts.iloc[0]} other settings"
    low, high = _ends(means)
    return f"{_at(low, write)} to {_at(high, write)}"


def _ends(means: pd.DataFrame) -> list[pd.Series]:
    """The rows with the smallest and the largest mean."""
    return [means.iloc[end] for end in (means["value"].argmin(), means["value"].argmax())]


def _at(row: pd.Series, write: Callable[[float], str]) -> str:
    """`0.14 (no norm)`"""
    return f"{write(row['value'])}{f' ({row.setting})' if row.setting else ''}"
