"""What is decided: an atom is one statement over its cases, a case claims that one or two bounds hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from actbench.compare.tails import Change, Images


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
