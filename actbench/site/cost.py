"""The cost of an activation against ReLU, from the catalogue's measurements."""

import pandas as pd

from actbench.report.numbers import enumeration, rounded
from actbench.report.page import table
from actbench.tables.functions import number

_TYPES = ("float32", "bfloat16")


def of(name: str, cost: pd.DataFrame) -> pd.DataFrame:
    """Forward and backward of one function on tensors outside the cache, in the types that are shown."""
    if cost.empty:
        return cost
    rows = cost[(cost["function"] == name) & (cost["pass"] == "forward+backward") & cost["dtype"].isin(_TYPES)]
    return rows[rows["size"] == "outside cache"].dropna(subset="ratio")


def ratio(rows: pd.DataFrame) -> float | None:
    """The time against eager ReLU's in float32, eager; None where it was not measured."""
    eager = _eager(rows)
    return None if eager is None else float(eager["ratio"])


def _eager(rows: pd.DataFrame) -> pd.Series | None:
    if rows.empty:
        return None
    rows = rows[(rows["dtype"] == "float32") & (rows["mode"] == "eager")]
    return rows.iloc[0] if len(rows) else None


def in_words(rows: pd.DataFrame) -> str:
    """`The function alone takes 9.7 [7.1, 10.6] times as long as ReLU, forward and backward.`; "" if not measured."""
    eager = _eager(rows)
    if eager is None:
        return ""
    times, low, high = (rounded(float(eager[name]), 2) for name in ("ratio", "ratio_low", "ratio_high"))
    return f"The function alone takes {times} [{low}, {high}] times as long as ReLU, forward and backward."


def as_table(rows: pd.DataFrame) -> str:
    """A row for each type and mode."""
    cells = [
        [
            f"{row['dtype']}, {row['mode']}",
            f"{rounded(row['ratio'])} [{rounded(row['ratio_low'])}, {rounded(row['ratio_high'])}]",
            rounded(row["ns_per_element"]),
            number(row["saved_bytes_per_element"]),
        ]
        for _, row in rows.iterrows()
    ]
    heading = ["type", "time / eager ReLU's", "ns an element", "bytes an element kept for backward"]
    return table([heading, *cells]) if cells else ""


def how_to_read(rows: pd.DataFrame, reference: pd.DataFrame) -> str:
    """Where and how it was measured, and the noise: the reference, timed against itself."""
    if rows.empty:
        return ""
    first = rows.iloc[0]
    return (
        f"Of the function alone, forward and backward, on {first['device']} (threads: {first['threads']}) with torch "
        f"{first['torch']}, on tensors larger than the cache: the median of {first['rounds']} rounds with their "
        "extremes. A ratio is to eager ReLU of the same type, timed beside it in each round; the opening has float32, "
        f"eager.{_noise(reference)}"
    )


def _noise(reference: pd.DataFrame) -> str:
    """What the reference takes against itself, eager and compiled."""
    rows = reference[reference["dtype"] == "float32"] if len(reference) else reference
    said = [
        f"{row['mode']} {rounded(row['ratio'], 2)} [{rounded(row['ratio_low'], 2)}, {rounded(row['ratio_high'], 2)}]"
        for _, row in rows.iterrows()
    ]
    return f" ReLU itself comes out at {enumeration(said)}." if said else ""
