"""What became of an atom: its verdict, the estimate of each case, and what its sentences may say."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from actbench.compare import sequential
from actbench.compare.looks import Looks
from actbench.compare.significance import ALPHA
from actbench.compare.tails import Change
from actbench.ledger.cases import Case
from actbench.ledger.claims import Atom
from actbench.ledger.rules import Fact, Setting
from actbench.report.numbers import fixed


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
    looks: Looks | None = None
    facts: tuple[Fact, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether more seeds may still decide it."""
        return self.outcome is not None and self.looks is not None and sequential.is_open(self.outcome, self.looks)

    @property
    def look(self) -> int:
        """At which look it stands, 0 before the first and without seeds."""
        return sum(size <= self.outcome.n for size in self.atom.looks.sizes) if self.outcome else 0

    @property
    def cases(self) -> list[Case]:
        """The cases in the order of `estimates`."""
        return [one.case for one in (self.facts if self.outcome is None else self.settings)]

    @cached_property
    def estimates(self) -> list["Estimate"]:
        """What was found for each case, seed by seed or computed."""
        if self.outcome is None:
            return [
                Estimate(
                    fact.case.name,
                    fact.mean,
                    fact.low,
                    fact.high,
                    n=0,
                    p=_WEAKNESS[fact.lies],
                    level=fact.mean,
                    q=1 - _WEAKNESS[fact.lies],
                    results=fact.case.results,
                )
                for fact in self.facts
            ]
        found = []
        for setting, case in zip(self.settings, self.outcome.cases, strict=False):
            ends = np.array([case.mean, case.low, case.high])
            mean, low, high = np.expm1(ends) if self.atom.rule == "log_ratio" else ends
            level, reference = (_mean(numbers, case.n) for numbers in (setting.level, setting.reference))
            numbers = (mean, low, high, case.n, case.p, level, reference, case.q)
            found.append(Estimate(setting.case.name, *numbers, setting.case.results))
        return found

    @property
    def seeds(self) -> list[np.ndarray]:
        """For each case with seeds the number of each, in the unit of its mean."""
        found = []
        for setting, estimate in zip(self.settings, self.estimates, strict=False):
            shown = setting.tested.shown
            values = shown.by_seed if isinstance(shown, Change) else shown
            found.append((np.expm1(values) if self.atom.rule == "log_ratio" else values)[: estimate.n])
        return found

    @cached_property
    def worst(self) -> "Estimate":
        """The case that speaks least for the statement."""
        return max(self.estimates, key=lambda one: (one.p, -one.q), default=_NOTHING)

    @cached_property
    def fields(self) -> dict[str, object]:
        """What its sentences may say, see `sentences.FIELDS`; a number that there is not is nan, a name None."""
        estimates, worst = self.estimates, self.worst
        missing = [one.name or "this" for one in estimates if not one.p < ALPHA]
        names = {
            "worst": worst.name,
            "best": min(estimates, key=lambda one: (one.p, -one.q), default=_NOTHING).name,
            "exceptions": _listed(missing) or "none",
            "chosen": self.chosen,
        }
        means, levels = (np.array([getattr(one, key) for one in estimates]) for key in ("mean", "level"))
        return {
            **{key: float(getattr(worst, key)) for key in ("mean", "low", "high", "level", "reference")},
            "smallest": _extreme(np.min, means),
            "largest": _extreme(np.max, means),
            "smallest_level": _extreme(np.min, levels),
            "largest_level": _extreme(np.max, levels),
            "n": max((one.n for one in estimates), default=0),
            "cases": len(self.atom.cases),
            "holding": len(estimates) - len(missing),
            **(names if estimates else dict.fromkeys(names)),
            "verdict": self.verdict,
            "price": self.price,
        }

    @property
    def price(self) -> str:
        """The further seeds that would decide it, in words; empty where it is decided."""
        if self.outcome is None or np.isnan(self.outcome.price):
            return ""
        if not self.outcome.n:
            return "first look"
        return "more than 10,000" if np.isinf(self.outcome.price) else fixed(self.outcome.price)

    @property
    def chosen(self) -> str:
        """The name of the case that was chosen on tuning seeds, if one was."""
        return self.settings[0].case.name if self.settings and self.atom.needs == "any" else ""


class Estimate(NamedTuple):
    """What was found for one case: a mean with its interval, and p against and for it.

    Attributes:
        n: Number of seeds, 0 for computed numbers.
        p, q: Of "the mean is not in the claimed set" and of "it is"; 0, .5 or 1 for a computed number.
        level, reference: The mean of the column in the rows and in those of the reference.
    """

    name: str
    mean: float
    low: float
    high: float
    n: int
    p: float
    level: float = np.nan
    reference: float = np.nan
    q: float = np.nan
    results: str = ""


_NOTHING = Estimate("", np.nan, np.nan, np.nan, 0, np.nan)
_WEAKNESS = {"inside": 0.0, "across": 0.5, "outside": 1.0}


def _listed(names: Sequence[str]) -> str:
    """At most three names, or two and how many more there are."""
    return ", ".join(names) if len(names) < 4 else f"{', '.join(names[:2])} and {len(names) - 2} more"


def _extreme(pick: Callable[[np.ndarray], float], values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return float(pick(finite)) if len(finite) else np.nan


def _mean(values: np.ndarray | None, n: int) -> float:
    """The mean of the finite ones of the first n values."""
    finite = [] if values is None else values[:n][np.isfinite(values[:n])]
    return float(np.mean(finite)) if len(finite) else np.nan
