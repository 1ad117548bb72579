"""A single run set into its field, in sentences: the sweep of the same workload beside it, or the one that is shipped.

`python -m actbench.report.field results/digits_mlp` makes the shipped one again.
"""

import functools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from actbench.compare import field
from actbench.compare.errors import MARGIN
from actbench.compare.field import Place, Result
from actbench.compare.intervals import Interval
from actbench.report import numbers
from actbench.report.numbers import ordinal, percent, rounded, with_unit
from actbench.tables import parquet, store
from actbench.tables.schema import REFERENCE, RUNS, Tables, config_columns
from actbench.tables.text import text
from actbench.tables.tuning import is_tuning

SHIPPED = Path(__file__).with_name("shipped")  # results folders with tables/runs.parquet alone
_SHIPPED_COLUMNS = ["run_id", "seed", "status", "epoch", "step", "protocol", "test_loss", "test_accuracy"]
_SAME = (
    "protocol",
    "track",
    "data",
    "model",
    "task",
)  # equal in every workload: what differs here need not be read further
READ = (
    "The field is a sweep with the same settings and seeds, in which only the activation varies. The place among means "
    "is a description: neighbours may differ by chance. The verdict is that of one comparison, with the reference, "
    "reached as in a sweep: a t test over paired seeds at the level of its look, and a margin that is a share of the "
    "reference's value. The best was chosen by its mean on these seeds, which flatters it. In brackets: 95 % "
    "intervals; that of a change is at the level of its look."
)


class Field(NamedTuple):
    """A sweep that a run stands in: its name for the reader, and the run's place."""

    name: str
    place: Place


def sentences(folder: Path, tables: Tables, run_id: str) -> list[str]:
    """What a single run reached and where it stands; empty if it has nothing to rank by.

    `tables` are those of its results folder.
    """
    run = Tables(*(frame[frame["run_id"] == run_id] for frame in tables))
    reached = field.result(run) if len(run.runs) else None
    if reached is None:
        return []
    others = tables.runs[tables.runs["run_id"] != run_id]
    sweeps = {str(folder): others, **dict(_beside(folder, run))}
    left = {name: field.compared(runs, run.runs) for name, runs in sweeps.items() if len(runs)}
    sweeps = {name: runs for name, runs in left.items() if len(runs)}
    stands = _largest(run, reached, sweeps)
    return [_reached(reached, run), *(_stands(reached, *stands) if stands else [_without(run, sweeps)])]


def _largest(run: Tables, reached: Result, sweeps: dict[str, pd.DataFrame]) -> Field | None:
    """The field with the most variants. One with fewer rows than it holds is not looked at: that takes time."""
    shared = {name: runs[runs["seed"].isin(run.runs["seed"])] for name, runs in sweeps.items()}
    largest, size = None, 0
    for name, runs in sorted(shared.items(), key=lambda item: -len(item[1])):
        if len(runs) <= size * len(run.runs):
            break
        found = field.place(run, reached, runs)
        if found is not None and len(found.order) > size:
            largest, size = Field(name, found), len(found.order)
    return largest


def of_the_only_run(folder: Path, tables: Tables) -> list[str]:
    """The sentences of the run that a folder holds; empty where it holds several."""
    run_ids = tables.runs["run_id"].unique()
    return sentences(folder, tables, run_ids[0]) if len(run_ids) == 1 else []


def ship(folder: Path) -> Path:
    """Write the field that goes into the wheel from a sweep: per variant and seed what a comparison needs.

    A sweep whose seeds share their test images would need these one by one too.
    """
    path = SHIPPED / folder.resolve().name / "tables" / "runs.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write(shipped(folder), path)
    return path


def shipped(folder: Path) -> pd.DataFrame:
    runs = store.collect(folder).runs
    return runs[[*_SHIPPED_COLUMNS, *config_columns(runs)]]


def _beside(folder: Path, run: Tables) -> Iterator[tuple[str, pd.DataFrame]]:
    """The sweeps beside a results folder, and the shipped ones that are not, with their runs of about its workload."""
    beside = [path for path in sorted(folder.resolve().parent.glob("*/")) if path.name != folder.resolve().name]
    names = {path.name for path in beside}
    for path in [*beside, *(path for path in sorted(SHIPPED.iterdir()) if path.name not in names)]:
        if not is_tuning(path) and len(runs := _read(path, run)):
            yield str(folder.parent / path.name) if path in beside else f"the shipped {path.name}", runs


def _read(folder: Path, run: Tables) -> pd.DataFrame:
    """The runs of a published folder that share the keys `_SAME`; none where it cannot be read."""
    types = {column.name: column.dtype for column in RUNS}
    try:
        wanted = {key: types.get(key, "string") for key in _SAME}
        keys = parquet.read_columns(folder / "tables", "runs", dtypes=wanted, names=["runs"])
        if not set(_SAME) <= {*keys.column_names} & {*run.runs}:
            return pd.DataFrame()
        own = {key: run.runs[key].iloc[0] for key in _SAME}
        alike = [pc.equal(keys[key], own[key] if key in types else text(own[key])) for key in _SAME]
        chosen = functools.reduce(pc.and_, alike)
        if not pc.any(chosen).as_py():
            return pd.DataFrame()
        table = parquet.read(folder / "tables", dtypes={"runs": types}).tables["runs"]
        return parquet.frame([table.filter(chosen)])
    except parquet.BrokenTablesError:  # its own report says so
        return pd.DataFrame()


