"""Statements decided one by one, with more seeds until they are: true, false, or undecided with a price.

An *atom* is one statement, such as "the error is no worse, in all of these settings". Its *cases* are the settings, and
a case claims that one or two *bounds* hold, each "the mean of these numbers lies above (below) 0". A *family* of atoms
is decided together, at *looks* fixed beforehand: after 10, 20 and 40 seeds, say. `decide` is a function of the numbers
alone, so a sweep that was killed between two looks decides as one that was not.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
import scipy.special
import scipy.stats

from actbench.compare.significance import holm, is_varied

ALPHA = 0.05  # of a family, over all its looks
MAX_SKEWNESS = 1.0  # beyond it a p of t counts twice: lognormal differences make it up to twice too small
MAX_SEEDS = 10_000  # what more than so many seeds would decide, none would
_SPENDING = {1: (0.05,), 2: (0.02, 0.03), 3: (0.01, 0.015, 0.025), 4: (0.0125,) * 4}


@dataclass(frozen=True)
class Looks:
    """When a family is looked at, and the error that each look may make; their sum is .05 whatever the dependence.

    Attributes:
        sizes: Number of seeds at each look, ascending: (10, 20, 40).
    """

    sizes: tuple[int, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", tuple(map(int, self.sizes)))
        ascending = all(a < b for a, b in zip(self.sizes, self.sizes[1:], strict=False))
        if len(self.sizes) not in _SPENDING or not ascending or self.sizes[0] < 2:
            raise ValueError(
                f"Looks are one to four ascending numbers of seeds from 2 on, such as 10, 20, 40; not {self.sizes}."
            )

    @property
    def alphas(self) -> tuple[float, ...]:
        return _SPENDING[len(self.sizes)]


USUAL = Looks((10, 20, 40))


@dataclass(frozen=True)
class Images:
    """For each seed and test image a weighted sum of zeros and ones, such as e_A − 1.1 e_B, on one test set.

    Attributes:
        terms: Each a weight and whether an image was classified wrongly, (seeds, N) bool.
        known: Of which seeds it is known, (seeds,) bool: a seed that diverged has no images.
    """

    terms: tuple[tuple[float, np.ndarray], ...]
    known: np.ndarray
    _variances: dict[int, float] = field(default_factory=dict, compare=False, repr=False)

    def weighted(self, *weights: float) -> "Images":
        """The same zeros and ones with other weights."""
        return Images(tuple((w, wrong) for w, (_, wrong) in zip(weights, self.terms, strict=True)), self.known)

    def variance(self, n: int) -> float:
        """What drawing the N test images adds to the variance of the mean over the first n seeds, at least 0.

        The variance over images of the mean over seeds holds the seeds' own noise too, which is taken off:
        (Var_i(mean_s D) − mean_i Var_s(D) / n) / N.
        """
        if n not in self._variances:
            self._variances[n] = self._variance(n)
        return self._variances[n]

    def _variance(self, n: int) -> float:
        rows = np.flatnonzero(self.known[:n])
        if len(rows) < 2:
            return 0.0
        total = sum(weight * wrong[rows].astype(np.float32) for weight, wrong in self.terms)
        differences = np.asarray(total, dtype=np.float32)
        between = differences.mean(axis=0, dtype=np.float64).var(ddof=1)
        within = differences.var(axis=0, ddof=1, dtype=np.float64).mean() / len(rows)
        return float(max(0.0, between - within) / differences.shape[1])


@dataclass(frozen=True)
class Bound:
    """The statement that the mean of these numbers lies above, or below, 0.

    Attributes:
        values: One number for each seed that the case shall have, seed s in place s, nan where it is not measured yet;
            (seeds,). A seed without a number, as one that diverged may be, has ∞ or −∞: against the statement.
        side: On which side of 0.
        images: The same number by test image, where all seeds are tested on the same images.
    """

    values: np.ndarray
    side: Literal["above", "below"]
    images: Images | None = None


@dataclass(frozen=True)
class Change:
    """What is shown where a number is compared with a reference's: mean(values) / mean(reference) − 1.

    Attributes:
        values, reference: By seed, (seeds,).
        images: Both by test image, as two terms.
    """

    values: np.ndarray
    reference: np.ndarray
    images: Images | None = None

    def interval(self, n: int, *, alpha: float) -> tuple[float, float, float]:
        """The change over the first n seeds, and low and high of its t interval.

        The standard error of a ratio of means R = mean(a) / mean(b) is that of the mean of a − R b over mean(b)
        (Cochran 1977, eq. 6.13), so that the interval goes with a test of a − R b.
        """
        values, reference = self.values[:n], self.reference[:n]
        base = reference.mean()
        if not (np.isfinite(values).all() and np.isfinite(base) and base != 0):
            return np.nan, np.nan, np.nan
        ratio = values.mean() / base
        images = self.images.weighted(1.0, -ratio) if self.images is not None else None
        _, low, high = t_interval((values - ratio * reference) / base, alpha=alpha, images=images, scale=base)
        return ratio - 1, ratio - 1 + low, ratio - 1 + high


@dataclass(frozen=True)
class Case:
    """One setting of an atom: all its bounds hold, one, or two for a claimed set with two ends.

    A case that has fewer seeds than a look asks for, and will have no more, stands there with what it has.

    Attributes:
        bounds: One or two.
        shown: What stands on the page with its t interval: numbers whose mean is shown, (seeds,), or a change.
        outside: Claimed is the contrary, so p and q change places.
        exact: Decided by an exact sign test of +1, −1 and 0 for a tie (orders, times that may be missed), never by t.
        refuted: Where given, the case is refuted where one of these holds and the estimate lies outside the claimed
            set, rather than where that is shown to be outside.
    """

    bounds: tuple[Bound, ...]
    shown: np.ndarray | Change
    outside: bool = False
    exact: bool = False
    refuted: tuple[Bound, ...] = ()

    @classmethod
    def inside(
        cls,
        values: Sequence[float] | np.ndarray,
        low: float = -np.inf,
        high: float = np.inf,
        *,
        outside: bool = False,
        exact: bool = False,
    ) -> "Case":
        """The claim that the mean of these values lies in [low, high], an end of which may be infinite."""
        numbers = np.asarray(values, dtype=float)
        if not (low <= high and (np.isfinite(low) or np.isfinite(high))):
            raise ValueError(f"A claimed set has a finite end, and its low end comes first; not [{low}, {high}].")
        ends: tuple[tuple[float, Literal["above", "below"]], ...] = ((low, "above"), (high, "below"))
        bounds = tuple(Bound(numbers - end, side) for end, side in ends if np.isfinite(end))
        return cls(bounds, numbers, outside=outside, exact=exact)

    @property
    def most(self) -> int:
        """The number of seeds that it shall have."""
        return min(len(bound.values) for bound in (*self.bounds, *self.refuted))

    def is_measured(self, n: int) -> bool:
        """Whether it has its numbers for a look at n seeds."""
        values = [bound.values[: min(n, self.most)] for bound in (*self.bounds, *self.refuted)]
        return self.most > 1 and not np.isnan(values).any()


@dataclass(frozen=True)
class Atom:
    """One statement over its cases.

    Attributes:
        name: Unique in its family.
        cases: The settings.
        needs: In how many of them it must hold: all, most (more than half), or any. With `any` one case was chosen
            beforehand, on other seeds, and stands alone; it is never false, but "not shown".
    """

    name: str
    cases: tuple[Case, ...]
    needs: Literal["all", "most", "any"] = "all"

    def __post_init__(self) -> None:
        if self.needs not in ("all", "most", "any"):
            raise ValueError(f"Atom {self.name} needs all, most or any of its cases; not {self.needs}.")
        if not self.cases or (self.needs == "any" and len(self.cases) > 1):
            raise ValueError(f"Atom {self.name} needs {self.needs} of {len(self.cases)} cases: any takes one, chosen.")

    @property
    def num_needed(self) -> int:
        return len(self.cases) // 2 + 1 if self.needs == "most" else len(self.cases)


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


@dataclass(frozen=True)
class Tails:
    """What decides on which side of 0 a mean lies: one number for each row, of values (…, n).

    Attributes:
        n: Number of seeds.
        mean, spread: Of the values; the spread is their standard deviation.
        images: The variance that the test images add to the mean.
        positive, negative: Share of values above and below 0.
        by_sign: Decided by an exact sign test: all values are equal, one is infinite, or the case says so.
        skewed: p counts twice.
    """

    n: int
    mean: np.ndarray
    spread: np.ndarray
    images: float
    positive: np.ndarray
    negative: np.ndarray
    by_sign: np.ndarray
    skewed: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, *, images: Images | None = None, exact: bool = False) -> "Tails":
        values = np.asarray(values, dtype=float)
        n = values.shape[-1]
        finite = np.isfinite(values).all(axis=-1)
        usable = np.where(finite[..., None], values, 0.0)
        mean, spread = usable.mean(axis=-1), usable.std(axis=-1, ddof=1)
        by_sign = ~finite | ~is_varied(usable) | exact
        safe = np.where(spread > 0, spread, 1.0)
        skewness = (((usable - mean[..., None]) / safe[..., None]) ** 3).mean(axis=-1) * (n / (n - 1)) ** 1.5
        return cls(
            n=n,
            mean=mean,
            spread=spread,
            images=images.variance(n) if images is not None else 0.0,
            positive=(values > 0).mean(axis=-1),
            negative=(values < 0).mean(axis=-1),
            by_sign=by_sign,
            skewed=~by_sign & (np.abs(skewness) > MAX_SKEWNESS),
        )

    def is_beyond(self, side: str) -> bool:
        """Whether the mean of one row lies on the other side of 0."""
        sign = 1 if side == "above" else -1
        return bool(sign * (self.positive - self.negative if self.by_sign else self.mean) < 0)

    def at(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """The p of "the mean is not above 0" and of "it is not below 0" at n seeds, if all else stays as it is."""
        error = np.sqrt(self.spread**2 / n + self.images)
        t = self.mean / np.where(error > 0, error, 1.0)
        doubled = np.where(self.skewed, 2.0, 1.0)
        above, below = (np.minimum(1.0, doubled * scipy.special.stdtr(n - 1, side)) for side in (-t, t))
        if not np.any(self.by_sign):
            return above, below
        wins, losses = (np.floor(share * n + 1e-9) for share in (self.positive, self.negative))
        signs = [scipy.special.bdtrc(count - 1, (wins + losses).astype(int), 0.5) for count in (wins, losses)]
        return np.where(self.by_sign, signs[0], above), np.where(self.by_sign, signs[1], below)


def t_interval(
    values: np.ndarray, *, alpha: float = ALPHA, images: Images | None = None, scale: float = 1.0
) -> tuple[float, float, float]:
    """Mean, low and high of Student's t interval at the level 1 − alpha, with the variance over test images.

    Equal values have an interval without width; where a value is infinite there is none. The numbers by image are
    `scale` times as large as the values.
    """
    n, mean = len(values), float(np.mean(values))
    if not np.isfinite(mean):
        return mean, np.nan, np.nan
    by_images = images.variance(n) / scale**2 if images is not None else 0.0
    half = float(scipy.special.stdtrit(n - 1, 1 - alpha / 2) * np.sqrt(np.var(values, ddof=1) / n + by_images))
    return mean, mean - half, mean + half
