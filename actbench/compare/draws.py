"""How far does the tuning draw matter? The same evaluation seeds with what several tunings chose.

A draw is a tuning on seeds of its own; it chooses a setting, a learning rate and an initialisation, for each variant.
Which one a variant got is outside every interval over evaluation seeds.
"""

import numpy as np
import pandas as pd

from actbench.compare.best_set import best_set
from actbench.compare.comparison import family, judged, measured
from actbench.compare.workloads import Workload, workloads
from actbench.tables.schema import REFERENCE, Tables
from actbench.tables.tuning import variant

SETTING = ["act", "parameters", "lr", "init"]
COLUMNS = [
    "draw", "variant", "lr", "init", "n", "error", "verdict", "change", "low", "high", "alpha", "p_holm", "in_set",
]  # fmt: skip
DECIDED = ("better", "worse", "equivalent")


def draws(tables: Tables, chosen: pd.DataFrame, *, reference: str = REFERENCE) -> pd.DataFrame:
    """`COLUMNS`: what is found of each variant with what each draw chose, all on the same seeds.

    `chosen` has the columns `SETTING` and `draw`, a number. The reference has its setting of the draw too;
    its own verdict is missing. A draw without runs of its reference has no rows.

    Columns:
        n, error: Number of seeds of the variant, and its mean test error.
        verdict, change, low, high, alpha, p_holm: See `paired.compare`.
        in_set: Whether it may be the best, see `best_set.best_set`.
    """
    found = []
    for draw, rows in chosen.groupby("draw"):
        work = work_of(tables, rows)
        if work is None or reference not in set(work.tables.runs["variant"]):
            continue
        found.append(_of_one(work, reference=reference).assign(draw=draw))
    return pd.concat(found, ignore_index=True)[COLUMNS] if found else pd.DataFrame(columns=COLUMNS)


def work_of(tables: Tables, chosen: pd.DataFrame) -> Workload | None:
    """The runs that have these settings, which differ for no activation, as a workload; None without any."""
    runs = tables.runs
    names = [variant({str(name): value for name, value in row.items()}) for row in runs.to_dict("records")]
    keys = pd.DataFrame(names, columns=["act", "parameters"], index=runs.index)
    keys = keys.assign(lr=runs["optim.lr"].astype(float), init=runs["init"])
    is_chosen = pd.MultiIndex.from_frame(keys).isin(pd.MultiIndex.from_frame(chosen[SETTING]))
    if not is_chosen.any():
        return None
    (work,) = workloads(tables._replace(runs=runs[is_chosen]))
    return work


def _of_one(work: Workload, *, reference: str) -> pd.DataFrame:
    runs = measured(work)
    value = judged(runs, reference=reference)
    if value is None:
        raise ValueError(f"The runs have no error to compare with {reference}'s: draws of a tuning are of classifiers.")
    by_variant = runs.groupby("variant")
    table = by_variant.agg(
        lr=("optim.lr", "first"), init=("init", "first"), n=("seed", "nunique"), error=(value, "mean")
    )
    verdicts = family(work, value=value, reference=reference).set_index("variant")
    best = best_set(runs, value=value, looks=work.looks, rng=np.random.default_rng(0)).set_index("variant")
    columns = ["verdict", "change", "low", "high", "alpha", "p_holm"]
    table = table.join(verdicts[columns])
    return table.assign(in_set=best["in_set"].reindex(table.index).fillna(False).astype(bool)).reset_index()


def changes(table: pd.DataFrame) -> pd.DataFrame:
    """What differs from draw to draw, a row for each variant of `draws`.

    Columns:
        settings: How many settings were chosen.
        verdicts: How many verdicts were taken; 0 of the reference.
        contradicts: Whether two of them are decided, and differ.
        sets: In how many draws it may be the best.
        spread: The largest less the smallest mean error.
    """
    groups = table.groupby("variant", sort=False)
    settings = groups.apply(lambda rows: len(rows[["lr", "init"]].drop_duplicates()))
    decided = table[table["verdict"].isin(DECIDED)].groupby("variant")["verdict"].nunique()
    found = pd.DataFrame({
        "settings": settings,
        "verdicts": groups["verdict"].nunique(),
        "contradicts": decided.reindex(settings.index, fill_value=0) > 1,
        "sets": groups["in_set"].sum(),
        "spread": groups["error"].max() - groups["error"].min(),
    })  # fmt: skip
    return found.reset_index()
