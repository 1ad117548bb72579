"""Statements decided one by one, with more seeds until they are: true, false, or undecided with a price.

An *atom* is one statement, such as "the error is no worse, in all of these settings". Its *cases* are the settings, and
a case claims that one or two *bounds* hold, each "the mean of these numbers lies above (below) 0". A *family* of atoms
is decided together, at *looks* fixed beforehand: after 10, 20 and 40 seeds, say. `decide` is a function of the numbers
alone, so a sweep that was killed between two looks decides as one that was not.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from actbench.compare.looks import Looks
from actbench.compare.significance import holm
from actbench.compare.statements import Atom, Case
from actbench.compare.tails import Change, Tails, t_interval

MAX_SEEDS = 10_000  # what more than so many seeds would decide, none would


class Estimate(NamedTuple):
    """What was found for one case: the mean of what is shown, its t interval at its look's level, and both p.

    Attributes:
        mean, low, high: Of the shown numbers.
        n: Number of seeds.
        p, q: Of "the mean is not in the claimed set", and of "it is".
        skewed: Whether they count twice, since the differences are skewed.
    """

    mean: float
    low: float
    high: float
    n: int
    p: float
    q: float
    skewed: bool


@dataclass(frozen=True)
class Outcome:
    """What became of one atom.

    Attributes:
        verdict: true, false, undecided, not shown, or not measured.
        n: Number of seeds at the look that decided it, or at the last one that could be taken; 0 without one.
        p, q: Of "fewer than the needed cases hold", and of "as many hold", at that look.
        p_holm, q_holm: The same, adjusted for the family.
        cases: What was found for each case, at that look; none without one.
        price: Further seeds that would decide the present estimate; inf if 10,000 would not, nan if it is decided.
    """

    verdict: str
    n: int
    p: float
    q: float
    p_holm: float
    q_holm: float
    cases: tuple[Estimate, ...]
    price: float


def decide(atoms: Sequence[Atom], looks: Looks) -> list[Outcome]:
    """The outcome of each atom of a family.

    At each look the atoms that are still open are tested on the first so many seeds: Holm's procedure over the smaller
    of p and q, at the look's whole share of the error, since "true" and "false" cannot both be wrong. A decided atom
    stays decided and leaves the family. One that lacks seeds for a look counts there with p = 1, which can only make
    it harder for the others.
    """
    ready = [[size for size in looks.sizes if all(case.is_measured(size) for case in atom.cases)] for atom in atoms]
    states = [_State(atom) for atom in atoms]
    for size, alpha in zip(looks.sizes, looks.alphas, strict=True):
        family = [state for state in states if not state.is_decided]
        taken = [state for state, sizes in zip(states, ready, strict=True) if not state.is_decided and size in sizes]
        for state in taken:
            state.look(size, last=looks.sizes[-1])
        smaller = [min(state.p, state.q) if state.n == size else 1.0 for state in family]
        for state, adjusted in zip(family, holm(smaller), strict=True):
            if state.n == size:
                state.conclude(float(adjusted), family=len(family), alpha=alpha)
    num_open = sum(not state.is_decided for state in states)
    return [state.outcome(looks, family=num_open) for state in states]


def is_open(outcome: Outcome, looks: Looks) -> bool:
    """Whether a later look may still decide it."""
    return outcome.verdict in ("undecided", "not measured") and outcome.n < looks.sizes[-1]


class _State:
    """An atom on its way through the looks."""

    def __init__(self, atom: Atom) -> None:
        self.atom = atom
        self.n, self.alpha = 0, np.nan
        self.p = self.q = self.p_holm = self.q_holm = np.nan
        self.cases: list[_Measured] = []
        self.is_decided = False

    def look(self, n: int, *, last: int) -> None:
        self.n = n
        self.cases = [_Measured(case, n, last=last) for case in self.atom.cases]
        self.p, self.q = self.at(n)

    def at(self, n: int) -> tuple[float, float]:
        """The atom's p and q at n seeds, if mean and spread stay what they are."""
        p, q = zip(*(case.at(n) for case in self.cases), strict=True)
        return partial_conjunction(p, q, needed=self.atom.num_needed)

    def conclude(self, adjusted: float, *, family: int, alpha: float) -> None:
        other = min(1.0, family * max(self.p, self.q))
        self.p_holm, self.q_holm = (adjusted, other) if self.p <= self.q else (other, adjusted)
        self.alpha, self.is_decided = alpha, adjusted < alpha

    def outcome(self, looks: Looks, *, family: int) -> Outcome:
        if not self.n:
            nan = np.nan
            return Outcome("not measured", 0, nan, nan, nan, nan, cases=(), price=float(looks.sizes[0]))
        verdict, price = "undecided", np.nan
        if self.is_decided:
            negative = "not shown" if self.atom.needs == "any" else "false"
            verdict = "true" if self.p < self.q else negative
        else:
            price = self.price(looks.alphas[-1] / family)
        estimates = tuple(case.estimate(self.alpha) for case in self.cases)
        return Outcome(verdict, self.n, self.p, self.q, self.p_holm, self.q_holm, estimates, price)

    def price(self, alpha: float) -> float:
        """The further seeds with which the smaller of p and q would fall below alpha, found by halving."""
        low, high = self.n, MAX_SEEDS
        if not min(self.at(high)) < alpha:
            return np.inf
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if min(self.at(middle)) < alpha else (middle, high)
        return float(high - self.n)


