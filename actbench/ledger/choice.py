"""Choices made on tuning seeds, before the evaluation seeds are looked at: the case of an `any`, the best reference."""

import itertools
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from actbench.compare import errors
from actbench.compare.tails import Change
from actbench.compare.workloads import TRACKS
from actbench.ledger import rules
from actbench.ledger.cases import Case
from actbench.ledger.claims import Atom, ClaimError
from actbench.ledger.evidence import Evidence, select
from actbench.tables.tuning import FIRST_SEED

_TUNED = TRACKS["tuned"]  # what tuning chooses for each activation


def resolved(atom: Atom, evidence: Evidence) -> list[Case]:
    """The cases that are tested: the chosen one of an `any`, each with its reference; [] where it cannot be chosen."""
    cases = [with_best_reference(case, evidence) if case.best_of is not None else case for case in atom.cases]
    if None in cases:
        return []
    known = [case for case in cases if case is not None]
    return chosen(atom, known, evidence) if atom.needs == "any" and atom.has_seeds else known


def chosen(atom: Atom, cases: list[Case], evidence: Evidence) -> list[Case]:
    """Of the cases the one that speaks most for the statement on tuning seeds; loss breaks ties; [] where one lacks.

    Error rates and the like are those on validation data. A reference in another folder is the same for all cases, and
    is left out of the choice.
    """
    on_validation = replace(atom, column=atom.column.replace("test_", "val_"))
    strengths = []
    for case in cases:
        there = tuning_case(case, case.chosen_on or {})
        rows = rules.rows_of(on_validation, there, evidence, narrow=tuning_rows)
        if rows is None:
            return []
        seeds = np.unique(rows.where["seed"])
        seeds = np.intersect1d(seeds, rows.against["seed"]) if rows.is_contrast else seeds
        if not len(seeds):
            return []
        alone = bool(case.against) and not rows.is_contrast
        strength = _alone(on_validation, case, rows.where) if alone else _strength(on_validation, there, rows, seeds)
        strengths.append((strength, -_loss(rows.where)))
    best = max(range(len(cases)), key=strengths.__getitem__)
    return [cases[best]]


def with_best_reference(case: Case, evidence: Evidence) -> Case | None:
    """The case with one reference, the one with the lowest validation error of those that lists in `against` name."""
    there = tuning_case(case, case.best_of or {})
    frame = evidence.frame(there.results, "runs")
    if frame is None:
        return None
    lists = {key: value for key, value in case.against.items() if isinstance(value, list)}
    ranked: list[tuple[float, float, dict]] = []
    for values in itertools.product(*lists.values()):
        candidate = dict(zip(lists, values, strict=True))
        rows = tuning_rows(select(frame, {**there.reference, **candidate}))
        if not len(rows):
            return None
        ranked.append((1 - rows["val_accuracy"].mean(), _loss(rows), candidate))
    best = min(ranked, key=lambda one: one[:2])[2]
    return replace(case, against={**case.against, **best}, best_of=None)


def tuning_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows on tuning seeds; of several rates or initialisations the best by validation error, on the most seeds."""
    rows = rows[rows["seed"] >= FIRST_SEED]
    keys = [key for key in _TUNED if key in rows and len(rows[key].unique()) > 1]
    if not keys or "val_accuracy" not in rows:
        return rows
    means = {"n": ("seed", "nunique"), "right": ("val_accuracy", "mean"), "loss": ("val_loss", "mean")}
    settings = rows.groupby(keys, as_index=False).agg(**means)
    best = settings.sort_values(["n", "right", "loss"], ascending=[False, False, True], kind="stable").iloc[0]
    return select(rows, {key: best[key] for key in keys})


def tuning_case(case: Case, choice: Mapping) -> Case:
    """The case as its folder with tuning seeds has it, without a reference in another folder."""
    without = choice.get("without", [])
    where, against, than = (
        {key: value for key, value in rows.items() if key not in without}
        for rows in (case.where, {} if "results" in case.against else case.against, case.than)
    )
    return replace(case, results=choice.get("results", case.results), where=where, against=against, than=than)


def _strength(atom: Atom, case: Case, rows: rules.Rows, seeds: np.ndarray) -> float:
    """How far the mean lies into the claimed set, for error rates in those of the reference."""
    setting = rules.setting(atom, case, rows, seeds=seeds)
    is_error = isinstance(setting.tested.shown, Change) and setting.reference is not None
    scale = float(np.mean(setting.reference)) if is_error else 1.0  # type: ignore[arg-type]
    depths = [
        (1 if bound.side == "above" else -1) * float(np.mean(bound.values)) / (scale or 1.0)
        for bound in setting.tested.bounds
    ]
    return -min(depths) if setting.tested.outside else min(depths)


def _alone(atom: Atom, case: Case, rows: pd.DataFrame) -> float:
    """The same without the reference: how low the level is, or how high."""
    level = float(rules.by_seed(rows, atom.column, atom.reduce).mean())
    if atom.rule in errors.RULES:
        level, is_lower = 1 - level, atom.rule in ("no_worse", "better", "lower")
        is_upper = atom.rule in ("worse", "at_least")
    else:
        is_lower, is_upper = np.isinf(case.low) and not atom.outside, np.isinf(case.high) and not atom.outside
    if is_lower == is_upper:
        raise ClaimError("To choose a case its reference must be in the same results folder: the set has two ends.")
    return -level if is_lower else level


def _loss(rows: pd.DataFrame) -> float:
    loss = rows["val_loss"].mean() if "val_loss" in rows else np.nan
    return 0.0 if np.isnan(loss) else float(loss)
