"""Numbers, intervals and names as a reader sees them on pages and in the terminal, and the tables of the ranking."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from actbench.compare.intervals import Interval
from actbench.compare.ranking import TITLES, Cells
from actbench.tables.text import NARROW

MISSING = "–"
_LARGE = 1e9  # from here on a number is told by its power of ten


def fixed(value: float, places: int = 0) -> str:
    """`1,234.50`: so many decimals, thousands commas and a true minus sign, but no minus before zero."""
    if not np.isfinite(value):
        return MISSING if np.isnan(value) else "∞" if value > 0 else "−∞"
    text = f"{value:,.{places}f}"
    return text.replace("-", "−") if float(text.replace(",", "")) else text.removeprefix("-")


def rounded(value: float, digits: int = 3) -> str:
    """`0.0123`: so many significant digits, but not fewer than to the unit below 1e9; "" where the value is missing."""
    if np.isnan(value):
        return ""
    if 10**digits <= abs(value) < _LARGE or np.isinf(value):
        return fixed(value)
    return f"{value + 0.0:.{digits}g}".replace("e+", "e").replace("-", "−")


def percent(share: float, places: int = 0) -> str:
    """`0.05` as `5 %`, with a narrow space that does not break."""
    return f"{fixed(100 * share, places)}{NARROW}%"


def p_value(p: float) -> str:
    """A p-value in a cell."""
    return MISSING if np.isnan(p) else "<0.001" if p < 0.001 else f"{p:.3f}"


def error_bound(error: float) -> str:
    """`3e-08`: a bound needs one digit; "" where there is no error."""
    return "" if np.isnan(error) or error == 0 else f"{error:.0e}"


def bracketed(value: float, low: float, high: float, *, digits: int = 3) -> str:
    """`5.2 [5.0, 5.4]` in significant digits, without brackets where there is no interval."""
    text = rounded(value, digits)
    return text if np.isnan(low) else f"{text} [{rounded(low, digits)}, {rounded(high, digits)}]"


def correlation(value: float, low: float, high: float) -> str:
    """`0.27 [−0.09, 0.45]`: a correlation with its interval."""
    return f"{fixed(value, 2)} [{fixed(low, 2)}, {fixed(high, 2)}]"


def number(interval: Interval | None, *, of: int | None = None, places: int | None = None) -> str:
    """`0.172 [0.160, 0.185]`, with ` (n = 9)` behind it where `of` seeds were run and fewer have a value.

    Without `places` the width of the interval decides on the digits: two of the width are shown.
    """
    if interval is None or not interval.n or np.isnan(interval.mean):
        return MISSING
    if np.isinf(interval.mean):
        return fixed(interval.mean)
    width = interval.high - interval.low
    values = interval[:3] if np.isfinite(width) else interval[:1]
    mean, *bounds = [_digits(value, width) if places is None else fixed(value, places) for value in values]
    text = f"{mean} [{', '.join(bounds)}]" if set(bounds) - {mean} else mean
    return text if of is None or interval.n == of else f"{text} (n = {interval.n})"


def with_unit(interval: Interval, unit: str) -> str:
    """`96.7 % [96.2, 97.1]`: a number with its unit, before its interval."""
    value, bracket, bounds = number(interval).partition(" [")
    return f"{value}{NARROW if unit == '%' else ' '}{unit}{bracket}{bounds}" if unit else number(interval)


def ordinal(place: int) -> str:
    """`1st`, `2nd`, `13th`."""
    word = {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place}{'th' if place % 100 in (11, 12, 13) else word}"


def interval_of(row: Mapping | pd.Series, *, scale: float = 1) -> Interval:
    """The interval in a row of a table with the columns `mean`, `low`, `high` and `n`."""
    return Interval(scale * row["mean"], scale * row["low"], scale * row["high"], int(row["n"]))


def enumeration(names: Iterable[object]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    words = [str(name) for name in names]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def metric(column: str) -> tuple[str, str]:
    """A column that ranks, in words, and its unit behind a number: `test loss` and ` nats`, `test FLD` and no unit."""
    title = next((title for title, name in TITLES.items() if name == column), column.replace("_", " "))
    return title.removesuffix(" (nats)"), " nats" if title.endswith("(nats)") else ""


def ranking_table(cells: Cells, runs: pd.DataFrame, order: list[str]) -> list[list[str]]:
    """The ranking as heading and rows, with the number of seeds and of those that diverged."""
    runs = runs[runs["status"] != "failed"]
    diverged = runs["status"].eq("diverged").groupby(runs["variant"]).sum()
    heading, *rows = _table(cells, runs, order)
    return [[*heading, "diverged"], *([*row, str(diverged[row[0]])] for row in rows)]


def diagnosis_table(cells: Cells, runs: pd.DataFrame, order: list[str]) -> list[list[str]]:
    """The diagnosis as heading and rows, with the number of seeds."""
    return _table(cells, runs[runs["status"] != "failed"], order, places=3)


def _table(cells: Cells, runs: pd.DataFrame, order: list[str], *, places: int | None = None) -> list[list[str]]:
    seeds = runs.groupby("variant")["seed"].nunique()
    columns = [_in_percent(*each) if each[0].endswith("accuracy") else each for each in cells.items()]
    rows = [
        [name, *(number(column.get(name), of=seeds[name], places=places) for _, column in columns), str(seeds[name])]
        for name in order
    ]
    return [["activation", *(heading for heading, _ in columns), "n"], *rows]


def _in_percent(heading: str, column: dict[str, Interval]) -> tuple[str, dict[str, Interval]]:
    """A share with its heading, in percent."""
    return f"{heading} (%)", {name: cell.scaled(100) for name, cell in column.items()}


def _digits(value: float, width: float) -> str:
    """As many decimals as show two digits of the interval's width; without a width, four digits of the value."""
    size = width if np.isfinite(width) and width > 0 else abs(value) / 100
    tiny = 0 < abs(value) < 1e-3 and 0 < size < 1e-4
    if tiny or max(abs(value), size) >= 1e6:
        return f"{value:.2e}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e").replace("-", "−")
    return fixed(value, int(np.clip(1 - np.floor(np.log10(size)), 0, 5)) if size > 0 else 0)
