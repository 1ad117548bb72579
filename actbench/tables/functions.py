"""The tables of results/functions/, written by the catalogue and read by reports.

results/functions/tables/properties.parquet, .csv   a row per fact: value, text, error bound, method
results/functions/tables/comparison.csv             a row per function, for readers
results/functions/tables/curves.parquet             samples of f, f', f'' at the defaults and along each parameter
results/functions/tables/distances.parquet, .csv    sup-norm distances along a parameter, with their closed forms
results/functions/tables/points.parquet, .csv       f and f' at points named by claims, on either side of a kink
results/functions/tables/identities.parquet, .csv   functions claimed to be identical, compared bit by bit in each dtype
results/functions/tables/overflows.parquet, .csv    the largest z up to which a form is finite in each dtype
results/functions/tables/cost.parquet, .csv         time and memory relative to the baseline
"""

import math
import os
import re
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from actbench.tables.atomic import temporary, write_text

DTYPES = {"function": "string", "property": "string", "index": "int64", "value": "float64", "text": "string"}
DTYPES |= {"error": "float64", "method": "string"}
PROPERTIES = list(DTYPES)
_SIDES = re.compile(r" [→~=] ")  # of an identity, of a pair
_ABSENT = (math.nan, "", math.nan, "")  # value, text, error, method
MOMENTS = {
    "mean": "E f",
    "second_moment": "E f²",
    "derivative_second_moment": "E f'²",
    "gain": "gain",
    "chi": "χ*",
}


def write(frame: pd.DataFrame, folder: Path, name: str, *, csv: bool = True) -> None:
    """Write a table to folder/tables as parquet, and as CSV if `csv`; each file is replaced atomically."""
    path = folder / "tables" / f"{name}.parquet"
    with temporary(path) as hidden:
        frame.to_parquet(hidden, index=False)
        os.replace(hidden, path)
    if csv:
        write_text(path.with_suffix(".csv"), frame.to_csv(index=False))


def read(folder: Path, name: str) -> pd.DataFrame:
    """A table of folder/tables.

    Raises:
        FileNotFoundError: If the table has not been computed yet; the message names the command that writes it.
    """
    path = folder / "tables" / f"{name}.parquet"
    if not path.is_file():
        command = "actbench.catalogue --cost" if name == "cost" else "actbench.catalogue"
        raise FileNotFoundError(f"There is no {path}: run python -m {command}, which writes it.")
    return pd.read_parquet(path)


def comparison(properties: pd.DataFrame) -> pd.DataFrame:
    """One row per function: the properties that a reader compares, as numbers or short texts."""
    rows = []
    for name, group in properties.groupby("function", sort=True):
        facts = Facts(group)
        rows.append({
            "function": name,
            "inf f, sup f": facts.range(),
            "zeros": facts.stretches("zero"),
            "jumps": facts.kinks(0),
            "kinks": facts.kinks(1),
            "kinks of f'": facts.kinks(2),
            "continuity": facts.continuity(),
            "monotonic": facts.text("monotonic"),
            "f' monotonic": facts.text("derivative_monotonic"),
            "sup|f'|": facts.value("sup_derivative"),
            "at": facts.stretches("sup_derivative"),
            "z_lo": facts.value("saturation_low_0.01"),
            "z_hi": facts.value("saturation_high_0.01"),
            **{heading: facts.settled(moment) for moment, heading in MOMENTS.items()},
            "learnable": facts.text("learnable"),
        })  # fmt: skip
    return pd.DataFrame(rows)


