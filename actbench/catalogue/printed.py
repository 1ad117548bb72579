"""The tables of the catalogue on a terminal: fewer columns than are written to tables/, and lines that fit."""

import numpy as np
import pandas as pd

from actbench.report.console import aligned, paragraph
from actbench.report.numbers import MISSING, bracketed, error_bound, rounded
from actbench.tables import functions

_COMPARED = ["function", "inf f, sup f", "kinks", "continuity", "monotonic", "z_lo", "z_hi"]
_SHORT = {"inside cache": "inside", "outside cache": "outside", "forward": "fwd", "forward+backward": "fwd+bwd"}


def facts(frame: pd.DataFrame) -> str:
    """All that was computed of one function: its formula, a line for each fact, and how the facts were found."""
    stated = frame["property"].isin(["formula", "parameters"])
    methods = list(dict.fromkeys(method for method in frame["method"] if method))
    several = frame["property"].duplicated(keep=False)
    rows = [
        [
            f"{row['property']}[{row['index']}]" if is_one_of_several else row["property"],
            _six_digits(row["value"]),
            row["text"],
            error_bound(row["error"]),
            str(methods.index(row["method"]) + 1) if row["method"] else "",
        ]
        for row, is_one_of_several in zip(frame.to_dict("records"), several, strict=True)
        if row["property"] not in ("formula", "parameters")
    ]
    statements = [paragraph(f"{row['property']}: {row['text']}") for row in frame[stated].to_dict("records")]
    notes = [paragraph(f"{number}: {method}") for number, method in enumerate(methods, 1)]
    table = aligned([["property", "value", "", "error", "how"], *rows])
    return "\n".join([*statements, "", table, "", *notes])


def comparison(frame: pd.DataFrame) -> str:
    """A line for each function; the report has the other columns."""
    cells = frame[_COMPARED].map(lambda cell: functions.number(cell) if isinstance(cell, float) else str(cell))
    return aligned([_COMPARED, *cells.to_numpy().tolist()])


def costs(table: pd.DataFrame) -> str:
    """A line for each function, type, mode, size and pass: the ratio to ReLU with its extremes over rounds."""
    heading = ["function", "type", "mode", "cache", "pass", "time / relu", "ns each", "B kept"]
    rows = [
        [
            row["function"], row["dtype"], row["mode"], _SHORT.get(row["size"], row["size"]),
            _SHORT.get(row["pass"], row["pass"]), _ratio(row), rounded(row["ns_per_element"]),
            rounded(row["saved_bytes_per_element"]),
        ]
        for row in table.to_dict("records")
    ]  # fmt: skip
    read = "Time relative to eager ReLU, with the extremes over rounds; ns and bytes kept for backward are per element."
    return f"{paragraph(read)}\n\n{aligned([heading, *rows])}"


def limits(table: pd.DataFrame) -> str:
    """What copying a tensor takes, by type and size, which no function can beat."""
    rows = table.groupby(["dtype", "size"], sort=False, as_index=False)["copy_gb_per_s"].median()
    return aligned([["type", "size", "GB/s"], *([a, b, f"{speed:.1f}"] for a, b, speed in rows.to_numpy().tolist())])


def _ratio(row: dict) -> str:
    return MISSING if np.isnan(row["ratio"]) else bracketed(row["ratio"], row["ratio_low"], row["ratio_high"])


def _six_digits(value: float) -> str:
    return "" if np.isnan(value) else f"{value:#.6g}"
