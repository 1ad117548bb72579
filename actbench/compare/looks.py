"""The numbers of seeds at which verdicts are taken, stated beforehand, and the error that each look may make."""

from dataclasses import dataclass

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
