"""Comparisons that more seeds may still decide, and the runs that need them."""

from typing import NamedTuple

import pandas as pd

from actbench.compare.comparison import family, judged, measured
from actbench.compare.workloads import Workload


class Undecided(NamedTuple):
    """The comparisons of several workloads, each with its reference.

    Attributes:
        num_all: How many there are.
        names: The variants of those that are open: undecided, and a look is left.
        num_ended: How many are undecided after the last look.
        run_ids: The runs of these variants and of their references.
    """

    num_all: int
    names: list[str]
    num_ended: int
    run_ids: set[str]


def comparisons(works: list[Workload]) -> Undecided:
    """The open comparisons of these workloads; of a workload that is judged by nothing there are none."""
    num_all, names, num_ended, run_ids = 0, [], 0, set()
    for work in works:
        runs, reference = measured(work), work.reference
        value = judged(runs, reference=reference)
        if value is None:
            continue
        table = family(work, value=value, reference=reference)
        is_undecided, is_last = table["verdict"] == "undecided", table["look"] == work.looks.sizes[-1]
        is_open = is_undecided & ~is_last
        num_all, num_ended = num_all + len(table), num_ended + int((is_undecided & is_last).sum())
        names += table.loc[is_open, "variant"].tolist()
        run_ids |= _run_ids(runs, [*table.loc[is_open, "variant"], reference]) if is_open.any() else set()
    return Undecided(num_all, names, num_ended, run_ids)


def _run_ids(runs: pd.DataFrame, variants: list[str]) -> set[str]:
    return set(runs.loc[runs["variant"].isin(variants), "run_id"])
