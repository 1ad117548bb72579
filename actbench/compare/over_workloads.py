"""Variants over several workloads: ranks, IQM, performance profile, failures.

Every function takes runs with the columns `workload`, `variant` and `seed`; one workload is a special case. Intervals
are of the joint bootstrap: seeds are drawn with replacement within each workload, the same ones for all variants, so
that what the seeds have in common is no reason to change a rank. They are 95 % percentile intervals.
"""

from collections.abc import Callable, Collection, Iterator, Sequence

import numpy as np
import pandas as pd
import scipy.stats

from actbench.compare.by_seed import by_seed
from actbench.compare.intervals import LEVEL, RESAMPLES
from actbench.tables.schema import better

_CHUNK = 4_000_000  # resampled numbers held at once: 32 MB
_TAILS = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)


def ranks(
    runs: pd.DataFrame,
    *,
    value: str,
    reference: str,
    rng: np.random.Generator,
    among: Collection[str] | None = None,
    resamples: int = RESAMPLES,
) -> pd.DataFrame:
    """`variant, rank, low, high`: the rank of each variant's mean, 1 the best, equals with the best one they have.

    Over several workloads it is the rank of the mean of the means, each divided by the reference's mean in its
    workload. A variant with a value that is not finite stands behind all that have none. With `among` these variants
    are ranked and no others; the reference need not be one of them.
    """
    sign = -1 if better(value) == "higher" else 1

    def rank(parts: list[np.ndarray]) -> np.ndarray:
        means = np.mean([part.mean(axis=1) for part in parts], axis=0)  # (resamples, variants)
        return scipy.stats.rankdata(sign * means, axis=1, method="min")

    table = _bootstrapped(runs, rank, value=value, reference=reference, rng=rng, among=among, resamples=resamples)
    return table.rename(columns={"estimate": "rank"}).sort_values("rank", kind="stable", ignore_index=True)


def iqm(
    runs: pd.DataFrame, *, value: str, reference: str, rng: np.random.Generator, resamples: int = RESAMPLES
) -> pd.DataFrame:
    """`variant, iqm, low, high`: the interquartile mean over workloads × seeds (Agarwal et al. 2021), stratified.

    Values are divided by the reference's mean in their workload, also in each resample: the reference is near 1. A
    quarter of the values is cut on each side, rounded down as by `scipy.stats.trim_mean`.
    """

    def trimmed(parts: list[np.ndarray]) -> np.ndarray:
        return scipy.stats.trim_mean(np.concatenate(parts, axis=1), 0.25, axis=1)

    table = _bootstrapped(runs, trimmed, value=value, reference=reference, rng=rng, resamples=resamples)
    return table.rename(columns={"estimate": "iqm"})


def profile(runs: pd.DataFrame, *, taus: Sequence[float], value: str = "steps_to_target") -> pd.DataFrame:
    """`variant, tau, share`: on how many problems a variant needs at most τ times the best one's value.

    A problem is a seed of a workload (Dolan & Moré 2002). ∞, the target not reached, is within no τ, also where
    nobody reached it; a run that is missing counts as ∞. No row where no run reached its target.
    """
    if not np.isfinite(runs[value]).any():
        return pd.DataFrame(columns=["variant", "tau", "share"])
    wide = pd.concat([by_seed(own, value=value) for _, own in runs.groupby("workload")])
    needed = wide.fillna(np.inf)
    best = needed.min(axis=1)
    ratio = needed.where(np.isfinite(best), np.inf).div(best.where(np.isfinite(best), 1.0), axis=0)
    shares = [(str(name), float(tau), float((ratio[name] <= tau).mean())) for name in ratio for tau in taus]
    return pd.DataFrame(shares, columns=["variant", "tau", "share"])


def failures(runs: pd.DataFrame) -> pd.DataFrame:
    """`variant, n, failed, rate, low, high`: runs that diverged or learned nothing, with a Clopper–Pearson interval.

    Nothing was learned where the test loss is at least 99 % of ln(classes), that of a guess that ignores the input;
    where the number of classes is not in the tables, only diverged runs count.
    """
    kept = runs[runs["status"] != "failed"]
    classes = pd.to_numeric(kept.get("data.num_classes", pd.Series(np.nan, index=kept.index))).astype("float64")
    chance = 0.99 * np.log(classes.to_numpy())
    failed = kept["status"].eq("diverged").to_numpy(bool) | (kept["test_loss"].to_numpy() >= chance)
    counts = pd.Series(failed, index=kept.index).groupby(kept["variant"]).agg(["size", "sum"])
    rows = []
    for name, (n, k) in counts.iterrows():
        bounds = scipy.stats.binomtest(int(k), int(n)).proportion_ci(LEVEL, method="exact")
        rows.append((str(name), int(n), int(k), k / n, float(bounds.low), float(bounds.high)))
    return pd.DataFrame(rows, columns=["variant", "n", "failed", "rate", "low", "high"])


def _bootstrapped(
    runs: pd.DataFrame,
    statistic: Callable[[list[np.ndarray]], np.ndarray],
    *,
    value: str,
    reference: str,
    rng: np.random.Generator,
    resamples: int,
    among: Collection[str] | None = None,
) -> pd.DataFrame:
    """A statistic of all variants and its interval; it gets values (resamples, seeds, variants), one per workload."""
    parts, names = _common(runs, value=value, reference=reference)
    at = names.index(reference)
    kept = [i for i, name in enumerate(names) if among is None or name in among]

    def of(drawn: list[np.ndarray]) -> np.ndarray:
        return statistic([_normalised(part, at=at)[..., kept] for part in drawn])

    estimate = of([part[None] for part in parts])[0]
    low, high = np.quantile(np.concatenate([of(chunk) for chunk in _resampled(parts, rng, resamples)]), _TAILS, axis=0)
    return pd.DataFrame({"variant": [names[i] for i in kept], "estimate": estimate, "low": low, "high": high})


def _common(runs: pd.DataFrame, *, value: str, reference: str) -> tuple[list[np.ndarray], list[str]]:
    """Values (seeds, variants) of each workload: the variants that all workloads have on every seed of the reference.

    Raises:
        ValueError: If the reference is missing in a workload.
    """
    tables = {name: by_seed(own, value=value) for name, own in runs.groupby("workload", sort=True)}
    without = [str(name) for name, wide in tables.items() if reference not in wide]
    if without or not tables:
        raise ValueError(
            f"The reference {reference} was not measured on {', '.join(without) or 'any workload'}: "
            "values are divided by its mean in each workload."
        )
    whole = [wide.loc[wide[reference].notna()].dropna(axis="columns") for wide in tables.values()]
    names = sorted(set.intersection(*(set(wide.columns) for wide in whole)))
    return [wide[names].to_numpy() for wide in whole], names


def _normalised(values: np.ndarray, *, at: int) -> np.ndarray:
    return values / values[..., at].mean(axis=-1)[..., None, None]


def _resampled(parts: list[np.ndarray], rng: np.random.Generator, resamples: int) -> Iterator[list[np.ndarray]]:
    """Chunks of resamples, each a list of values (chunk, seeds, variants), one per workload."""
    step = max(1, _CHUNK // sum(part.size for part in parts))
    for start in range(0, resamples, step):
        count = min(step, resamples - start)
        yield [part[rng.integers(0, len(part), (count, len(part)))] for part in parts]
