"""Numbers and names as a reader sees them, and the tables of the ranking and the diagnosis."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from actbench.compare.intervals import Interval
from actbench.compare.ranking import TITLES, Cells


def chance(p: float) -> str:
    """A p-value in a cell."""
    return NONE if np.isnan(p) else "<0.001" if p < 0.001 else f"{p:.3f}"


def listed(names: Iterable[object]) -> str:
    known = [str(name) for name in names]
    return known[0] if len(known) == 1 else f"{', '.join(known[:-1])} and {known[-1]}"


def interval_of(row: dict, *, scale: float = 1) -> Interval:
    return Interval(scale * row["mean"], scale * row["low"], scale * row["high"], int(row["n"]))


def plain(value: float, places: int) -> str:
    if not np.isfinite(value):
        return NONE if np.isnan(value) else "∞" if value > 0 else "−∞"
    return f"{value:.{places}f}".replace("-", "−")


NONE = "–"


def number(interval: Interval | None, *, of: int | None = None, places: int | None = None) -> str:
    """`0.172 [0.160, 0.185]`; ` (n = 9)` behind it where `of` seeds were run.

    Without `places` the interval's width decides on the digits: two of the width are shown.
    """
    if interval is None or not interval.n or np.isnan(interval.mean):
        return NONE
    if np.isinf(interval.mean):
        return "∞" if interval.mean > 0 else "−∞"
    width = interval.high - interval.low
    cells = interval[:3] if np.isfinite(width) else interval[:1]
    mean, *bounds = [_digits(value, width) if places is None else _fixed(value, places) for value in cells]
    text = f"{mean} [{', '.join(bounds)}]" if bounds else mean
    return text if of is None or interval.n == of else f"{text} (n = {interval.n})"


def metric(column: str) -> tuple[str, str]:
    """A column that ranks in words, and its unit behind a number: `test loss` and ` nats`, `test FLD` and nothing."""
    title = next(title for title, name in TITLES.items() if name == column)
    return title.removesuffix(" (nats)"), " nats" if title.endswith("(nats)") else ""


def ranking_table(shown: Cells, runs: pd.DataFrame, order: list[str]) -> list[list[str]]:
    """The ranking as heading and rows, with n and seeds diverged."""
    runs = runs[runs["status"] != "failed"]
    seeds = runs.groupby("variant")["seed"].nunique()
    diverged = runs["status"].eq("diverged").groupby(runs["variant"]).sum()
    rows = [
        [
            name,
            *(number(cells.get(name), of=seeds[name]) for cells in shown.values()),
            str(seeds[name]),
            str(diverged[name]),
        ]
        for name in order
    ]
    return [["activation", *shown, "n", "diverged"], *rows]


def diagnosis_table(found: Cells, runs: pd.DataFrame, order: list[str]) -> list[list[str]]:
    """The diagnosis as heading and rows."""
    seeds = runs[runs["status"] != "failed"].groupby("variant")["seed"].nunique()
    rows = [[name, *(number(cells.get(name), of=seeds[name], places=3) for cells in found.values())] for name in order]
    return [["activation", *found, "n"], *([*row, str(seeds[row[0]])] for row in rows)]


def _digits(value: float, width: float) -> str:
    """Two digits of the interval's width, four of the value where there is no width."""
    size = width if np.isfinite(width) and width > 0 else abs(value) / 100
    tiny = 0 < abs(value) < 1e-3 and 0 < size < 1e-4
    if tiny or max(abs(value), size) >= 1e6:
        return f"{value:.2e}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e").replace("-", "−")
    return _fixed(value, int(np.clip(1 - np.floor(np.log10(size)), 0, 5)) if size > 0 else 0)


def _fixed(value: float, places: int) -> str:
    """So many decimals, a thousands comma, a true minus, and no minus before zero."""
    text = f"{value:,.{places}f}"
    return text.replace("-", "−") if float(text.replace(",", "")) else text.removeprefix("-")
