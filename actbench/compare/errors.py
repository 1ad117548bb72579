"""Error rates on test data, by seed and by test image, and the statements about them that a family decides.

Margins are relative and tested seed by seed: e_A − 1.10 e_B is one number for each seed, and a t test of its mean holds
the reference's own noise. A margin was stated before the sweep.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from actbench.compare.statements import Bound, Case
from actbench.compare.tails import Change, Images
from actbench.tables import bits

MARGIN = 1.10  # times the reference's error rate, or Fréchet distance: less is no difference that matters


_BY_IMAGE = ("test_right", "num_test_images")


@dataclass(frozen=True)
class Errors:
    """The test errors of one setting, seed s in place s.

    Attributes:
        rates: Share of test images classified wrongly, nan where a seed was not measured; (seeds,).
        wrong: Which images, (seeds, N) bool; None where the seeds are not all tested on the same ones.
        known: Of which seeds `wrong` is known: a seed that diverged has an error rate, that of a guess, and no images.
    """

    rates: np.ndarray
    wrong: np.ndarray | None
    known: np.ndarray

    @property
    def num_images(self) -> int:
        """The number of test images that all seeds share, 0 if there are none."""
        return 0 if self.wrong is None else self.wrong.shape[1]


def errors_of(rows: pd.DataFrame, seeds: Sequence[int], *, split: str = "test") -> Errors:
    """The errors of the runs of one setting, at most one a seed, in the order of `seeds`.

    On validation data, `split` "val", images are not known one by one.
    """
    names = [name for name in (f"{split}_accuracy", *_BY_IMAGE) if name in rows]
    by_seed = rows[["seed", *names]].set_index("seed").reindex(list(seeds))
    rates = 1 - pd.to_numeric(by_seed[f"{split}_accuracy"]).to_numpy(dtype=float)
    nothing = np.zeros(len(rates), dtype=bool)
    if split != "test" or "test_right" not in rows or not _one_test_set(rows):
        return Errors(rates, None, nothing)
    known = by_seed["test_right"].notna().to_numpy()
    sizes = by_seed.loc[known, "num_test_images"].unique()
    if len(sizes) != 1:
        return Errors(rates, None, nothing)
    wrong, packed = np.zeros((len(rates), int(sizes[0])), dtype=bool), by_seed["test_right"].to_numpy()
    for place in np.flatnonzero(known):
        wrong[place] = ~bits.unpack(packed[place], sizes[0])
    return Errors(rates, wrong, known)


def _one_test_set(rows: pd.DataFrame) -> bool:
    """Whether all seeds are tested on the same images: not on folds, and not on images drawn anew for each seed."""
    return all(rows[name].isna().all() for name in ("data.num_folds", "data.num_test") if name in rows)


def images(a: Errors, b: Errors, factor: float) -> Images | None:
    """The numbers e_A − factor · e_B by test image; None where the two do not share their images."""
    if a.wrong is None or b.wrong is None or a.num_images != b.num_images:
        return None
    return Images(((1.0, a.wrong), (-factor, b.wrong)), a.known & b.known)


def below(a: Errors, b: Errors, factor: float) -> Bound:
    """The statement that a's error is less than `factor` times b's."""
    return Bound(a.rates - factor * b.rates, "below", images(a, b, factor))


def above(a: Errors, b: Errors, factor: float) -> Bound:
    """The statement that a's error is more than `factor` times b's."""
    return Bound(a.rates - factor * b.rates, "above", images(a, b, factor))


def change(a: Errors, b: Errors) -> Change:
    """The relative change of the error, a's against b's."""
    return Change(a.rates, b.rates, images(a, b, 1.0))


def no_worse(a: Errors, b: Errors, margin: float = MARGIN) -> Case:
    return Case((below(a, b, margin),), change(a, b))


def equivalent(a: Errors, b: Errors, margin: float = MARGIN) -> Case:
    """Between 2 − margin and margin times the reference's error: .90 and 1.10."""
    return Case((below(a, b, margin), above(a, b, 2 - margin)), change(a, b))


def differs(a: Errors, b: Errors, margin: float = MARGIN) -> Case:
    """Outside of what `equivalent` claims, on either side."""
    return Case(equivalent(a, b, margin).bounds, change(a, b), outside=True)


def better(a: Errors, b: Errors, margin: float = MARGIN) -> Case:
    return Case((below(a, b, 2 - margin),), change(a, b))


def worse(a: Errors, b: Errors, margin: float = MARGIN) -> Case:
    return Case((above(a, b, margin),), change(a, b))


def lower(a: Errors, b: Errors, margin: float = 1.0) -> Case:
    """A lower error, by however little: there is no margin."""
    return Case((below(a, b, margin),), change(a, b))


def at_least(a: Errors, b: Errors, margin: float) -> Case:
    """At least `margin` times the reference's error."""
    return Case((above(a, b, margin),), change(a, b))


RULES: dict[str, Callable[..., Case]] = {
    rule.__name__: rule for rule in (no_worse, equivalent, differs, better, worse, lower, at_least)
}
