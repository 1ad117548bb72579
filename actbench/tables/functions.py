"""The tables of results/functions/: where computing functions and reporting on them meet.

results/functions/tables/properties.parquet, .csv   one row a fact: value, text, error bound, method
results/functions/tables/comparison.csv             one row a function, for reading
results/functions/tables/curves.parquet             f, f', f'' sampled, at the defaults and along each parameter
results/functions/tables/distances.parquet, .csv    sup-norm distances along a parameter, with their closed forms
results/functions/tables/points.parquet, .csv       f and f' where claims name a point, on either side of a kink
results/functions/tables/identities.parquet, .csv   functions said to be one, compared bit by bit in each type
results/functions/tables/overflows.parquet, .csv    up to which z a form is finite in each type
results/functions/tables/cost.parquet, .csv         time and memory relative to the baseline
"""

import math
import os
from pathlib import Path

import pandas as pd

from actbench.tables.atomic import beside

DTYPES = {"function": "string", "property": "string", "index": "int64", "value": "float64", "text": "string"}
DTYPES |= {"error": "float64", "method": "string"}
PROPERTIES = list(DTYPES)
_NOTHING = (math.nan, "", math.nan, "")
MOMENTS = {
    "mean": "E f",
    "second_moment": "E f²",
    "derivative_second_moment": "E f'²",
    "gain": "gain",
    "chi": "χ*",
}


def write(frame: pd.DataFrame, folder: Path, name: str, *, csv: bool = True) -> None:
    """One table into folder/tables as parquet, and CSV beside it; each file replaced at once."""
    targets = [folder / "tables" / f"{name}.parquet"] + ([folder / "tables" / f"{name}.csv"] if csv else [])
    for target in targets:
        with beside(target) as hidden:
            if target.suffix == ".csv":
                frame.to_csv(hidden, index=False)
            else:
                frame.to_parquet(hidden, index=False)
            os.replace(hidden, target)


def read(folder: Path, name: str) -> pd.DataFrame:
    """One table of folder/tables.

    Raises:
        FileNotFoundError: If it was not computed yet; the message says by which command it is.
    """
    path = folder / "tables" / f"{name}.parquet"
    if not path.is_file():
        command = "actbench.catalogue --cost" if name == "cost" else "actbench.catalogue"
        raise FileNotFoundError(f"There is no {path}: run python -m {command}, which writes it.")
    return pd.read_parquet(path)


def comparison(properties: pd.DataFrame) -> pd.DataFrame:
    """One row a function: what a reader compares, numbers as numbers, the rest as short text."""
    rows = []
    for name, facts in properties.groupby("function", sort=True):
        one = Facts(facts)
        rows.append({
            "function": name,
            "inf f, sup f": one.range(),
            "zeros": one.stretches("zero"),
            "jumps": one.kinks(0),
            "kinks": one.kinks(1),
            "kinks of f'": one.kinks(2),
            "continuity": one.continuity(),
            "monotonic": one.text("monotonic"),
            "f' monotonic": one.text("derivative_monotonic"),
            "sup|f'|": one.value("sup_derivative"),
            "at": one.stretches("sup_derivative"),
            "z_lo": one.value("saturation_low_0.01"),
            "z_hi": one.value("saturation_high_0.01"),
            **{shown: one.settled(name) for name, shown in MOMENTS.items()},
            "learnable": one.text("learnable"),
        })  # fmt: skip
    return pd.DataFrame(rows)


class Facts:
    """The facts of one function, looked up by property and put into words."""

    def __init__(self, facts: pd.DataFrame) -> None:
        rows = facts[["property", "index", "value", "text", "error", "method"]].itertuples(index=False, name=None)
        self._facts = {(name, index): rest for name, index, *rest in rows}

    def value(self, name: str, index: int = 0) -> float:
        return self._facts.get((name, index), _NOTHING)[0]

    def settled(self, name: str) -> float:
        """A value, 0 where it cannot be told from 0."""
        return 0.0 if abs(self.value(name)) <= self.error(name) else self.value(name)

    def text(self, name: str, index: int = 0) -> str:
        return self._facts.get((name, index), _NOTHING)[1]

    def error(self, name: str, index: int = 0) -> float:
        return self._facts.get((name, index), _NOTHING)[2]

    def count(self, name: str) -> int:
        """How many facts of that name there are."""
        return sum(known == name for known, _ in self._facts)

    def undetermined(self) -> dict[str, str]:
        """What is not determined, and why."""
        return {name: method for (name, _), (_, text, _, method) in self._facts.items() if text == "not determined"}

    def range(self) -> str:
        low, high = self.value("range_inf"), self.value("range_sup")
        marks = {"closed": "[]", "open": "()", "unbounded": "()"}
        left, right = (marks.get(self.text(name), "??")[i] for i, name in enumerate(("range_inf", "range_sup")))
        return f"{left}{number(low)}, {number(high)}{right}"

    def stretches(self, name: str) -> str:
        """Points and intervals; → before an infinite point, which is approached."""
        if "not determined" in (self.text(f"num_{name}s"), self.text(f"{name}_low")):
            return "not determined"
        ends = [(self.value(f"{name}_low", i), self.value(f"{name}_high", i)) for i in range(self.count(f"{name}_low"))]
        return ", ".join(interval(low, high) for low, high in ends) or "none"

    def kinks(self, order: int) -> str:
        """The places where the derivative of that order jumps and no lower one does."""
        counts = ("num_jumps", "num_kinks", "num_derivative_kinks")
        if self.text(counts[order]) == "not determined":
            return "not determined"
        mine = [i for i in range(self.count("kink_place")) if self.value("kink_order", i) == order]
        return ", ".join(number(self.value("kink_place", i)) for i in mine) or "none"

    def continuity(self) -> str:
        """C^k, ≥ where no derivative that was searched jumps."""
        order = self.value("continuity")
        if math.isnan(order):
            return ""
        if order < 0:
            return "jumps"
        return f"{'≥ ' if self.text('continuity') == 'at least' else ''}C{order:.0f}"

    def asymptote(self, side: str) -> str:
        """The line towards that side, as y = …"""
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
    """Five significant digits, ∞ and a true minus sign; empty where there is none."""
    if math.isnan(value):
        return ""
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return f"{value + 0.0:.5g}".replace("-", "−")