class Facts:
    """The facts of one function: values by property, and their wording."""

    def __init__(self, facts: pd.DataFrame) -> None:
        rows = facts[["property", "index", "value", "text", "error", "method"]].itertuples(index=False, name=None)
        self._facts = {(name, index): fact for name, index, *fact in rows}

    def value(self, name: str, index: int = 0) -> float:
        return self._facts.get((name, index), _ABSENT)[0]

    def settled(self, name: str) -> float:
        """The value, or 0 if it is within its error bound of 0."""
        return 0.0 if abs(self.value(name)) <= self.error(name) else self.value(name)

    def text(self, name: str, index: int = 0) -> str:
        return self._facts.get((name, index), _ABSENT)[1]

    def error(self, name: str, index: int = 0) -> float:
        return self._facts.get((name, index), _ABSENT)[2]

    def count(self, name: str) -> int:
        """The number of facts with this name."""
        return sum(key == name for key, _ in self._facts)

    def undetermined(self) -> dict[str, str]:
        """The properties that are not determined, with the reason."""
        return {name: method for (name, _), (_, text, _, method) in self._facts.items() if text == "not determined"}

    def range(self) -> str:
        low, high = self.settled("range_inf"), self.settled("range_sup")
        marks = {"closed": "[]", "open": "()", "unbounded": "()"}
        left, right = (marks.get(self.text(name), "??")[i] for i, name in enumerate(("range_inf", "range_sup")))
        return f"{left}{number(low)}, {number(high)}{right}"

    def stretches(self, name: str) -> str:
        """Points and intervals; → precedes an infinite point, which is only approached."""
        if "not determined" in (self.text(f"num_{name}s"), self.text(f"{name}_low")):
            return "not determined"
        ends = [(self.value(f"{name}_low", i), self.value(f"{name}_high", i)) for i in range(self.count(f"{name}_low"))]
        return ", ".join(interval(low, high) for low, high in ends) or "none"

    def kinks(self, order: int) -> str:
        """The points where the derivative of this order jumps and no lower one does."""
        counts = ("num_jumps", "num_kinks", "num_derivative_kinks")
        if self.text(counts[order]) == "not determined":
            return "not determined"
        indices = [i for i in range(self.count("kink_place")) if self.value("kink_order", i) == order]
        return ", ".join(number(self.value("kink_place", i)) for i in indices) or "none"

    def continuity(self) -> str:
        """C^k, with ≥ if none of the derivatives that were searched jumps."""
        order = self.value("continuity")
        if math.isnan(order):
            return ""
        if order < 0:
            return "jumps"
        return f"{'≥ ' if self.text('continuity') == 'at least' else ''}C{order:.0f}"

    def asymptote(self, side: str) -> str:
        """The asymptote on that side, as y = …"""
        slope, intercept = self.value(f"asymptote_{side}_slope"), self.value(f"asymptote_{side}_intercept")
        if math.isnan(slope):
            return "none"
        level = number(round(intercept, 6) + 0.0)
        if slope == 0:
            return f"y = {level}"
        sign = "+" if intercept >= 0 else "−"
        offset = "" if level == "0" else f" {sign} {number(abs(round(intercept, 6)))}"
        return f"y = {'' if slope == 1 else '−' if slope == -1 else number(slope) + ' '}z{offset}"


def interval(low: float, high: float) -> str:
    if low == high:
        return number(low) if math.isfinite(low) else f"→ {number(low)}"
    left, right = ("(" if math.isinf(low) else "["), (")" if math.isinf(high) else "]")
    return f"{left}{number(low)}, {number(high)}{right}"


def number(value: float) -> str:
    """Five significant digits, with ∞ and a true minus sign; empty for NaN."""
    if math.isnan(value):
        return ""
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return f"{value + 0.0:.5g}".replace("-", "−")


def named(text: str, *, titles: Mapping[str, str]) -> set[str]:
    """The activations that an identity `f(1) = z g(z)` names in any word, or a pair `f → g` as one of its sides.

    `titles` maps each activation to what its file calls it: `Hard sigmoid` is hardsigmoid.
    """
    words = set(re.findall(r"\w+", text)) if " = " in text else set()
    sides = {_plain(side) for side in _SIDES.split(text)}
    return {name for name, title in titles.items() if name in words or {_plain(name), _plain(title)} & sides}


def _plain(text: str) -> str:
    return re.sub(r"[\W_]", "", text.partition(" on |")[0].lower())
