"""Every variant against the reference on the same seeds: one family, decided at looks.

Seed s fixes the split, the batch order, the dropout masks and the unscaled weights, so runs are compared seed by seed.
Error rates and Fréchet distances are judged, by relative margins; losses are shown, not judged. Every function takes
the runs of one workload, with the column `variant`; failed runs are left out, diverged ones stay.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from actbench.compare import errors
from actbench.compare.by_seed import by_seed, column_of
from actbench.compare.errors import MARGIN
from actbench.compare.intervals import bca
from actbench.compare.looks import USUAL, Looks
from actbench.compare.resampling import by_size
from actbench.compare.sequential import Outcome, decide
from actbench.compare.significance import false_discoveries, is_varied, signed_rank
from actbench.compare.statements import Atom, Bound, Case
from actbench.compare.tails import Change, Images, Tails, t_interval
from actbench.tables.schema import REFERENCE, better

JUDGED = ("test_error", "test_fld", "val_error", "val_fld")  # the columns that have a margin
VERDICTS = ("better", "worse", "equivalent", "undecided")
COLUMNS = (
    "variant", "n", "lost", "verdict", "look", "alpha", "change", "low", "high", "p_equivalent", "p_different",
    "p_holm", "skewed", "price", "p_signed_rank", "disagrees", "superiority", "variance_ratio", "difference",
    "difference_low", "difference_high", "margin_images", "seconds",
)  # fmt: skip


def compare(
    runs: pd.DataFrame, *, value: str, rng: np.random.Generator, looks: Looks = USUAL, reference: str = REFERENCE
) -> pd.DataFrame:
    """Every other variant against the reference, one row each, `COLUMNS`.

    Columns:
        n, lost: Number of common seeds, at most as many as the last look asks for, and of those with a value that is
            not finite.
        verdict: *equivalent*: TOST within the margin; *better*, *worse*: 0 is excluded and the estimate exceeds the
            margin; else *undecided*. All are one family, see `sequential.decide`.
        look, alpha: Number of seeds at the look that decided or at the last one that could be taken, 0 without one,
            and its share of the error. All numbers below are of these seeds; without a look of all common ones.
        change, low, high: Relative change against the reference, and its t interval at the level 1 − alpha.
        p_equivalent, p_different, p_holm: Of the two tests, and the smaller one adjusted. `p_different` is 1 where the
            estimate lies within the margin.
        skewed: Whether a p counts twice, since the differences are skewed.
        price: Further seeds that would decide the present estimate.
        p_signed_rank, disagrees: Wilcoxon's test of the differences, and whether just one of it and t excludes 0 at
            alpha.
        superiority: The share of seeds on which the variant is better; ties count half.
        variance_ratio: Var(A − B) / (Var A + Var B), the share of the variance that remains after pairing.
        difference, difference_low, difference_high: In units of the column, with a 95 % BCa interval that knows
            nothing of looks.
        margin_images: The margin in test images; nan of what is no error rate.
        seconds: Of training, for each seed of the variant.
    """
    wide, contrasts, outcomes = _decided(runs, value=value, looks=looks, reference=reference)
    rows = [
        _row(name, wide[[name, reference]].to_numpy().T, contrasts[name], outcome, looks, rng=rng)
        for name, outcome in outcomes.items()
    ]
    table = pd.DataFrame(rows, columns=[name for name in COLUMNS if name != "seconds"])
    seconds = runs.groupby("variant")["train_seconds"].mean() if "train_seconds" in runs else pd.Series(dtype=float)
    return table.assign(
        margin_images=table["margin_images"] * _num_images(runs, value), seconds=table["variant"].map(seconds)
    )


def verdicts(runs: pd.DataFrame, *, value: str, looks: Looks, reference: str) -> pd.Series:
    """The verdict of every other variant, as in `compare`, without the numbers beside it, which take longer."""
    _, contrasts, outcomes = _decided(runs, value=value, looks=looks, reference=reference)
    named = {
        name: _verdict(outcome, contrasts[name].excludes_zero(outcome.n)[1] if outcome.verdict == "false" else 0.0)
        for name, outcome in outcomes.items()
    }
    return pd.Series(named, dtype="object")


@dataclass(frozen=True)
class _Contrast:
    """What a variant's verdict rests on.

    Attributes:
        bounds: The two ends of the margin.
        difference: Of the variant and the reference, on the scale that is tested, (seeds,).
        images: The same by test image.
        shown: The relative change, or the difference of logarithms.
        margin: Of the reference's value.
    """

    bounds: tuple[Bound, ...]
    difference: np.ndarray
    images: Images | None
    shown: np.ndarray | Change

    def case(self) -> Case:
        refuted = tuple(Bound(self.difference, side, self.images) for side in ("above", "below"))
        return Case(self.bounds, self.shown, refuted=refuted)

    def change(self, n: int, *, alpha: float) -> tuple[float, float, float]:
        """The relative change over the first n seeds, with its t interval."""
        if isinstance(self.shown, Change):
            return self.shown.interval(n, alpha=alpha)
        mean, low, high = np.expm1(t_interval(self.shown[:n], alpha=alpha))
        return (float(mean), float(low), float(high)) if np.isfinite(mean) else (np.nan, np.nan, np.nan)

    def excludes_zero(self, n: int) -> tuple[float, float]:
        """The two-sided p of t, and the sign of the difference."""
        tails = Tails.of(self.difference[:n], images=self.images)
        above, below = (float(tail) for tail in tails.at(n))
        return min(1.0, 2 * min(above, below)), 1.0 if above < below else -1.0


def _decided(
    runs: pd.DataFrame, *, value: str, looks: Looks, reference: str
) -> tuple[pd.DataFrame, dict[str, _Contrast], dict[str, Outcome]]:
    """The planned seeds × all variants, what each verdict rests on, and the outcome of every other variant."""
    wide = by_seed(runs, value=value)
    base = column_of(wide, reference)
    names = [str(name) for name in wide.columns if name != reference]
    wide = wide.reindex(_planned(base.dropna().index.tolist(), looks))
    measure = _errors if value.endswith("_error") else _distances
    contrasts = measure(runs, wide, value=value, reference=reference)
    outcomes = decide([Atom(name, (contrasts[name].case(),)) for name in names], looks)
    return wide, contrasts, dict(zip(names, outcomes, strict=True))


def _verdict(outcome: Outcome, sign: float) -> str:
    """The verdict on a variant whose mean lies on this side of the reference's."""
    return {"true": "equivalent", "false": "worse" if sign > 0 else "better"}.get(outcome.verdict, "undecided")


