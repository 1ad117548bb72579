"""What a command prints: short tables of what its runs reached, and of the first and the last layer."""

import textwrap
from collections.abc import Collection, Mapping
from pathlib import Path

import pandas as pd

from actbench.compare import ranking
from actbench.compare.intervals import Interval
from actbench.compare.ranking import Cells
from actbench.compare.workloads import workloads
from actbench.report import numbers, settings
from actbench.tables.schema import Tables
from actbench.tables.text import one_line
from actbench.tables.text import text as text_of

WIDTH = 100  # columns of a terminal that a table takes at most
_FEWEST = 16  # characters that a name is cut to
_MEASURES = {
    "test accuracy (%)": "test_accuracy",
    "test loss (nats)": "test_loss",
    "test FLD": "test_fld",
    "test KID": "test_kid",
    "NDB/K": "test_ndb",
}
_OF_VALIDATION = {"val accuracy (%)": "val_accuracy", "val loss (nats)": "val_loss", "val FLD": "val_fld"}
_DIAGNOSIS = ("saturated low", "saturated high", "bias / std")
_GAIN = "gradient gain λ"  # at initialisation, then at the end where it was trained


def text(tables: Tables, *, run_ids: Collection[str]) -> str:
    """Ranking and diagnosis of these runs, by workload. In brackets stands the 95 % interval of the mean."""
    selected = Tables(*(frame[frame["run_id"].isin(list(run_ids))] for frame in tables))
    blocks = []
    for work in workloads(selected):
        runs, _, layers = work.tables
        order = ranking.ranked(runs)
        if not order:
            continue
        blocks += [paragraph(work.title)] if work.title else []
        blocks.append(aligned(_reached(runs, order)))
        if len(layers):
            when = "at the end" if layers["step"].any() else "at initialisation"
            blocks.append(aligned(_layers(ranking.diagnosis(layers, order), order, when=when)))
    return "\n\n".join([*blocks, *map(paragraph, _cost(selected.runs))])


def paragraph(sentences: str) -> str:
    """Sentences on lines that fit; a path or a command that does not stays whole."""
    return textwrap.fill(sentences, WIDTH, break_long_words=False, break_on_hyphens=False)


def aligned(rows: list[list[str]]) -> str:
    """Rows of cells as lines whose columns are aligned, the heading first.

    Where they are wider than a terminal, the names in the first columns are cut in the middle, the longest first; where
    that is not enough, the columns go on below, beside the names again.
    """
    columns = [[one_line(cell) for cell in column] for column in zip(*rows, strict=True)]
    num_names = next((i for i, column in enumerate(columns) if i and not _is_text(column)), len(columns))
    names, blocks = columns[:num_names], [columns[num_names : num_names + 1]]
    least = sum(min(max(map(len, column)), _FEWEST) + 2 for column in names)
    for column in columns[num_names + 1 :]:
        if least + _width([*blocks[-1], column]) > WIDTH:
            blocks.append([])
        blocks[-1].append(column)
    return "\n\n".join(_lines([*_narrowed(names, WIDTH - _width(block)), *block]) for block in blocks)


def _is_text(column: list[str]) -> bool:
    """Whether a column holds words, not numbers."""
    return any(cell[:1].isalpha() for cell in column[1:])


def _width(columns: list[list[str]]) -> int:
    """The characters that columns take, with a gap before each but the first of a line."""
    return sum(max(map(len, column)) for column in columns) + 2 * (len(columns) - 1)


def _narrowed(names: list[list[str]], room: int) -> list[list[str]]:
    """Columns of names cut to what is left of a line, with the gap behind them, or to the fewest characters."""
    widths = [max(map(len, column)) for column in names]
    while sum(widths) + 2 * len(widths) > room and max(widths) > _FEWEST:
        widths[widths.index(max(widths))] -= 1
    return [[_cut(name, width) for name in column] for column, width in zip(names, widths, strict=True)]