def _reached(reached: Result, run: Tables) -> str:
    """`mish: test accuracy 97.4 % [97.1, 97.9] on digits, mean of 10 seeds.`"""
    column, n = reached.shown, reached.mean.n
    mean = _amount(reached.mean, column)
    where = f" on {text(run.runs['data'].iloc[0])}" if "data" in run.runs else ""
    lost = f" {reached.lost} of {n} diverged or learned nothing." if reached.lost else ""
    seeds = f"mean of {n} seeds" if n > 1 else "one seed"
    return f"{reached.name}: {numbers.metric(column)[0]} {mean}{where}, {seeds}.{lost}"


def _amount(interval: Interval, column: str) -> str:
    """A mean with its unit: accuracies in percent."""
    if not column.endswith("_accuracy"):
        return with_unit(interval, numbers.metric(column)[1].strip())
    return with_unit(interval.scaled(100), "%")


def _stands(reached: Result, name: str, place: Place) -> list[str]:
    """The place among the means, the comparison with the reference, and that with the best."""
    said, n = [], len(place.seeds)
    if len(place.order) > 2:
        lacking = f"; {place.num_lacking} more lack some of them" if place.num_lacking else ""
        seeds = f"the same {n} seeds" if n > 1 else "the same seed"
        said.append(f"Its mean is the {ordinal(place.rank)} of {len(place.order)} on {seeds} ({name}){lacking}.")
    if place.reference:
        said += _verdict(place.reference, reached)
    if place.against_best and place.against_best["look"]:
        words = {"worse": "It is behind", "equivalent": "It is within the margin of"}
        behind = words.get(place.against_best["verdict"], "It is not told apart from")
        said.append(f"{behind} the best of them, {place.best}: {_difference(place.against_best)}.")
    return said


def _difference(row: dict) -> str:
    """`−0.3 points [−0.5, −0.1]` of accuracy, at the level of the look as the verdict is; of a distance its change."""
    shown = row["points"].scaled(-1) if "points" in row else _change(row)
    sign = "+" if shown.mean > 0 else ""
    return (
        f"{sign}{with_unit(shown, 'points')}" if "points" in row else f"{sign}{with_unit(shown, '%')} of the distance"
    )


def _change(row: dict) -> Interval:
    return Interval(row["change"], row["low"], row["high"], row["n"]).scaled(100)


def _verdict(row: dict, reached: Result) -> list[str]:
    """What the comparison with the reference decides, or why it does not, and what would."""
    first, margin = reached.looks.sizes[0], percent(MARGIN - 1)
    said = f"Against {row['against']}, seed by seed: {_difference(row)}"
    if not row["look"]:
        too_few = f"There is no verdict before the first look, at {first} seeds: give num_seeds={first}."
        return [f"{said}.", too_few] if row["n"] > 1 else [too_few]
    if "points" in row:
        said += f"; the error rate changes by {with_unit(_change(row), '%')}"
    if row["verdict"] != "undecided":
        within = "within" if row["verdict"] == "equivalent" else "by more than"
        return [f"{said}: {row['verdict']}, {within} the margin of {margin}."]
    half, price = (row["high"] - row["low"]) / 2, row["price"]
    more = f"about {rounded(price, 6)} more seeds" if np.isfinite(price) else "more than 10,000 seeds"
    return [
        f"{said}: undecided.",
        f"With these {row['look']} seeds it is known to ±{percent(half)}, and the margin is {margin}: "
        f"{more} would decide, if the estimate stays.",
    ]


def _without(run: Tables, sweeps: dict[str, pd.DataFrame]) -> str:
    """Why there is nothing to compare with, and which command would make it."""
    how = "The same command with -m '+act=glob(*)' in place of its activation measures all of them"
    how += "." if (run.runs["act"] == REFERENCE).any() else f", with +act={REFERENCE} the one that it is compared with."
    apart = {name: field.differing(run, runs) for name, runs in sweeps.items()}
    if not apart:
        return f"Nothing to compare with: no sweep here has this data, model and task. {how}"
    name, (keys, theirs) = min(apart.items(), key=lambda item: len(item[1][0]))
    if keys:
        return f"Nothing to compare with: {name} has {theirs or 'other settings'}, not {keys}. {how}"
    first, last = sweeps[name]["seed"].min(), sweeps[name]["seed"].max()
    return f"Nothing to compare with: {name} has the seeds {first} to {last}, none of these. Give seed={first}."


if __name__ == "__main__":
    print(ship(Path(sys.argv[1])))
