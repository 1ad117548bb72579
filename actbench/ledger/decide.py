"""Decides claims: families of atoms at their looks, computed facts, controls, and the verdict of each claim."""

from collections.abc import Sequence

import numpy as np

from actbench.compare import sequential, statements
from actbench.ledger import choice, rules
from actbench.ledger.claims import FINDINGS, NOT_MEASURED, Atom, Claim, ClaimError, families, looks_of
from actbench.ledger.decided import Decided
from actbench.ledger.evidence import Evidence
from actbench.ledger.rules import Fact, Setting


def decide_claim(claim: Claim, evidence: Evidence) -> list[Decided]:
    """Its atoms, decided, in their order.

    Raises:
        ClaimError: If a table lacks a column that an atom names.
    """
    decided = {}
    settings = {atom.name: _measured(claim, atom, evidence) for atom in claim.atoms if atom.has_seeds}
    for family in families(claim.atoms):
        looks = looks_of(family)
        outcomes = sequential.decide([_tested(atom, settings[atom.name]) for atom in family], looks)
        for atom, outcome in zip(family, outcomes, strict=True):
            decided[atom.name] = Decided(atom, outcome.verdict, tuple(settings[atom.name]), outcome, looks)
    for atom in claim.atoms:
        if atom.rule == "cited":
            decided[atom.name] = Decided(atom, "cited")
        elif atom.rule == "computed":
            found = _facts(claim, atom, evidence)
            decided[atom.name] = Decided(atom, judge(atom, found), facts=tuple(found))
    return [decided[atom.name] for atom in claim.atoms]


def judge(atom: Atom, facts: Sequence[Fact]) -> str:
    """The verdict of a computed atom, of whose cases as many as it needs must hold."""
    if len(facts) < len(atom.cases):
        return NOT_MEASURED
    needed = {"all": len(facts), "most": len(facts) // 2 + 1, "any": 1}[atom.needs]
    holding, failing = ([fact.lies for fact in facts].count(side) for side in ("inside", "outside"))
    return "true" if holding >= needed else "false" if failing > len(facts) - needed else "undecided"


def verdict(decided: Sequence[Decided]) -> str:
    """The verdict of a claim, a key of FINDINGS or NOT_MEASURED.

    A failed control wins over everything. One that is not measured or undecided leaves the claimed atoms so.
    """
    controls, claimed, definitions = (
        {one.verdict for one in decided if one.atom.kind == kind} for kind in ("control", "claimed", "definition")
    )
    if "false" in controls:
        return "untestable"
    if claimed:
        return _of_claimed(claimed, controls)
    if definitions:
        first = (name for name in ("false", NOT_MEASURED, "undecided") if name in definitions)
        found = next(first, "true")
        return f"definition_{found}" if found in ("true", "false") else found
    return "cited"


def _of_claimed(claimed: set[str], controls: set[str]) -> str:
    for waiting in (NOT_MEASURED, "undecided"):
        if waiting in controls:
            return waiting
    if {"true", "false"} <= claimed:
        return "partly"
    if NOT_MEASURED in claimed:
        return NOT_MEASURED
    return claimed.pop() if claimed in ({"true"}, {"false"}) else "undecided"


def worded(key: str) -> str:
    """A claim's verdict in words."""
    return FINDINGS.get(key, key)


def _measured(claim: Claim, atom: Atom, evidence: Evidence) -> list[Setting]:
    """The cases of an atom with their numbers; [] where one has none yet."""
    try:
        settings = []
        for case in choice.resolved(atom, evidence):
            rows = rules.rows_of(atom, case, evidence)
            if rows is None:
                return []
            last = min(atom.looks.sizes[-1], case.seeds or atom.looks.sizes[-1])
            settings.append(rules.setting(atom, case, rows, seeds=np.arange(last)))
        return settings
    except ClaimError as error:
        raise ClaimError(f"{claim.id}, atom {atom.name}: {error}") from error


def _facts(claim: Claim, atom: Atom, evidence: Evidence) -> list[Fact]:
    try:
        frames = [(case, evidence.frame(case.results, atom.table)) for case in atom.cases]
        facts = [rules.fact(atom, case, frame) for case, frame in frames if frame is not None]
        return [fact for fact in facts if fact is not None]
    except ClaimError as error:
        raise ClaimError(f"{claim.id}, atom {atom.name}: {error}") from error


def _tested(atom: Atom, settings: Sequence[Setting]) -> statements.Atom:
    """What is decided; an atom without numbers has its place in the family too."""
    cases = tuple(setting.tested for setting in settings)
    missing = statements.Case.inside(np.full(atom.looks.sizes[-1], np.nan), low=0)
    return statements.Atom(atom.name, cases or (missing,), atom.needs)  # type: ignore[arg-type]
