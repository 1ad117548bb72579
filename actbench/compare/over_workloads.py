"""Variants over several workloads: ranks, interquartile means, performance profiles, failures.

Every function takes runs with the columns `workload`, `variant` and `seed`; there may be one workload only. Ranks and
interquartile means are of the seeds that all variants have, see `by_seed.on_common_seeds`. Intervals are 95 %
percentile intervals of the joint bootstrap: seeds are drawn with replacement within each workload, the same ones for
all variants. So a seed that is hard for all variants does not change their ranks.
"""

import functools
from collections.abc import Callable, Collection, Sequence

import numpy as np
import pandas as pd
import scipy.stats

from actbench.compare.by_seed import by_seed, complete_by_seed
from actbench.compare.intervals import LEVEL, RESAMPLES, TAILS
from actbench.compare.resampling import DIGITS, bootstrap
from actbench.tables.schema import better


def ranks(
    runs: pd.DataFrame,
    *,
    value: str,
    reference: str,
    rng: np.random.Generator,
    among: Collection[str] | None = None,
    resamples: int = RESAMPLES,
) -> pd.DataFrame:
    """`variant, rank, low, high, n`: the rank of each variant's mean. 1 is the best; equal means share the better rank.

    Over several workloads it is the rank of the mean of the means, each divided by the reference's mean in its
    workload. A variant with a value that is not finite ranks behind all that have none. With `among` only these
    variants are ranked; the reference need not be one of them. n is the number of seeds of all workloads together.
    """
    sign = -1 if better(value) == "higher" else 1

    def rank(samples: list[np.ndarray]) -> np.ndarray:
        means = np.mean([sample.mean(axis=1) for sample in samples], axis=0)  # (resamples, variants)
        return scipy.stats.rankdata(np.round(sign * means, DIGITS), axis=1, method="min")

    table = _bootstrap(runs, rank, value=value, reference=reference, rng=rng, among=among, resamples=resamples)
    return table.rename(columns={"estimate": "rank"}).sort_values("rank", kind="stable", ignore_index=True)


def iqm(
    runs: pd.DataFrame, *, value: str, reference: str, rng: np.random.Generator, resamples: int = RESAMPLES
) -> pd.DataFrame:
    """`variant, iqm, low, high, n`: the interquartile mean over workloads × seeds (Agarwal et al. 2021), stratified.

    Values are divided by the reference's mean in their workload, also in each resample: the reference is near 1. A
    quarter of the values is cut on each side, rounded down as by `scipy.stats.trim_mean`.
    """

    def trimmed_mean(samples: list[np.ndarray]) -> np.ndarray:
        return scipy.stats.trim_mean(np.concatenate(samples, axis=1), 0.25, axis=1)

    table = _bootstrap(runs, trimmed_mean, value=value, reference=reference, rng=rng, resamples=resamples)
    return table.rename(columns={"estimate": "iqm"})


def profile(runs: pd.DataFrame, *, taus: Sequence[float], value: str = "steps_to_target") -> pd.DataFrame:
    """`variant, tau, share`: the share of problems on which a variant needs at most τ times the best one's value.

    A problem is a seed of a workload (Dolan & Moré 2002). A value of ∞ says that the target was not reached: it is
    within no τ, even if nobody reached it. A missing run counts as ∞, so the runs are those of common seeds. There are
    no rows if no run reached its target.
    """
    if not np.isfinite(runs[value]).any():
        return pd.DataFrame(columns=["variant", "tau", "share"])
    wide = pd.concat([by_seed(group, value=value) for _, group in runs.groupby("workload")])
    values = wide.fillna(np.inf)
    best = values.min(axis=1)
    ratio = values.where(np.isfinite(best), np.inf).div(best.where(np.isfinite(best), 1.0), axis=0)
    ratio = ratio.fillna(1.0)  # 0 / 0, of a target that was met at the start
    shares = np.mean([ratio.to_numpy() <= tau for tau in taus], axis=1)  # (taus, variants)
    names = [str(name) for name in ratio]
    return pd.DataFrame({
        "variant": np.repeat(names, len(taus)), "tau": np.tile(np.asarray(taus, dtype=float), len(names)),
        "share": shares.T.ravel(),
    })  # fmt: skip


def failures(runs: pd.DataFrame) -> pd.DataFrame:
    """`variant, n, failed, rate, low, high`: runs that diverged or learned nothing, with a Clopper–Pearson interval.

    A run learned nothing if its test loss is at least 99 % of ln(classes), the loss of a guess that ignores the input.
    Where the tables do not say how many classes there are, only diverged runs count.
    """
    kept = runs[runs["status"] != "failed"]
    classes = pd.to_numeric(kept.get("data.num_classes", pd.Series(np.nan, index=kept.index))).astype("float64")
    chance = 0.99 * np.log(classes.to_numpy())
    failed = kept["status"].eq("diverged").to_numpy(bool) | (kept["test_loss"].to_numpy() >= chance)
    counts = pd.Series(failed, index=kept.index).groupby(kept["variant"]).agg(["size", "sum"])
    rows = []
    for name, (n, k) in counts.iterrows():
        rows.append((str(name), int(n), int(k), k / n, *_clopper_pearson(int(k), int(n))))
    return pd.DataFrame(rows, columns=["variant", "n", "failed", "rate", "low", "high"])


@functools.lru_cache(maxsize=1024)
def _clopper_pearson(k: int, n: int) -> tuple[float, float]:
    """Low and high of k of n, found by search: most variants of a table have the same counts."""
    bounds = scipy.stats.binomtest(k, n).proportion_ci(LEVEL, method="exact")
    return float(bounds.low), float(bounds.high)


def _bootstrap(
    runs: pd.DataFrame,
    statistic: Callable[[list[np.ndarray]], np.ndarray],
    *,
    value: str,
    reference: str,
    rng: np.random.Generator,
    resamples: int,
    among: Collection[str] | None = None,
) -> pd.DataFrame:
    """A statistic of all variants with its interval.

    The statistic takes one array of values (resamples, seeds, variants) for each workload.
    """
    groups = {str(name): group for name, group in runs.groupby("workload", sort=True)}
    complete = list(complete_by_seed(groups, value=value, reference=reference).values())
    names, samples = list(complete[0]), [wide.to_numpy() for wide in complete]  # (seeds, variants) of each workload
    base = names.index(reference)
    columns = [i for i, name in enumerate(names) if among is None or name in among]

    def compute(*drawn: np.ndarray) -> np.ndarray:
        resampled = [sample[rows] for sample, rows in zip(samples, drawn, strict=True)]
        return statistic([_relative(values, base)[..., columns] for values in resampled])

    estimate = compute(*(np.arange(len(sample))[None] for sample in samples))[0]
    sizes, size = [len(sample) for sample in samples], sum(sample.size for sample in samples)
    estimates = bootstrap(compute, sizes, rng=rng, resamples=resamples, size=size)
    low, high = np.quantile(estimates, TAILS, axis=0)
    ranked = [names[i] for i in columns]
    return pd.DataFrame({"variant": ranked, "estimate": estimate, "low": low, "high": high, "n": sum(sizes)})


def _relative(values: np.ndarray, base: int) -> np.ndarray:
    """Values (resamples, seeds, variants) divided by the mean of the variant at index `base`, where it is above 0."""
    mean = values[..., base].mean(axis=-1)[..., None, None]
    return values / np.where(mean > 0, mean, 1.0)
