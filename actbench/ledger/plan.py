"""What the claims still need: the seeds for a sweeper that adds them, the runs for pages, a table with hours."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from actbench.command.options import estimated_hours
from actbench.ledger import decide
from actbench.ledger.cases import Case
from actbench.ledger.choice import tuning_case
from actbench.ledger.claims import KINDS, NOT_MEASURED, Claim
from actbench.ledger.decided import Decided
from actbench.ledger.evidence import MEASURED, OF_RUNS, Evidence
from actbench.report.numbers import fixed
from actbench.tables.text import text
from actbench.tables.tuning import FIRST_SEED

TUNING_SEEDS = 10  # on which something is chosen
_SHORTEST = 0.1  # hours
SETTLED = ("claimed", "control")  # kinds of atoms for which seeds are added first


@dataclass(frozen=True)
class Needed:
    """A setting of a sweep that an atom needs: its rows in `results`, and how many seeds.

    Attributes:
        where: Column of the config -> value, or a list of values, each of which is needed.
        n: The seeds of the next look at it.
        last: Those of its last look.
        is_open: Whether its atom is undecided, so that the next look is needed.
        table: Where its seeds are.
        first: Its first seed: 0, or that of the tuning seeds on which something is chosen.
    """

    results: str
    where: Mapping[str, Any]
    n: int
    last: int
    is_open: bool
    table: str = "runs"
    first: int = 0

    @property
    def key(self) -> str:
        """The same for the same setting."""
        return repr((self.first, sorted((name, text(value)) for name, value in self.where.items())))


def open_cases(
    results: str, claims: Sequence[Claim], evidence: Evidence, *, kinds: Sequence[str] = SETTLED
) -> list[Needed]:
    """The settings of a results folder whose atoms are open, and which lack seeds for the next look at them.

    A setting that several atoms need is there once, with the most seeds of them. With an empty list nothing is to do.
    """
    by_setting: dict[str, Needed] = {}
    resting = [claim for claim in claims if results in _folders(claim)]
    decided = (one for claim in resting for one in decide.decide_claim(claim, evidence))
    for needed in needs(decided, kinds=kinds):
        is_missing = needed.is_open and not needed.first and num_seeds(needed, evidence) < needed.n
        if needed.results == results and is_missing and by_setting.get(needed.key, needed).n <= needed.n:
            by_setting[needed.key] = needed
    return list(by_setting.values())


def _folders(claim: Claim) -> set[str]:
    """The results folders on which the atoms of a claim rest, also for what is chosen on tuning seeds."""
    cases = (case for atom in claim.atoms for case in atom.cases)
    return {results for case in cases for results, _ in (*sides(case), *choices(case))}


def needs(decided: Iterable[Decided], *, kinds: Sequence[str]) -> Iterator[Needed]:
    """Every setting that the atoms of these kinds need: of their cases, their references, what else they compare."""
    for one in decided:
        if one.atom.kind in kinds and one.looks is not None:
            yield from _of(one)


def missing(decided: Sequence[Decided], evidence: Evidence) -> dict[str, int]:
    """For each results folder the runs that lack for the next look at these atoms; 0 where it is a table that lacks."""
    runs: dict[str, int] = {}
    settings: dict[tuple[str, str], Needed] = {}
    for needed in needs(decided, kinds=KINDS):
        place = (needed.results, needed.key)
        if needed.is_open and (place not in settings or settings[place].n < needed.n):
            settings[place] = needed
    for needed in settings.values():
        if lacking := max(0, needed.n - num_seeds(needed, evidence)):
            so_far = runs.get(needed.results, 0)  # what is no table of runs measures all settings at once
            runs[needed.results] = so_far + lacking if needed.table == "runs" else max(so_far, lacking)
    for one in decided:
        for case in one.atom.cases if one.verdict == NOT_MEASURED and one.looks is None else ():
            if evidence.frame(case.results, one.atom.table) is None:
                runs.setdefault(case.results, 0)
    return runs


def price(runs: int, results: str, evidence: Evidence) -> str:
    """`40 runs, about 0.3 h`; the hours are known once the folder has a run."""
    hours = runs * _seconds_a_seed(results, evidence) / 3600
    return f"{fixed(runs)} runs{f', {duration(hours)}' if np.isfinite(hours) else ''}" if runs else ""


def duration(hours: float) -> str:
    """`about 0.3 h`, `under 0.1 h`."""
    words = _in_words(hours)
    return f"{words if words.startswith('under') else f'about {words}'} h"


def num_seeds(needed: Needed, evidence: Evidence) -> int:
    """The number of seeds from the first on that a setting has, without a gap."""
    seeds = evidence.seeds(needed.results, needed.table, needed.where)
    return next(n for n in range(len(seeds) + 1) if needed.first + n not in seeds)


def table(decided: Iterable[Decided], evidence: Evidence, *, kinds: Sequence[str]) -> list[list[str]]:
    """Heading and a row for each results folder: what is there, what the next look costs, what all looks cost."""
    rows = [["results", "settings", "seeds there", "next look", "hours", "last look", "hours in all"]]
    by_folder: dict[str, dict[str, list[Needed]]] = {}
    for needed in needs(decided, kinds=kinds):
        by_folder.setdefault(needed.results, {}).setdefault(needed.key, []).append(needed)
    totals = []
    for results, by_setting in sorted(by_folder.items()):
        there = [num_seeds(settings[0], evidence) for settings in by_setting.values()]
        following = [max(one.n if one.is_open else 0 for one in settings) for settings in by_setting.values()]
        last = [max(one.last for one in settings) for settings in by_setting.values()]
        hours = [_hours(results, evidence, there=there, aims=aims) for aims in (following, last)]
        totals.append(hours)
        in_all = _in_words(hours[1]) if np.isfinite(hours[1]) else _estimate(results)
        cells = [_span(there), _span(following), _in_words(hours[0]), _span(last), in_all]
        rows.append([results, str(len(by_setting)), *cells])
    cells = [_total(hours) for hours in np.reshape(totals, (-1, 2)).T]
    return [*rows, ["in all", "", "", "", cells[0], "", cells[1]]]


def seconds(decided: Decided, evidence: Evidence) -> float:
    """The training time of one more seed of an atom, in all of its settings; nan where it is not known of all."""
    settings = {(needed.results, needed.key) for needed in _of(decided) if not needed.first}
    return sum(_seconds_a_seed(results, evidence) for results, _ in settings) if settings else np.nan


def _of(decided: Decided) -> Iterator[Needed]:
    atom, table = decided.atom, "runs" if decided.atom.table in OF_RUNS else decided.atom.table
    sizes = atom.looks.sizes
    following = next((size for size in sizes if not decided.outcome or size > decided.outcome.n), sizes[-1])
    # Of an `any` the case that was chosen; before the choice all wait for it.
    cases = [one.case for one in decided.settings] or (() if atom.needs == "any" else atom.cases)
    for case in cases:
        most = case.seeds or sizes[-1]
        for results, where in sides(case):
            yield Needed(results, where, min(following, most), min(sizes[-1], most), decided.is_open, table)
    for case in () if decided.settings else atom.cases:
        for results, where in choices(case):
            yield Needed(results, where, TUNING_SEEDS, TUNING_SEEDS, True, table, FIRST_SEED)


def choices(case: Case) -> list[tuple[str, dict[str, Any]]]:
    """The settings, with their folder, that are compared on tuning seeds: of an `any`, of references."""
    chosen = [] if case.chosen_on is None else sides(tuning_case(case, case.chosen_on))
    return [*chosen, *([] if case.best_of is None else sides(tuning_case(case, case.best_of))[1:])]


def sides(case: Case) -> list[tuple[str, dict[str, Any]]]:
    """The folder and the config of a case's rows, of its reference, of what else it compares."""
    sides: list[tuple[str, Mapping[str, Any]]] = [(case.results, case.where)]
    sides += [(str(case.against.get("results", case.results)), case.reference)] if case.against else []
    sides += [(case.results, case.second)] if case.than else []
    return [(results, {name: value for name, value in rows.items() if _is_setting(name)}) for results, rows in sides]