def partial_conjunction(p: Iterable[float], q: Iterable[float], *, needed: int) -> tuple[float, float]:
    """The p of "fewer than u of the m cases hold" and the q of "u or more hold" (Benjamini & Heller 2008).

    With p and q sorted upwards they are (m − u + 1) p_(u), and u q_(m−u+1), since fewer than u hold where m − u + 1 do
    not. Valid whatever the dependence. For u = m that is the largest p, and m times the smallest q.
    """
    p, q = np.sort(np.array(list(p))), np.sort(np.array(list(q)))
    refuted = len(p) - needed + 1
    return min(1.0, float(refuted * p[needed - 1])), min(1.0, float(needed * q[refuted - 1]))


class _Measured:
    """A case at a look."""

    def __init__(self, case: Case, n: int, *, last: int) -> None:
        self.case, self.n = case, min(n, case.most)
        self.limit = case.most if case.most < last else MAX_SEEDS
        self.bounds, self.refuted = (
            [(bound.side, Tails.of(bound.values[: self.n], images=bound.images, exact=case.exact)) for bound in bounds]
            for bounds in (case.bounds, case.refuted)
        )

    def at(self, n: int) -> tuple[float, float]:
        """The case's p and q at n seeds, if mean and spread stay what they are."""
        n = min(n, self.limit)
        p, q = zip(*(_for_and_against(side, tails, n) for side, tails in self.bounds), strict=True)
        if self.refuted:
            is_outside = any(tails.is_beyond(side) for side, tails in self.bounds)
            q = tuple(_for_and_against(side, tails, n)[0] if is_outside else 1.0 for side, tails in self.refuted)
        smaller = min(1.0, len(q) * min(q))
        return (smaller, max(p)) if self.case.outside else (max(p), smaller)

    def estimate(self, alpha: float) -> Estimate:
        shown = self.case.shown
        interval = (
            shown.interval(self.n, alpha=alpha)
            if isinstance(shown, Change)
            else t_interval(shown[: self.n], alpha=alpha)
        )
        skewed = any(bool(tails.skewed) for _, tails in (*self.bounds, *self.refuted))
        return Estimate(*interval, self.n, *self.at(self.n), skewed)


def _for_and_against(side: str, tails: "Tails", n: int) -> tuple[float, float]:
    above, below = (float(tail) for tail in tails.at(n))
    return (above, below) if side == "above" else (below, above)
