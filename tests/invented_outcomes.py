"""Atoms with invented numbers, for the pages and sentences of outcomes that nobody has seen yet."""

import itertools
from collections.abc import Iterator, Mapping

import numpy as np

from actbench.compare.sequential import Estimate, Outcome
from actbench.compare.statements import Bound, Case
from actbench.ledger import claimed
from actbench.ledger.claims import NOT_MEASURED, Atom, Claim
from actbench.ledger.decided import Decided
from actbench.ledger.rules import Fact, Setting

_LIES = {"true": "inside", "false": "outside", "undecided": "across"}
_P = {"true": (1e-4, 1.0), "false": (1.0, 1e-4), "not shown": (1.0, 1e-4), "undecided": (0.3, 0.7)}


def verdicts(atom: Atom) -> tuple[str, ...]:
    """What can become of an atom."""
    if atom.rule == "cited":
        return ("cited",)
    negative = "not shown" if atom.needs == "any" and atom.has_seeds else "false"
    return ("true", negative, "undecided", NOT_MEASURED)


def decided(atom: Atom, verdict: str, *, seeds: int = 20) -> Decided:
    """An atom with that verdict, and means that lie accordingly inside of its claimed set, outside or on its end."""
    if verdict in ("cited", NOT_MEASURED):
        outcome = Outcome(NOT_MEASURED, 0, *[np.nan] * 4, cases=(), price=10.0) if atom.has_seeds else None
        return Decided(atom, verdict, outcome=outcome, looks=atom.looks if atom.has_seeds else None)
    if not atom.has_seeds:
        places = [_place(atom, case, verdict) for case in atom.cases]
        facts = [Fact(case, mean, mean, mean, _LIES[verdict]) for case, mean in zip(atom.cases, places, strict=True)]
        return Decided(atom, verdict, facts=tuple(facts))
    cases = atom.cases[:1] if atom.needs == "any" else atom.cases
    settings, estimates = [], []
    for number, case in enumerate(cases):
        spread = _spread(atom, case)
        mean = _place(atom, case, verdict) + 0.1 * spread * (number % 3)
        values = mean + spread * np.random.default_rng(number).normal(0, 0.5, seeds)
        shown = np.log1p(values.clip(-0.99)) if atom.rule == "log_ratio" else values
        half = 3 * spread if verdict == "undecided" else 0.3 * spread
        ends = (
            np.log1p([mean, mean - half, mean + half]) if atom.rule == "log_ratio" else (mean, mean - half, mean + half)
        )
        settings.append(
            Setting(case, Case((Bound(values, "above"),), shown), np.full(seeds, 0.03), np.full(seeds, 0.04))
        )
        estimates.append(Estimate(*ends, seeds, *_P[verdict], skewed=False))
    p, q = _P[verdict]
    price = 24.0 if verdict == "undecided" else np.nan
    outcome = Outcome(verdict, seeds, p, q, p, q, cases=tuple(estimates), price=price)
    return Decided(atom, verdict, tuple(settings), outcome, atom.looks)


def outcomes(claim: Claim) -> Iterator[Mapping[str, str]]:
    """What can become of the atoms of a claim: each that may vote by itself, those of the other kinds together."""
    by_itself = [atom for atom in claim.atoms if atom.kind in ("claimed", "control") or atom.name in _named(claim)]
    together = [atom for atom in claim.atoms if atom not in by_itself]
    for found in itertools.product(*map(verdicts, by_itself)):
        for place in range(4):
            rest = {atom.name: verdicts(atom)[min(place, len(verdicts(atom)) - 1)] for atom in together}
            yield rest | {atom.name: verdict for atom, verdict in zip(by_itself, found, strict=True)}


def _named(claim: Claim) -> set[str]:
    """The atoms by which a finding goes."""
    return {template["by"] for template in claim.finding.values() if isinstance(template, Mapping)}


def _spread(atom: Atom, case) -> float:
    low, high = claimed.ends(atom, case)
    return (
        (high - low) / 8
        if np.isfinite(high - low) and high > low
        else max(abs(low if np.isfinite(low) else high), 0.1) / 4
    )


def _place(atom: Atom, case, verdict: str) -> float:
    low, high = claimed.ends(atom, case)
    spread = _spread(atom, case)
    end, inwards = (low, 1) if np.isfinite(low) else (high, -1)
    inside = (verdict == "true") != claimed.is_outside(atom)
    return end + inwards * spread * (0 if verdict == "undecided" else 2 if inside else -2)