def _planned(seeds: list[int], looks: Looks) -> list[int]:
    """The reference's seeds in their order, as many as the last look has; those to be measured go on from the last."""
    last = max(seeds, default=-1)
    return [*sorted(seeds), *range(last + 1, last + 1 + looks.sizes[-1])][: looks.sizes[-1]]


def _errors(runs: pd.DataFrame, wide: pd.DataFrame, *, value: str, reference: str) -> dict[str, _Contrast]:
    split = value.removesuffix("_error")
    kept = runs[runs["status"] != "failed"]
    measured = {
        str(name): errors.errors_of(rows, list(wide.index), split=split) for name, rows in kept.groupby("variant")
    }
    base = measured[reference]
    return {
        name: _Contrast(
            errors.equivalent(each, base).bounds,
            each.rates - base.rates,
            errors.images(each, base, 1.0),
            errors.change(each, base),
        )
        for name, each in measured.items()
    }


def _distances(runs: pd.DataFrame, wide: pd.DataFrame, *, value: str, reference: str) -> dict[str, _Contrast]:
    """Differences of logarithms, ± log 1.10; a distance of ∞ is decided by its sign, and two of them are a tie."""
    logs = np.log(wide)
    contrasts = {}
    for name in map(str, wide.columns):
        both_infinite = np.isinf(logs[name]) & np.isinf(logs[reference])
        difference = (logs[name] - logs[reference]).mask(both_infinite, 0.0).to_numpy()
        bounds = Case.inside(difference, -np.log(MARGIN), np.log(MARGIN)).bounds
        contrasts[name] = _Contrast(bounds, difference, None, difference)
    return contrasts


