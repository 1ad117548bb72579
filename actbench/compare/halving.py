"""Successive halving: which settings of an activation go on, and which is chosen (Jamieson & Talwalkar 2016).

A setting is a learning rate and an initialisation. At each rung the settings that are left are trained, at the full
budget, on more seeds; the best go on, and with them the shared track's own. Settings are ranked by the mean validation
error over their seeds so far, equal ones by the mean validation loss; a diverged run has the error and the loss of a
guess. Where the best one at last has the lowest or highest rate of the grid, the grid grows by one step on that side,
at most `STEPS` times. All follows from the runs that are there, so that a tuning that was killed decides the same.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from actbench.tables.schema import config_columns
from actbench.tables.text import text
from actbench.tables.tuning import Setting, Tuning, is_shared, variant

STEPS = 3
_DIGITS = 12  # of a mean that is compared: sums of the same counts differ by rounding

Scores = Mapping[Setting, Mapping[int, tuple[float, float]]]  # validation error and loss by seed
CHOICES = ("act", "parameters", "lr", "init", "val_error", "val_loss", "num_seeds", "at_edge", "is_shared")
RUNGS = ("num_seeds", "lr", "init", "val_error", "val_loss", "place", "goes_on")


class Course(NamedTuple):
    """The tuning of one activation, as far as its runs go.

    Attributes:
        packs: All runs that it has needed so far, each a setting and the rung whose seeds it adds.
        waiting: Those of them that are missing; none at the end.
        most: The largest number of runs that may still be needed, those that wait included.
        num_left: Number of settings that are left.
        rungs: A row of `RUNGS` for each setting at each rung that is complete, the best first.
        choice: The best setting at the end, None before.
        at_edge: Whether the choice has the lowest or the highest rate measured with its init.
    """

    packs: list[tuple[Setting, int]]
    waiting: list[tuple[Setting, int]]
    most: int
    num_left: int
    rungs: list[tuple]
    choice: Setting | None
    at_edge: bool


def scores(runs: pd.DataFrame, tuning: Tuning) -> dict[tuple[str, str], dict[Setting, dict[int, tuple[float, float]]]]:
    """The validation error and loss of each seed, by activation with its parameters, and by setting."""
    runs = runs[belongs(runs, tuning) & (runs["status"] != "failed")]
    numbers = runs[["val_accuracy", "val_loss"]].to_numpy(dtype=float)
    values = np.where(np.isfinite(numbers), numbers, [-np.inf, np.inf])
    table: dict[tuple[str, str], dict[Setting, dict[int, tuple[float, float]]]] = {}
    for row, (accuracy, loss) in zip(runs.to_dict("records"), values, strict=True):
        by_setting = table.setdefault(variant({str(k): v for k, v in row.items()}), {})
        by_setting.setdefault(Setting(row["optim.lr"], row["init"]), {})[row["seed"]] = (1 - accuracy, loss)
    return table


def belongs(runs: pd.DataFrame, tuning: Tuning) -> pd.Series:
    """Whether each run is one of the tuning: of its workload, and of its seeds."""
    seeds = range(tuning.first_seed, tuning.first_seed + tuning.rungs[-1])
    is_one = runs["seed"].isin(seeds)
    for name in {*filter(is_shared, config_columns(runs)), *tuning.workload}:
        is_one &= (runs[name].map(text) if name in runs else "") == tuning.workload.get(name, "")
    return is_one


def course(measured: Scores, tuning: Tuning) -> Course:
    """How far the tuning of an activation has come with these scores."""
    last, num_packs = len(tuning.rungs) - 1, len(tuning.rungs)
    left = [Setting(rate, init) for rate in tuning.rates for init in tuning.inits]
    packs: list[tuple[Setting, int]] = []
    rows: list[tuple] = []
    for rung in range(num_packs):
        packs += [(setting, rung) for setting in left]
        if waiting := _missing(packs, measured, tuning):
            counts = [min(len(left), kept + 1) for kept in tuning.keep[rung:]]
            return Course(packs, waiting, len(waiting) + sum(counts) + STEPS * num_packs, len(left), rows, None, False)
        ranked = _ranked(left, measured, tuning, rung)
        left = _staying(ranked, tuning, rung) if rung < last else ranked
        rows += _rows(ranked, left, measured, tuning, rung)
    rates = {init: sorted(tuning.rates) for init in tuning.inits}
    for step in range(STEPS):
        best = ranked[0]
        rate = _beyond(rates[best.init], best.lr)
        if rate is None:
            break
        packs += [(Setting(rate, best.init), rung) for rung in range(num_packs)]
        if waiting := _missing(packs, measured, tuning):
            most = len(waiting) + (STEPS - step - 1) * num_packs
            return Course(packs, waiting, most, len(ranked) + 1, rows, None, False)
        rates[best.init] = sorted([*rates[best.init], rate])
        ranked = _ranked([*ranked, Setting(rate, best.init)], measured, tuning, last)
    rows = [row for row in rows if row[0] < tuning.rungs[last]] + _rows(ranked, ranked[:1], measured, tuning, last)
    best = ranked[0]
    at_edge = best.lr in (rates[best.init][0], rates[best.init][-1])
    return Course(packs, [], 0, len(ranked), rows, best, at_edge)


def choices(runs: pd.DataFrame, tuning: Tuning) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The columns `CHOICES` of each activation whose tuning has ended, and `RUNGS` of each activation."""
    chosen, rungs = [], []
    for (act, parameters), measured in sorted(scores(runs, tuning).items()):
        found = course(measured, tuning)
        rungs += [(act, parameters, *row) for row in found.rungs]
        if found.choice is not None:
            error, loss = _means(found.choice, measured, tuning, len(tuning.rungs) - 1)
            is_shared = found.choice == tuning.shared
            chosen.append((act, parameters, *found.choice, error, loss, tuning.rungs[-1], found.at_edge, is_shared))
    return pd.DataFrame(chosen, columns=list(CHOICES)), pd.DataFrame(rungs, columns=["act", "parameters", *RUNGS])


