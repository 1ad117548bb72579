"""A single run in its field: its place among the variants of a sweep of the same workload, paired by seed.

The place describes. What is decided is one comparison, with the reference, by the code of the published verdicts
(`paired.compare`), at the run's own looks; beside it stands one with the lowest mean of the field, which was chosen on
these seeds.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from actbench.compare import paired, ranking
from actbench.compare.by_seed import by_seed
from actbench.compare.comparison import measured
from actbench.compare.errors import errors_of, images
from actbench.compare.intervals import Interval
from actbench.compare.looks import Looks
from actbench.compare.over_workloads import failures
from actbench.compare.paired import JUDGED
from actbench.compare.tails import t_interval
from actbench.compare.workloads import workloads
from actbench.tables.schema import Tables, config_columns
from actbench.tables.text import text
from actbench.tables.tuning import FIRST_SEED


@dataclass(frozen=True)
class Result:
    """What a run reached, without any other.

    Attributes:
        name: Its variant.
        value, shown: The column that ranks, and the one that is shown, the accuracy in place of an error.
        mean: Of what is shown, over its seeds.
        lost: Number of its seeds that diverged or learned nothing.
        looks: When it is judged.
    """

    name: str
    value: str
    shown: str
    mean: Interval
    lost: int
    looks: Looks


@dataclass(frozen=True)
class Place:
    """Where a run stands among the variants of a sweep that have all of the seeds that count.

    Attributes:
        seeds: The seeds that count, those of the run that the sweep has.
        order: The variants, the lowest mean first.
        rank: The run's place in it, from 1.
        num_lacking: Number of variants that lack one of the seeds.
        best: The first of the others.
        reference: The row of `paired.compare` against the reference, which is named in `against`; of an error rate with
            its difference in `points`, an interval at the level of the look. None of the reference itself, or without
            one.
        against_best: The same against the best of the others; None where that is the reference, or stands behind.
    """

    seeds: tuple[int, ...]
    order: tuple[str, ...]
    rank: int
    num_lacking: int
    best: str
    reference: dict | None
    against_best: dict | None


def result(run: Tables) -> Result | None:
    """What a single run reached; None where it has nothing to rank by, or no seed was measured."""
    (work,) = workloads(run)
    runs = measured(work)
    value = ranking.primary(runs)
    if value is None:
        return None
    shown = value.replace("_error", "_accuracy")
    ((name, mean),) = ranking.intervals(runs, shown).items()
    return Result(name, value, shown, mean, int(failures(runs)["failed"].sum()), work.looks)


def place(run: Tables, own: Result, others: pd.DataFrame) -> Place | None:
    """The place of a single run among `others`, see `compared`; None where none shares its workload and a seed."""
    joined = pd.concat([run.runs, others], ignore_index=True)
    (work,) = workloads(_only(joined, run), run_ids=set(run.runs["run_id"]))
    runs = measured(work)
    name = str(runs.loc[runs["run_id"].isin(run.runs["run_id"]), "variant"].iloc[0])
    if ranking.primary(runs) != own.value:
        return None
    wide = by_seed(runs, value=own.value).rename(columns=str)
    base = work.reference if work.reference in wide and work.reference != name else None
    seeds = wide.index[wide[[name, base] if base else [name]].notna().all(axis=1) & (wide.notna().sum(axis=1) > 1)]
    complete = wide.loc[seeds].dropna(axis="columns")
    if not len(seeds) or len(complete.columns) < 2:
        return None
    counted = runs[runs["seed"].isin(seeds) & runs["variant"].isin(list(complete))]
    order = ranking.ranked(counted)
    best = next(other for other in order if other != name)
    is_ahead = order.index(best) < order.index(name) and best != base

    def against(other: str) -> dict | None:
        if own.value not in JUDGED:
            return None
        pair = counted[counted["variant"].isin([name, other])]
        table = paired.compare(pair, value=own.value, rng=np.random.default_rng(0), looks=own.looks, reference=other)
        row = {str(key): value for key, value in table.iloc[0].items()} | {"against": other}
        return row | ({"points": _points(pair, row, seeds, own, other)} if own.value.endswith("_error") else {})

    return Place(
        seeds=tuple(map(int, seeds)),
        order=tuple(order),
        rank=order.index(name) + 1,
        num_lacking=len(wide.columns) - len(complete.columns),
        best=best,
        reference=against(base) if base else None,
        against_best=against(best) if is_ahead else None,
    )


def _points(pair: pd.DataFrame, row: dict, seeds: pd.Index, own: Result, other: str) -> Interval:
    """The difference of two error rates in points, with the t interval that goes with the verdict in this row."""
    n, split = row["look"] or len(seeds), own.value.removesuffix("_error")
    of = {name: errors_of(rows, list(seeds), split=split) for name, rows in pair.groupby(pair["variant"] == other)}
    difference, shared = 100 * (of[False].rates - of[True].rates)[:n], images(of[False], of[True], 1.0)
    if n == 1:
        return Interval(float(difference[0]), np.nan, np.nan, n)
    return Interval(*t_interval(difference, alpha=row["alpha"], images=shared, scale=0.01), n)


def differing(run: Tables, others: pd.DataFrame) -> tuple[str, str]:
    """The keys in which a run's workload differs from all of `others`, `model.depth=5`, and what the first of them has.

    Both are "" where one of them is of its workload.
    """
    settings = [name for name in config_columns(others) if name.split(".")[0] != "act"]
    others = others.drop_duplicates("run_id").drop_duplicates(["protocol", *settings])
    rows = pd.concat([run.runs.head(1), others], ignore_index=True)
    works = workloads(_only(rows, run))
    alone = [work for work in works if set(work.tables.runs["run_id"]) <= set(run.runs["run_id"]) and not work.twice]
    return (alone[0].title, next(work.title for work in works if work is not alone[0])) if alone else ("", "")


def _only(runs: pd.DataFrame, run: Tables) -> Tables:
    """These rows of `runs` as tables, without epochs and layers."""
    return Tables(runs, run.epochs[:0], run.layers[:0])


def compared(others: pd.DataFrame, run: pd.DataFrame) -> pd.DataFrame:
    """The rows that a run may be compared with: of other functions, since it stands for itself, on no tuning seeds."""
    others = others[others["seed"] < FIRST_SEED]
    keys = sorted({str(name) for frame in (others, run) for name in frame if str(name).split(".")[0] == "act"})
    cells = others.reindex(columns=keys).map(text)
    own = run.reindex(columns=keys).iloc[0].map(text)
    return others[~(cells == own).all(axis=1)]