def _row(
    name: str, pair: np.ndarray, contrast: _Contrast, outcome: Outcome, looks: Looks, *, rng: np.random.Generator
) -> tuple:
    """The columns of one variant; `margin_images` as the margin in units of the column."""
    common = ~np.isnan(pair).any(axis=0)
    num_common, lost = int(common.sum()), int((~np.isfinite(pair[:, common])).any(axis=0).sum())
    alpha = looks.alphas[looks.sizes.index(outcome.n)] if outcome.n else looks.alphas[0]
    n = outcome.n or (num_common if common[:num_common].all() else 0)
    pair, difference = pair[:, :n], pair[0, :n] - pair[1, :n]
    finite = bool(n) and bool(np.isfinite(pair).all())
    change = contrast.change(n, alpha=alpha) if n > 1 else (np.nan,) * 3
    zero, sign = contrast.excludes_zero(n) if n > 1 else (np.nan, 0.0)
    ranks = float(signed_rank(difference[None])[0]) if finite else np.nan
    shares = (pair[0] < pair[1]).mean() + (pair[0] == pair[1]).mean() / 2 if n else np.nan
    bounds = [float(each[0]) for each in bca(difference[None], rng=rng)] if finite else [np.nan] * 3
    return (
        name, num_common, lost, _verdict(outcome, sign), outcome.n, alpha, *change,
        outcome.p, outcome.q, min(outcome.p_holm, outcome.q_holm), any(case.skewed for case in outcome.cases),
        outcome.price if outcome.n else looks.sizes[0] - n,
        ranks, bool(np.isfinite(ranks) and outcome.n and (zero < alpha) != (ranks < alpha)),
        shares, _variance_ratio(pair) if finite and n > 1 else np.nan, *bounds,
        (MARGIN - 1) * pair[1].mean() if finite else np.nan,
    )  # fmt: skip


def _variance_ratio(pair: np.ndarray) -> float:
    """The variance of the difference over the sum of the two variances, of values (2, n)."""
    difference = pair[0] - pair[1]
    unpaired = pair.var(axis=1, ddof=1).sum()
    spread = difference.var(ddof=1) if is_varied(difference) else 0.0
    return float(spread / unpaired) if unpaired > 0 else np.nan


def _num_images(runs: pd.DataFrame, value: str) -> float:
    """The number of test images, of folds their mean, where the error rate on them is judged."""
    if value != "test_error" or "num_test_images" not in runs:
        return np.nan
    return float(runs["num_test_images"].mean())


def all_pairs(runs: pd.DataFrame, *, value: str) -> pd.DataFrame:
    """Every pair of variants on the seeds that both have, one row each: mean of a − b, seeds won by a, tied, lost, p.

    Exploratory: no looks, no margin, no verdict. `p` is Wilcoxon's signed-rank test, `p_bh` is adjusted over all pairs
    (Benjamini & Hochberg 1995): about one in twenty of the pairs with `p_bh` < .05 is expected to be equal. A pair with
    a value that is not finite has no p.
    """
    wide = by_seed(runs, value=value)
    sign = 1 if better(value) == "higher" else -1
    names = list(combinations(map(str, wide), 2))
    columns = {str(name): column.to_numpy() for name, column in wide.items()}
    pairs = [_common_seeds(columns[a], columns[b]) for a, b in names]
    counts = np.zeros((len(pairs), 3), dtype=int)
    for rows, values in by_size(pairs):  # (pairs, 2, n)
        first, second = sign * values[:, 0], sign * values[:, 1]
        counts[rows] = np.column_stack([(first > second).sum(1), (first == second).sum(1), (first < second).sum(1)])
    tests = np.full((len(pairs), 2), np.nan)
    finite = [values if np.isfinite(values).all() else values[:, :0] for values in pairs]
    for rows, values in by_size(finite):
        differences = values[:, 0] - values[:, 1]
        tests[rows] = np.column_stack([differences.mean(axis=1), signed_rank(differences)])
    table = pd.DataFrame(names, columns=["a", "b"]).assign(n=[pair.shape[1] for pair in pairs])
    table[["wins", "ties", "losses"]], table[["mean", "p"]] = counts, tests
    return table.assign(p_bh=false_discoveries(table["p"]))


def _common_seeds(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The values (2, n) on the seeds that both have."""
    values = np.stack([a, b])
    # Unlike an index, `compress` keeps rows contiguous, on which the rounding of a sum depends.
    return values.compress(~np.isnan(values).any(axis=0), axis=1)
