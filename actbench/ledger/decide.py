"""Decides claims: families of atoms at their looks, computed facts, controls, and the verdict of each claim."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from actbench.compare import sequential
from actbench.ledger import choice, rules
from actbench.ledger.claims import FINDINGS, NOT_MEASURED, Atom, Claim, ClaimError, families, looks_of
from actbench.ledger.evidence import Evidence
from actbench.ledger.rules import Fact, Setting
from actbench.report.numbers import fixed

RELATIVE = (*rules.ERRORS, "log_ratio")  # shown as a change against the reference


@dataclass(frozen=True)
class Decided:
    """An atom with its numbers and what became of it.

    Attributes:
        verdict: true, false, undecided, not shown, not measured, or cited.
        settings: Its cases with their numbers, in the order of `outcome.cases`.
        outcome: Of an atom with seeds.
        looks: Those of its family.
        facts: Of a computed one.
    """

    atom: Atom
    verdict: str
    settings: tuple[Setting, ...] = ()
    outcome: sequential.Outcome | None = None
    looks: sequential.Looks | None = None
    facts: tuple[Fact, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether more seeds may still decide it."""
        return self.outcome is not None and self.looks is not None and sequential.is_open(self.outcome, self.looks)

    @property
    def estimates(self) -> list["Estimate"]:
        """What was found for each case, or each computed number."""
        if self.outcome is None:
            return [Estimate(f.case.name, f.value, f.low, f.high, 0, weak=_WEAKNESS[f.lies], level=f.value) for f in self.facts]
        found = []
        for setting, case in zip(self.settings, self.outcome.cases, strict=False):
            ends = np.array([case.mean, case.low, case.high])
            mean, low, high = np.expm1(ends) if self.atom.rule == "log_ratio" else ends
            levels = (np.nan if of is None else _mean(of[: case.n]) for of in (setting.level, setting.reference))
            found.append(Estimate(setting.case.name, mean, low, high, case.n, case.p, *levels, p=case.p, q=case.q))
        return found

    @property
    def fields(self) -> dict[str, object]:
        """What its sentences may say, see `sentences.FIELDS`; numbers that there are not are nan."""
        estimates = self.estimates
        none = Estimate("", *[np.nan] * 3, 0, np.nan)
        worst, best = (pick(estimates, key=lambda one: one.weak, default=none) for pick in (max, min))
        means, levels = ([getattr(one, key) for one in estimates] or [np.nan] for key in ("mean", "level"))
        missing = [one.name for one in estimates if not one.weak < sequential.ALPHA]
        return {
            **{key: float(getattr(worst, key)) for key in ("mean", "low", "high", "level", "reference")},
            **{"smallest": float(min(means)), "largest": float(max(means))},
            **{"smallest_level": float(min(levels)), "largest_level": float(max(levels))},
            **{"n": self.outcome.n if self.outcome else 0, "cases": len(self.atom.cases)},
            "holding": len(estimates) - len(missing),
            **{"worst": worst.name, "best": best.name, "exceptions": ", ".join(missing) or "none"},
            "chosen": self.settings[0].case.name if self.settings and self.atom.needs == "any" else "",
            **{"verdict": self.verdict, "price": price(self)},
        }


@dataclass(frozen=True)
class Estimate:
    """What was found for one case: a mean with its interval, the levels behind it, both p; `weak` orders the cases."""

    name: str
    mean: float
    low: float
    high: float
    n: int
    weak: float
    level: float = np.nan
    reference: float = np.nan
    p: float = field(default=np.nan, kw_only=True)
    q: float = field(default=np.nan, kw_only=True)


_WEAKNESS = {"inside": 0.0, "across": 0.5, "outside": 1.0}


def decide_claim(claim: Claim, evidence: Evidence) -> list[Decided]:
    """Its atoms, decided, in their order.

    Raises:
        ClaimError: If a table lacks a column that an atom names.
    """
    decided = {}
    settings = {atom.name: _measured(claim, atom, evidence) for atom in claim.atoms if atom.has_seeds}
    for family in families(claim.atoms):
        looks = looks_of(family)
        tested = [atom for atom in family if settings[atom.name]]
        atoms = [_tested(atom, settings[atom.name]) for atom in tested]
        outcomes = dict(zip([atom.name for atom in tested], sequential.decide(atoms, looks), strict=True))
        for atom in family:
            outcome = outcomes.get(atom.name, _unmeasured(atom))
            decided[atom.name] = Decided(atom, outcome.verdict, tuple(settings[atom.name]), outcome, looks)
    for atom in claim.atoms:
        if atom.rule == "cited":
            decided[atom.name] = Decided(atom, "cited")
        elif atom.rule == "computed":
            found = _facts(claim, atom, evidence)
            decided[atom.name] = Decided(atom, judge(atom, found), facts=tuple(found))
    return [decided[atom.name] for atom in claim.atoms]


def judge(atom: Atom, facts: Sequence[Fact]) -> str:
    """The verdict of a computed atom: of each case all rows count, of the cases as many as it needs."""
    lies = {}
    for case in atom.cases:
        inside = [fact.lies for fact in facts if fact.case == case]
        if not inside:
            return NOT_MEASURED
        lies[case.name] = "outside" if "outside" in inside else "across" if "across" in inside else "inside"
    needed = {"all": len(lies), "most": len(lies) // 2 + 1, "any": 1}[atom.needs]
    holding, failing = (list(lies.values()).count(side) for side in ("inside", "outside"))
    return "true" if holding >= needed else "false" if failing > len(lies) - needed else "undecided"


def verdict(decided: Sequence[Decided]) -> str:
    """The key in FINDINGS of a claim's verdict, or NOT_MEASURED."""
    of = {kind: [d.verdict for d in decided if d.atom.kind == kind] for kind in ("control", "claimed", "definition")}
    if "false" in of["control"]:
        return "untestable"
    for prefix, verdicts in (("", of["claimed"]), ("definition_", of["definition"])):
        if not verdicts:
            continue
        if {"true", "false"} <= set(verdicts):
            return "partly" if not prefix else "definition_false"
        if NOT_MEASURED in verdicts or (not prefix and NOT_MEASURED in of["control"]):
            return NOT_MEASURED
        if set(verdicts) == {"true"} and (prefix or set(of["control"]) <= {"true"}):
            return f"{prefix}true"
        return f"{prefix}false" if set(verdicts) == {"false"} else "undecided"
    return "cited"


def worded(key: str) -> str:
    """A claim's verdict in words."""
    return FINDINGS.get(key, key)


def price(decided: Decided) -> str:
    """The further seeds that would decide an atom, in words; empty where it is decided."""
    outcome = decided.outcome
    if outcome is None or np.isnan(outcome.price):
        return ""
    if not outcome.n:
        return "first look"
    return "more than 10,000" if np.isinf(outcome.price) else fixed(outcome.price)


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
        return [fact for case, frame in frames if frame is not None for fact in rules.facts(atom, case, frame)]
    except ClaimError as error:
        raise ClaimError(f"{claim.id}, atom {atom.name}: {error}") from error


def _tested(atom: Atom, settings: Sequence[Setting]) -> sequential.Atom:
    return sequential.Atom(atom.name, tuple(setting.tested for setting in settings), atom.needs)  # type: ignore[arg-type]


def _unmeasured(atom: Atom) -> sequential.Outcome:
    nan = np.nan
    return sequential.Outcome(NOT_MEASURED, 0, nan, nan, nan, nan, cases=(), price=float(atom.looks.sizes[0]))


def _mean(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else np.nan
