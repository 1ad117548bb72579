"""How often the procedure of `sequential` errs, and how often it decides, on numbers for which the truth is known.

Families are drawn and decided many at a time, by the same tails and the same Holm as one family is.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import pandas as pd
import scipy.stats

from actbench.compare.errors import MARGIN
from actbench.compare.looks import USUAL, Looks
from actbench.compare.resampling import chunks
from actbench.compare.tails import Tails

Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]  # a generator and a shape -> mean 0, SD 1
_SHIFT = float(np.exp(0.5 * 0.5**2))
_SCALE = float(np.sqrt(np.exp(0.5**2) - 1)) * _SHIFT


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.normal(size=shape)


def lognormal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Skewness 1.75, σ = .5."""
    return (rng.lognormal(sigma=0.5, size=shape) - _SHIFT) / _SCALE


def decide_many(test: Callable[[int], tuple[np.ndarray, np.ndarray]], looks: Looks) -> tuple[np.ndarray, np.ndarray]:
    """The verdicts of many families, (families, atoms): 1 true, −1 false, 0 undecided; and the seeds at that look.

    `test` maps a number of seeds to p and q, (families, atoms) each.
    """
    verdicts = sizes = np.zeros((0, 0), dtype=int)
    for size, alpha in zip(looks.sizes, looks.alphas, strict=True):
        p, q = test(size)
        if not verdicts.size:
            verdicts, sizes = np.zeros(p.shape, dtype=int), np.full(p.shape, looks.sizes[-1])
        is_open = verdicts == 0
        rejected = is_open & _holm(np.where(is_open, np.minimum(p, q), np.inf), alpha)
        verdicts = np.where(rejected, np.where(p < q, 1, -1), verdicts)
        sizes = np.where(rejected, size, sizes)
    return verdicts, sizes


def _holm(p: np.ndarray, alpha: float) -> np.ndarray:
    """What Holm's procedure rejects in each row of p (families, atoms); an infinite p is no member of the family."""
    order = np.argsort(p, axis=1)
    members = np.isfinite(p).sum(axis=1, keepdims=True)
    factors = members - np.arange(p.shape[1])
    passed = np.take_along_axis(p, order, axis=1) * np.maximum(factors, 1) < alpha
    rejected = np.empty_like(passed)
    np.put_along_axis(rejected, order, np.logical_and.accumulate(passed, axis=1), axis=1)
    return rejected


def one_end(values: np.ndarray) -> Callable[[int], tuple[np.ndarray, np.ndarray]]:
    """The test of "the mean of the values, (families, atoms, seeds), lies below 0"."""

    def test(n: int) -> tuple[np.ndarray, np.ndarray]:
        above, below = Tails.of(values[..., :n]).at(n)
        return below, above

    return test


def two_ends(values: np.ndarray, end: float) -> Callable[[int], tuple[np.ndarray, np.ndarray]]:
    """The test of "the mean lies between −end and end"."""

    def test(n: int) -> tuple[np.ndarray, np.ndarray]:
        part = values[..., :n]
        low, high = Tails.of(part + end).at(n), Tails.of(part - end).at(n)
        return np.maximum(low[0], high[1]), np.minimum(1.0, 2 * np.minimum(low[1], high[0]))

    return test