def _missing(packs: list[tuple[Setting, int]], measured: Scores, tuning: Tuning) -> list[tuple[Setting, int]]:
    def lacks(setting: Setting, rung: int) -> bool:
        first, count = tuning.pack(rung)
        return not set(range(first, first + count)) <= set(measured.get(setting, ()))

    return [(setting, rung) for setting, rung in packs if lacks(setting, rung)]


def _means(setting: Setting, measured: Scores, tuning: Tuning, rung: int) -> tuple[float, float]:
    """The mean validation error and loss over the seeds up to and with a rung."""
    seeds = range(tuning.first_seed, tuning.first_seed + tuning.rungs[rung])
    errors, losses = zip(*(measured[setting][seed] for seed in seeds), strict=True)
    return sum(errors) / len(seeds), sum(losses) / len(seeds)


def _ranked(settings: list[Setting], measured: Scores, tuning: Tuning, rung: int) -> list[Setting]:
    """The best first; of equal ones the shared track's, then the lower rate."""

    def key(setting: Setting) -> tuple:
        error, loss = _means(setting, measured, tuning, rung)
        return round(error, _DIGITS), round(loss, _DIGITS), setting != tuning.shared, setting

    return sorted(settings, key=key)


def _staying(ranked: list[Setting], tuning: Tuning, rung: int) -> list[Setting]:
    count = tuning.keep[rung]
    return [setting for place, setting in enumerate(ranked) if place < count or setting == tuning.shared]


def _rows(ranked: list[Setting], staying: list[Setting], measured: Scores, tuning: Tuning, rung: int) -> list[tuple]:
    return [
        (tuning.rungs[rung], *setting, *_means(setting, measured, tuning, rung), place, setting in staying)
        for place, setting in enumerate(ranked, 1)
    ]


def _beyond(rates: list[float], rate: float) -> float | None:
    """The rate one step outside the grid, on the side of this one if it is at an edge; None where it is not.

    The step is the ratio of the neighbours, one further in, so that 0.01, 0.03, 0.1 grows to 0.3 and 0.003.
    """
    if len(rates) < 3 or rate not in (rates[0], rates[-1]):
        return None
    inner, outer = (rates[2], rates[1]) if rate == rates[0] else (rates[-3], rates[-2])
    return float(f"{rate * outer / inner:.3g}")
