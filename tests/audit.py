"""Statistics computed again from the tables by textbook formulas, scipy and statsmodels, without those of actbench."""

import functools
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import synthetic

from actbench.compare.workloads import workloads
from actbench.ledger.parse import claims
from actbench.measure.streams import PROTOCOL
from actbench.tables.schema import Tables
from actbench.tables.store import collect

RESAMPLES = 4000
FEW = 10  # of fewer seeds an interval is that of Student's t


def wide(runs: pd.DataFrame, value: str) -> pd.DataFrame:
    """A value by seeds (rows) and variants (columns); what is not finite becomes the worst, ±∞."""
    kept = runs[runs["status"] != "failed"]
    if value.endswith("_error"):
        kept = kept.assign(**{value: 1 - kept[value.replace("_error", "_accuracy")]})
    worst = -np.inf if "accuracy" in value else np.inf
    numbers = kept[value].astype(float)
    frame = kept.assign(**{value: numbers.where(np.isfinite(numbers), worst)})
    return frame.pivot_table(value, "seed", "variant", aggfunc="first")


def of_all(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs on the seeds that no variant lacks, without variants that lack one of relu's up to the first look."""
    runs = runs[runs["status"] != "failed"]
    has = pd.crosstab(runs["seed"], runs["variant"]) > 0
    first_look = json.loads(runs.sort_values("seed")["looks"].iloc[0])[0]
    has = has.loc[:, has[has["relu"]].iloc[:first_look].all()]
    seeds = has.index[has.all(axis=1)]
    return runs[runs["variant"].isin(has.columns) & runs["seed"].isin(seeds)]


def ranked_by(runs: pd.DataFrame) -> str:
    """The column on which variants are compared: the error, or for generators the Fréchet distance.

    On seeds from 1000 on, with which something is chosen, it is that of validation.
    """
    images = "val" if runs["seed"].min() >= 1000 else "test"
    return f"{images}_{'error' if runs['test_accuracy'].notna().any() else 'fld'}"


def expanded_bca(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Efron's BCa interval of the mean of each row of samples (k, n) in plain numpy, at Hesterberg's level for n.

    Returns low and high, (k, 3) each: the bound, between the lowest and the highest that other draws might give. Where
    fewer than ten resamples lie beyond it, other draws might give anything up to the sample's own end.
    """
    n = samples.shape[1]
    mean = samples.mean(axis=1, keepdims=True)
    drawn = np.sort(samples @ _weights(n), axis=1)
    below = (drawn < mean).mean(axis=1) / 2 + (drawn <= mean).mean(axis=1) / 2
    bias = scipy.stats.norm.ppf(below)
    deviations = samples - mean
    acceleration = (deviations**3).sum(axis=1) / (6 * (deviations**2).sum(axis=1) ** 1.5)
    reach = scipy.stats.t.ppf(0.975, n - 1) * np.sqrt(n / (n - 1))
    bounds = []
    for side in (-reach, reach):
        at = scipy.stats.norm.cdf(bias + (bias + side) / (1 - acceleration * (bias + side)))
        noise = 4 * np.sqrt(at * (1 - at) / RESAMPLES)  # of the share of resamples below the bound, with other draws
        levels = np.clip([at - noise, at, at + noise], 0, 1).T
        places = np.arange(RESAMPLES) / (RESAMPLES - 1)
        bound = np.array([np.interp(level, places, row) for row, level in zip(drawn, levels, strict=True)])
        bound[:, 0] = np.where(at * RESAMPLES < 10, samples.min(axis=1), bound[:, 0])
        bound[:, 2] = np.where((1 - at) * RESAMPLES < 10, samples.max(axis=1), bound[:, 2])
        bounds.append(bound)
    return bounds[0], bounds[1]


@functools.cache
def _weights(n: int) -> np.ndarray:
    """The share of each of n seeds (rows) in each resample (columns)."""
    drawn = np.random.default_rng(12345).integers(0, n, (RESAMPLES, n))
    return np.stack([(drawn == seed).mean(axis=1) for seed in range(n)])


def check_intervals(
    samples: list[np.ndarray], low: np.ndarray, high: np.ndarray, *, within: tuple[float, float] = (-np.inf, np.inf)
) -> None:
    """Published intervals are those of the samples up to resampling, within 15 % of their width.

    Of few values they are Student's, as far as the measure can go, `within`.

    30 % are allowed for samples of a few distinct values, most of them 0 for instance, whose means vary in jumps.
    """
    spreads = [np.ptp(sample) if len(sample) else 0.0 for sample in samples]
    varies = [spread > 1e-12 * np.abs(s).max(initial=0) for s, spread in zip(samples, spreads, strict=True)]
    for n in {len(sample) for sample in samples if len(sample) >= FEW}:
        of_n = [i for i, sample in enumerate(samples) if len(sample) == n and varies[i]]
        if of_n:
            group = np.stack([samples[i] for i in of_n])
            distinct = np.array([len(np.unique(sample)) for sample in group])
            expected_low, expected_high = expanded_bca(group)
            room = np.where(2 * distinct > n, 0.15, 0.3) * (expected_high[:, 1] - expected_low[:, 1])
            for bounds, (least, expected, most) in ((low[of_n], expected_low.T), (high[of_n], expected_high.T)):
                assert (np.minimum(least, expected - room) <= bounds).all(), (of_n, bounds, expected)
                assert (bounds <= np.maximum(most, expected + room)).all(), (of_n, bounds, expected)
    for i, sample in enumerate(samples):
        if 1 < len(sample) < FEW and varies[i]:
            expected = scipy.stats.ttest_1samp(sample, 0).confidence_interval(0.95)
            np.testing.assert_allclose([low[i], high[i]], np.clip([expected.low, expected.high], *within), rtol=1e-9)
        if len(sample) > 1 and not varies[i]:
            np.testing.assert_allclose([low[i], high[i]], sample.mean(), rtol=1e-9)


def signed_rank(differences: np.ndarray) -> float:
    """Wilcoxon's exact two-sided p, by a polynomial with a factor for each difference; ties share ranks."""
    rounded = np.round(differences / max(np.abs(differences).max(), 1e-300), 9)
    rounded = rounded[rounded != 0]
    if len(differences) < 5:
        return np.nan
    if not len(rounded):
        return 1.0
    doubled = (2 * scipy.stats.rankdata(np.abs(rounded))).astype(int)
    ways = np.zeros(doubled.sum() + 1)  # the coefficients of the product of 1 + x^rank
    ways[0] = 1
    for rank in doubled:
        ways[rank:] += ways[:-rank].copy()
    plus = doubled[rounded > 0].sum()
    return min(1.0, 2 * min(ways[: plus + 1].sum(), ways[plus:].sum()) / ways.sum())


def tost(differences: np.ndarray, margin: float) -> float:
    """The p of equivalence within the margin: the larger p of two one-sided t-tests."""
    n, mean = len(differences), differences.mean()
    if n < 5 or np.isnan(margin):
        return np.nan
    if np.ptp(differences) <= 1e-12 * np.abs(differences).max():
        return float(abs(mean) >= margin)
    error = differences.std(ddof=1) / np.sqrt(n)
    return max(scipy.stats.t.sf((mean + margin) / error, n - 1), scipy.stats.t.cdf((mean - margin) / error, n - 1))


def holm(p: np.ndarray) -> np.ndarray:
    filled = np.where(np.isnan(p), 1.0, p)
    order = np.argsort(filled, kind="stable")
    steps = np.maximum.accumulate(filled[order] * (len(p) - np.arange(len(p))))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(steps, 1)
    return np.where(np.isnan(p), np.nan, adjusted)


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    filled = np.where(np.isnan(p), 1.0, p)
    order = np.argsort(filled, kind="stable")
    steps = filled[order] * len(p) / np.arange(1, len(p) + 1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.minimum.accumulate(steps[::-1])[::-1], 1)
    return np.where(np.isnan(p), np.nan, adjusted)


def resampled_means(values: np.ndarray, rng: np.random.Generator, *, resamples: int = RESAMPLES) -> np.ndarray:
    """Means (resamples, variants) of values (seeds, variants); a resample draws the same seeds for all variants."""
    return np.stack([values[rng.integers(0, len(values), len(values))].mean(axis=0) for _ in range(resamples)])


def kendalls_tau(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Kendall's τ of each row of a with the same row of b, (k, n) both; equal values count as τ-b counts them."""
    before, after = np.triu_indices(a.shape[1], 1)
    ranks = [scipy.stats.rankdata(values, axis=1) for values in (a, b)]  # a difference of infinite values is none
    one, other = (np.sign(rank[:, before] - rank[:, after]) for rank in ranks)
    return (one * other).sum(axis=1) / np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))


CLAIMS = claims()
RESULTS = Path(__file__).resolve().parent.parent / "results"
FOLDERS = sorted(path.parent for path in RESULTS.glob("*/statistics") if (path.parent / "tables").is_dir())


def folders_with(*names: str) -> list:
    """The published folders that have one of these files of statistics/, as parameters of the fixture `folder`.

    Before them the invented one, which takes a while to make: one worker has all its tests. The statistics of folders
    that were measured under an older PROTOCOL were made by older rules.
    """
    found = [
        pytest.param(folder, id=folder.name, marks=pytest.mark.published)
        for folder in FOLDERS
        if any((folder / "statistics" / f"{name}.csv").is_file() for name in names) and protocol(folder) == PROTOCOL
    ]
    return [pytest.param(None, id="invented", marks=pytest.mark.xdist_group("invented")), *found]


@functools.cache
def protocol(folder: Path) -> int:
    return int(pd.read_parquet(folder / "tables" / "runs.parquet", columns=["protocol"])["protocol"].min())


def invent(folder: Path) -> None:
    """Tables of four tracks with errors that are paired by seed and by test image, in a results folder.

    celu is elu on every image, the best by error and the worst by loss; mish diverges once; sigmoid is bad; on the
    tuned track tanh became worse, and softsign lacks a seed; silu was settled by the first look on the shared track.
    """
    names, seeds, size = ["relu", "elu", "celu", "gelu", "mish", "tanh", "silu", "sigmoid", "softsign"], 20, 300
    rates = {
        "relu": 0.2,
        "elu": 0.17,
        "celu": 0.17,
        "gelu": 0.202,
        "mish": 0.21,
        "tanh": 0.19,
        "silu": 0.21,
        "sigmoid": 0.5,
        "softsign": 0.22,
    }
    hard = np.random.default_rng(0).uniform(size=size)
    parts = []
    for track, init in (("shared", "torch"), ("tuned_lr", "torch"), ("tuned_init", "own"), ("tuned", "own")):
        tables = synthetic.tables(
            names, seeds=seeds, depth=2, epochs=2, diverged=("mish",), track=track, init=init, looks="[10, 20]"
        )
        rows = []
        for act, seed in zip(tables.runs["act"], tables.runs["seed"], strict=True):
            own = sum(map(ord, act.replace("celu", "elu") + track))
            noise = sum(np.random.default_rng([seed, k]).normal(size=size) / i for i, k in ((1, 1), (2, own)))
            rate = rates[act] + 0.05 * (act == "tanh" and track.startswith("tuned"))
            wrong = hard + 0.05 * noise < rate
            rows.append({"test_accuracy": 1 - wrong.mean(), "test_right": np.packbits(~wrong).tobytes(),
                         "val_accuracy": 1 - wrong[::2].mean(), "test_ece": 0.01,
                         "num_test_images": float(size)})  # fmt: skip
        measured = pd.DataFrame(rows, index=tables.runs.index)
        diverged = tables.runs["status"] == "diverged"
        runs = tables.runs.assign(**{name: measured[name].mask(diverged, tables.runs[name]) for name in measured})
        steps = np.random.default_rng(2).integers(50, 500, size=len(runs)).astype(float)
        runs["steps_to_target"] = np.where(steps > 450, np.inf, steps)
        overconfident = runs["act"].isin(["elu", "celu"])
        losses = runs["test_loss"].fillna(2.3).mask(overconfident, 3.0)
        lacking = {"shared": (runs["act"] == "silu") & (runs["seed"] >= 10),
                   "tuned": (runs["act"] == "softsign") & (runs["seed"] == 3)}  # fmt: skip
        runs = runs.assign(test_loss=losses)
        parts.append(tables._replace(runs=runs[~lacking[track]] if track in lacking else runs))
    joined = (pd.concat(frames, ignore_index=True) for frames in zip(*parts, strict=True))
    synthetic.results_folder(folder, Tables(*joined))


def published(folder: Path, name: str) -> list[tuple[Tables, pd.DataFrame]]:
    """The tables of each workload and its rows of a published file of statistics/; no item without such a file."""
    path = folder / "statistics" / f"{name}.csv"
    if not path.is_file():
        return []
    rows = pd.read_csv(path, keep_default_na=False, na_values=[""], dtype={"workload": "object"})
    rows = rows.assign(workload=rows["workload"].fillna(""))
    tables = tables_of(folder)
    return [(tables[str(title)], group.reset_index(drop=True)) for title, group in rows.groupby("workload")]


@functools.cache
def tables_of(folder: Path) -> dict[str, Tables]:
    """The tables of each workload of a folder, by its title."""
    return {work.title: work.tables for work in workloads(collect(folder))}