def _is_setting(name: str) -> bool:
    return name not in MEASURED and not name.startswith("learned.")


def _hours(results: str, evidence: Evidence, *, there: Sequence[int], aims: Sequence[int]) -> float:
    """The hours of the seeds that lack, by the mean training time in the folder; nan where nothing is measured."""
    missing = sum(max(0, aim - num) for num, aim in zip(there, aims, strict=True))
    return missing * _seconds_a_seed(results, evidence) / 3600 if missing else 0.0


def _seconds_a_seed(results: str, evidence: Evidence) -> float:
    frame = evidence.frame(results, "runs")
    return np.nan if frame is None else float(pd.to_numeric(frame["train_seconds"]).mean())


def _span(values: Sequence[int]) -> str:
    low, high = min(values), max(values)
    return f"{low}" if low == high else f"{low} to {high}"


def _total(hours: np.ndarray) -> str:
    known = hours[np.isfinite(hours)]
    least = "at least " if known.any() and len(known) < len(hours) else ""
    return f"{least}{_in_words(known.sum() if known.any() or len(known) == len(hours) else np.nan)}"


def _estimate(results: str) -> str:
    """The hours of a whole sweep that has no run yet, as its experiment estimates them."""
    hours = estimated_hours(results)
    return f"{hours} (estimate)" if hours else _in_words(np.nan)


def _in_words(hours: float) -> str:
    if np.isnan(hours):
        return "unknown"
    return f"under {_SHORTEST}" if 0 < hours < _SHORTEST / 2 else fixed(hours, 1)
