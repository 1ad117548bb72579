"""The short tables that a command prints: what its runs reached, and the first and the last layer."""

from collections.abc import Collection
from pathlib import Path

import pandas as pd

from actbench.compare import ranking
from actbench.compare.workloads import workloads
from actbench.report import numbers, settings
from actbench.tables.schema import Tables
from actbench.tables.text import one_line
from actbench.tables.text import text as text_of

_DIAGNOSIS = ("saturated low", "saturated high", "bias / std")


def text(tables: Tables, *, run_ids: Collection[str]) -> str:
    """Ranking and diagnosis of these runs, by workload. In brackets stands the 95 % interval of the mean."""
    selected = Tables(*(frame[frame["run_id"].isin(list(run_ids))] for frame in tables))
    blocks = []
    for work in workloads(selected):
        runs, _, layers = work.tables
        order = ranking.ranked(runs)
        if not order:
            continue
        blocks += [work.title] if work.title else []
        blocks.append(aligned(numbers.ranking_table(ranking.ranking(runs), runs, order)))
        if len(layers):
            diagnosis = ranking.diagnosis(layers, order)
            headings = [heading for heading in diagnosis if _is_printed(heading)]
            rows = [[name, *(numbers.number(diagnosis[heading].get(name)) for heading in headings)] for name in order]
            when = "at the end" if layers["step"].any() else "at initialisation"
            blocks.append(aligned([[when, *headings], *rows]))
    return "\n\n".join([*blocks, *_cost(selected.runs)])


def failures(folder: Path, failed: pd.DataFrame) -> str:
    """The message of each failed run of a folder, and the file that holds its traceback."""
    return "\n".join(
        f"failed: {one_line(message)}\n  traceback: {folder / 'runs' / f'{run_id}.failed' / 'traceback.txt'}"
        for run_id, message in zip(failed["run_id"], failed["message"], strict=True)
    )


def _is_printed(heading: str) -> bool:
    """Whether the terminal has room for this column of the diagnosis: saturation and bias of one layer."""
    return heading.startswith(_DIAGNOSIS) and "," in heading and not heading.endswith("per layer")


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
    gates = settings.gates(runs)
    return [cost, f"{gates[0].upper()}{gates[1:]}."] if gates else [cost]


def aligned(rows: list[list[str]]) -> str:
    """Rows of cells as lines whose columns are aligned."""
    rows = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)