def _cut(text: str, room: int) -> str:
    """A text with its middle left out where it is too long: both ends tell names apart."""
    return text if len(text) <= room else f"{text[: room // 2]}…{text[len(text) - (room - room // 2 - 1) :]}"


def _lines(columns: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in columns]
    rows = zip(*columns, strict=True)
    return "\n".join("  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)


def failures(folder: Path, failed: pd.DataFrame) -> str:
    """The message of each failed run of a folder, and the file that holds its traceback."""
    return "\n".join(
        f"failed: {one_line(message)}\n  traceback: {folder / 'runs' / f'{run_id}.failed' / 'traceback.txt'}"
        for run_id, message in zip(failed["run_id"], failed["message"], strict=True)
    )


def _reached(runs: pd.DataFrame, order: list[str]) -> list[list[str]]:
    """Heading and rows: what was measured on test data, without it on validation data, and the number of seeds."""
    runs = runs[runs["status"] != "failed"]
    present = {title: name for title, name in _MEASURES.items() if runs[name].notna().any()}
    present = present or {title: name for title, name in _OF_VALIDATION.items() if runs[name].notna().any()}
    diverged = runs["status"].eq("diverged")
    seeds, lost = runs.groupby("variant")["seed"].nunique(), diverged.groupby(runs["variant"]).sum()
    cells = {title: _intervals(runs, name, scale=100 if "%" in title else 1) for title, name in present.items()}
    columns = {title: {name: numbers.number(cell) for name, cell in each.items()} for title, each in cells.items()}
    columns["s/seed"] = {name: _mean(cell) for name, cell in _intervals(runs, "train_seconds", scale=1).items()}
    columns["n"] = {name: str(seeds[name]) for name in order}
    columns["diverged"] = {name: str(lost[name]) for name in order if diverged.any()}
    return _table("activation", {title: column for title, column in columns.items() if column}, order)


def _intervals(runs: pd.DataFrame, name: str, *, scale: float) -> dict[str, Interval]:
    each = ranking.intervals(runs, name) if runs[name].notna().any() else {}
    return {key: cell.scaled(scale) for key, cell in each.items()}


def _layers(diagnosis: Cells, order: list[str], *, when: str) -> list[list[str]]:
    """Heading and rows: means of saturation and bias in the first and the last layer, and of the gradient's gain."""
    sides = [side for side in ("first layer", "last layer") if any(title.endswith(side) for title in diagnosis)]
    columns = {
        title: {name: " → ".join(_mean(diagnosis[f"{title}, {side}"].get(name)) for side in sides) for name in order}
        for title in _DIAGNOSIS
        if {f"{title}, {side}" for side in sides} <= diagnosis.keys()
    }
    gains = [cells for title, cells in diagnosis.items() if title.startswith(_GAIN)]
    columns |= {_GAIN: {name: _mean(cell) for name, cell in gains[-1].items()}} if gains else {}
    return _table(f"{when}, first → last layer" if len(sides) == 2 else when, columns, order)


def _mean(cell: Interval | None) -> str:
    """A mean with the digits that its interval allows, without the interval."""
    return numbers.number(cell).partition(" [")[0]


def _table(corner: str, columns: Mapping[str, Mapping[str, str]], order: list[str]) -> list[list[str]]:
    rows = [[name, *(column.get(name, numbers.MISSING) for column in columns.values())] for name in order]
    return [[corner, *columns], *rows]


def _cost(runs: pd.DataFrame) -> list[str]:
    """Where the runs were measured, the training time of all together, and the peak memory of the largest."""
    if "threads" not in runs or not runs["peak_mib"].notna().any():
        return []
    threads = " or ".join(sorted(set(runs["threads"].map(text_of))))
    minutes, peak = numbers.fixed(runs["train_seconds"].sum() / 60, 1), numbers.fixed(runs["peak_mib"].max())
    cost = (
        f"Ran on {settings.distinct(runs['device_name'])}, threads={threads}; {minutes} minutes of training in all; "
        f"peak memory of a run: {peak} MiB."
    )
    return [cost]