Ends = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def of_errors(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What lies above, and what lies below 0 where error rates are equivalent."""
    return a - (2 - MARGIN) * b, a - MARGIN * b


def of_logarithms(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return a - b + np.log(MARGIN), a - b - np.log(MARGIN)


def comparison(
    values: np.ndarray, reference: np.ndarray, *, ends_of: Ends = of_errors
) -> Callable[[int], tuple[np.ndarray, np.ndarray]]:
    """The test of a comparison with a reference, as in `paired.compare`, of values (families, variants, seeds)."""

    def test(n: int) -> tuple[np.ndarray, np.ndarray]:
        a, b = values[..., :n], reference[..., :n]
        ends = ends_of(a, b)
        low, high = (Tails.of(end).at(n) for end in ends)
        zero = np.minimum(1.0, 2 * np.minimum(*Tails.of(a - b).at(n)))
        is_outside = (ends[0].mean(axis=-1) < 0) | (ends[1].mean(axis=-1) > 0)
        return np.maximum(low[0], high[1]), np.where(is_outside, zero, 1.0)

    return test


def exchanged(
    values: np.ndarray,
    reference: np.ndarray,
    looks: Looks,
    *,
    rng: np.random.Generator,
    ends_of: Ends = of_errors,
    draws: int = 1000,
) -> float:
    """The share of families with any *better* or *worse*, where variant and reference are exchanged seed by seed.

    Under exchange there is no difference. All variants, (variants, seeds), are exchanged on the same seeds, so that
    differences keep their sizes and what they have in common. Seeds beyond the measured ones are drawn from them.
    """
    k, n = values.shape
    found = []
    for chunk in chunks(np.arange(draws), size=8 * k * looks.sizes[-1]):
        drawn = _to_length(n, looks.sizes[-1], rng=rng, draws=len(chunk))
        swap = rng.random((len(chunk), 1, looks.sizes[-1])) < 0.5
        a, b = values[:, drawn].swapaxes(0, 1), reference[drawn][:, None, :]
        test = comparison(np.where(swap, b, a), np.where(swap, a, b), ends_of=ends_of)
        verdicts, _ = decide_many(test, looks)
        found.append((verdicts == -1).any(axis=1))
    return float(np.concatenate(found).mean())


def centred(differences: np.ndarray, looks: Looks, *, rng: np.random.Generator, draws: int = 1000) -> float:
    """The share of families with any *below*, where real differences (atoms, seeds) are centred on 0 and resampled.

    The mean then lies on the end of the claimed set, the hardest place for a false "true"; the seeds are drawn with
    replacement, the same for all atoms.
    """
    around = differences - differences.mean(axis=1, keepdims=True)
    found = []
    for chunk in chunks(np.arange(draws), size=4 * around.shape[0] * looks.sizes[-1]):
        drawn = rng.integers(0, around.shape[1], (len(chunk), looks.sizes[-1]))
        verdicts, _ = decide_many(one_end(around[:, drawn].swapaxes(0, 1)), looks)
        found.append((verdicts == 1).any(axis=1))
    return float(np.concatenate(found).mean())


def _to_length(n: int, length: int, *, rng: np.random.Generator, draws: int) -> np.ndarray:
    """Indices (draws, length) of seeds: the n measured ones in any order, then some of them again."""
    order = np.argsort(rng.random((draws, n)), axis=1)
    more = rng.integers(0, n, (draws, max(0, length - n)))
    return np.concatenate([order, more], axis=1)[:, :length]


def share_decided(
    claim: Literal["no worse", "equivalent"],
    *,
    difference: float,
    spread: float,
    rng: np.random.Generator,
    looks: Looks = USUAL,
    atoms: int = 4,
    draws: int = 2000,
    draw: Draw = normal,
) -> list[float]:
    """The share of atoms that are decided *true* by each look, where difference and SD are in units of the margin."""
    values = difference + spread * draw(rng, (draws, atoms, looks.sizes[-1]))
    return [float(by_then.mean()) for by_then in _decided_true(claim, values, looks)]


def family_error(
    claim: Literal["no worse", "equivalent"],
    *,
    spread: float,
    rng: np.random.Generator,
    looks: Looks = USUAL,
    atoms: int = 4,
    draws: int = 2000,
    draw: Draw = normal,
) -> list[float]:
    """The share of families with any false *true* by each look, where all differences are exactly one margin."""
    values = 1 + spread * draw(rng, (draws, atoms, looks.sizes[-1]))
    return [float(by_then.any(axis=1).mean()) for by_then in _decided_true(claim, values, looks)]


def _decided_true(claim: Literal["no worse", "equivalent"], values: np.ndarray, looks: Looks) -> list[np.ndarray]:
    """By each look, which atoms of families (draws, atoms, seeds) are decided *true*; differences in margins."""
    verdicts, sizes = decide_many(one_end(values - 1) if claim == "no worse" else two_ends(values, 1.0), looks)
    return [(verdicts == 1) & (sizes <= size) for size in looks.sizes]


def coverage(
    *, rng: np.random.Generator, looks: Looks = USUAL, draws: int = 10_000, draw: Draw = normal
) -> list[float]:
    """How often the t interval of each look, at its level, holds the mean."""
    values = draw(rng, (draws, looks.sizes[-1]))
    held = []
    for size, alpha in zip(looks.sizes, looks.alphas, strict=True):
        part = values[:, :size]
        t = np.abs(part.mean(axis=1)) / (part.std(axis=1, ddof=1) / np.sqrt(size))
        held.append(float((t < scipy.stats.t.ppf(1 - alpha / 2, size - 1)).mean()))
    return held


def table(
    *, rng: np.random.Generator, looks: Looks = USUAL, draws: int = 2000, contrasts: Sequence[np.ndarray] = ()
) -> pd.DataFrame:
    """`what, setting, aim` and a column for each look: error, power and coverage of the procedure, as shares.

    Families have four atoms. Spreads are per-seed standard deviations, and differences are in units of the margin.
    `contrasts` are real differences by seed, (atoms, seeds) for each family.
    """
    rows: list[tuple] = []
    for name, draw in (("normal", normal), ("lognormal, skewness 1.75", lognormal)):
        found = family_error("no worse", spread=1, rng=rng, looks=looks, draws=draws, draw=draw)
        rows.append(("a family with a wrong verdict", f"no worse, difference of one margin, {name}", "≤ 0.05", *found))
    found = family_error("equivalent", spread=1, rng=rng, looks=looks, draws=draws)
    rows.append(("a family with a wrong verdict", "equivalent, difference of one margin, normal", "≤ 0.05", *found))
    blank = [np.nan] * (len(looks.sizes) - 1)
    if contrasts:
        each = [centred(one, looks, rng=rng, draws=max(1, draws // len(contrasts))) for one in contrasts]
        what = f"{len(contrasts)} families of real differences, centred on the end, resampled"
        rows.append(("a family with a wrong verdict", what, "≤ 0.05", *blank, float(np.mean(each))))
    for claim in ("no worse", "equivalent"):
        for difference in (0.0, 0.5):
            for spread in (1.0, 1.6):
                found = share_decided(
                    claim, difference=difference, spread=spread, rng=rng, looks=looks, draws=draws // 2
                )
                setting = f"{claim}, true difference {difference:g}, spread {spread:g}"
                rows.append(("an atom decided", setting, "power", *found))
    levels = ", ".join(f"{1 - alpha:.3g}" for alpha in looks.alphas)
    for name, draw in (("normal", normal), ("lognormal, skewness 1.75", lognormal)):
        rows.append(("an interval with the mean in it", name, levels, *coverage(rng=rng, looks=looks, draw=draw)))
    return pd.DataFrame(rows, columns=["what", "setting", "aim", *(f"n = {size}" for size in looks.sizes)])
