"""Rank correlations over variants: diagnostics and properties of the function against loss and accuracy.

Exploratory: the variants are not a random sample of any population.
"""

import numpy as np
import pandas as pd
import scipy.stats

from actbench.compare.intervals import TAILS
from actbench.compare.layers import ends, vanishing
from actbench.compare.resampling import DIGITS, bootstrap
from actbench.compare.significance import false_discoveries
from actbench.tables import functions
from actbench.tables.schema import LAYERS

MIN_VARIANTS = 8  # with fewer a rank correlation says nothing
# The properties of `tables/functions.py` that are correlated, with their labels on an axis.
PROPERTIES = {
    "range_inf": "inf f", "range_sup": "sup f", "monotonic": "f monotonic (0, 1)", "num_extrema": "extrema of f",
    "num_zeros": "zeros of f", "num_kinks": "kinks of f", "continuity": "order of continuity",
    "derivative_monotonic": "f′ monotonic (0, 1)", "sup_derivative": "sup |f′|",
    "saturation_low_0.01": "saturated below (z_lo)", "saturation_high_0.01": "saturated above (z_hi)",
    "mean": "E f", "second_moment": "E f²", "derivative_second_moment": "E f′²", "gain": "closed-form gain",
    "chi": "χ* = E f′² / E f²",
}  # fmt: skip
NO_FACTS = pd.DataFrame(columns=functions.PROPERTIES)
_TEXTS = ("monotonic", "derivative_monotonic", "continuity")  # properties whose text matters
_NOT_DIAGNOSTICS = ("layer_index",)
_GAIN = "gain"


def diagnostics(layers: pd.DataFrame) -> pd.DataFrame:
    """`when, variant` and the mean of every diagnostic over layers and seeds; `gain` is the gradient's λ.

    Values that are not finite are left out. `out_mean` is taken without its sign, since a drift to either side counts.
    There is no row where fewer than eight variants have layers, since nothing is then correlated.
    """
    if layers["variant"].nunique() < MIN_VARIANTS:
        return pd.DataFrame(columns=["when", "variant"])
    probed = ends(layers).assign(out_mean=lambda frame: frame["out_mean"].abs())
    names = [c.name for c in LAYERS if c.dtype == "float64" and c.name not in _NOT_DIAGNOSTICS]
    finite = probed[names].where(np.isfinite(probed[names]))
    means = finite.groupby([probed["when"], probed["variant"]]).mean()
    runs = layers.drop_duplicates(["run_id", "seed"])[["run_id", "seed", "variant"]]
    gains = pd.concat(
        [vanishing(group).assign(when=when) for when, group in probed.groupby("when")], ignore_index=True
    ).merge(runs, on=["run_id", "seed"])
    gain = gains[_GAIN].where(np.isfinite(gains[_GAIN])).groupby([gains["when"], gains["variant"]]).mean()
    return means.join(gain).reset_index()


def correlate_diagnostics(
    means: pd.DataFrame, runs: pd.DataFrame, *, value: str, rng: np.random.Generator, resamples: int = 2_000
) -> pd.DataFrame:
    """Spearman's ρ of each diagnostic with the mean of a column of `runs`, over variants; `means` are `diagnostics`.

    Columns: `when, measure, n, rho, low, high, p, p_bh`. The interval is a 95 % percentile bootstrap over variants, p
    is `scipy.stats.spearmanr`'s, `p_bh` is adjusted over all rows. A diagnostic that fewer than eight variants have, or
    that is the same for all, has no row.
    """
    rows = [
        (when, *row)
        for when, group in means.groupby("when")
        for row in _correlations(group.set_index("variant").drop(columns="when"), _means(runs, value), rng, resamples)
    ]
    return _adjusted(rows, ["when", "measure"])


def correlate_properties(
    facts: pd.DataFrame, runs: pd.DataFrame, *, rng: np.random.Generator, resamples: int = 2_000
) -> pd.DataFrame:
    """Spearman's ρ of each property with the mean test loss and accuracy, over variants.

    Columns: `value, measure, n, rho, low, high, p, p_bh`. Infinite properties rank beyond all others. Variants without
    properties, see `properties`, are not counted in `n`. All else is as in `correlate_diagnostics`.
    """
    if facts.empty or runs["variant"].nunique() < MIN_VARIANTS:
        return _adjusted([], ["value", "measure"])
    numbers = properties(facts, runs)
    rows = [
        (value, *row)
        for value in ("test_loss", "test_accuracy")
        for row in _correlations(numbers, _means(runs, value), rng, resamples)
    ]
    return _adjusted(rows, ["value", "measure"])


def properties(facts: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """`PROPERTIES` as numbers, a row for each variant whose function and parameters are those of `facts`.

    `facts` is the table `properties` of `tables/functions.py`. A function that is monotonic, or whose derivative is,
    counts 1. One that is smooth as far as the search went counts as more continuous than all others.
    """
    first = facts[facts["index"] == 0]
    values, texts = (first.pivot_table(name, "function", "property", aggfunc="first") for name in ("value", "text"))
    values, texts = values.reindex(columns=list(PROPERTIES)), texts.reindex(columns=[*_TEXTS, "parameters"])
    for name in ("monotonic", "derivative_monotonic"):
        values[name] = texts[name].ne("no").astype(float)
    values["continuity"] = values["continuity"].mask(texts["continuity"] == "at least", np.inf)
    parameters = [str(name) for name in runs.columns if str(name).startswith("act.")]
    variants = runs.drop_duplicates("variant").set_index("variant")[["act", *parameters]]
    rows = {
        variant: values.loc[row["act"]]
        for variant, row in variants.iterrows()
        if row["act"] in values.index and _has_all(texts.loc[row["act"], "parameters"], row[parameters].dropna())
    }
    return pd.DataFrame(rows, index=list(PROPERTIES)).T


def _has_all(text: str, parameters: pd.Series) -> bool:
    """Whether a text like `min_val=-1.0, max_val=1.0` has each of the parameters with its value."""
    return all(f", {str(name).removeprefix('act.')}={value}, " in f", {text}, " for name, value in parameters.items())


def _means(runs: pd.DataFrame, value: str) -> pd.Series:
    """The mean of the finite values, by variant."""
    return runs[value].where(np.isfinite(runs[value])).groupby(runs["variant"]).mean()


def _correlations(table: pd.DataFrame, means: pd.Series, rng: np.random.Generator, resamples: int) -> list[tuple]:
    """`measure, n, rho, low, high, p` of each column of the table that enough variants have and that varies."""
    rows = []
    for name in table:
        pairs = pd.DataFrame({"x": table[name], "y": means}).dropna().to_numpy().round(DIGITS)
        if len(pairs) >= MIN_VARIANTS and all(len(np.unique(column)) > 1 for column in pairs.T):
            rows.append((name, len(pairs), *_spearman(pairs, rng=rng, resamples=resamples)))
    return rows


def _adjusted(rows: list[tuple], key: list[str]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=[*key, "n", "rho", "low", "high", "p"])
    return table.assign(p_bh=false_discoveries(table["p"]))


def _spearman(pairs: np.ndarray, *, rng: np.random.Generator, resamples: int) -> tuple[float, float, float, float]:
    """ρ, low, high and p of pairs (n, 2); resamples in which one of the two does not vary are left out."""
    result = scipy.stats.spearmanr(pairs[:, 0], pairs[:, 1])
    levels = [np.unique(column, return_inverse=True)[1] for column in pairs.T]
    resampled = bootstrap(
        lambda drawn: _rho(_counts(drawn), *levels), [len(pairs)], rng=rng, resamples=resamples, size=pairs.size
    )
    low, high = np.nanquantile(resampled, TAILS)
    return float(result.statistic), float(low), float(high), float(result.pvalue)


def _counts(drawn: np.ndarray) -> np.ndarray:
    """How often each of n pairs is drawn in each resample (k, n)."""
    k, n = drawn.shape
    return np.bincount((drawn + n * np.arange(k)[:, None]).ravel(), minlength=k * n).reshape(k, n).astype(float)


def _rho(counts: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Spearman's ρ of each resample (k, n) of pairs with the levels x and y, (n,); nan where one does not vary.

    Twice a centred rank is a whole number, so that every sum here is exact, in whatever order it is taken.
    """
    x, y = _doubled_ranks(counts, x), _doubled_ranks(counts, y)
    weighted, squares = counts * x, [np.einsum("kn,kn,kn->k", counts, each, each) for each in (x, y)]
    with np.errstate(invalid="ignore"):
        return np.einsum("kn,kn->k", weighted, y) / np.sqrt(squares[0] * squares[1])


def _doubled_ranks(counts: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Twice the centred rank of each value in each resample (k, n), equal values sharing their mean rank.

    `levels` (n,) are the places of the values in their order, whole numbers from 0 on.
    """
    order = np.argsort(levels, kind="stable")
    firsts = np.flatnonzero(np.diff(levels[order], prepend=-1))
    sizes = np.add.reduceat(counts[:, order], firsts, axis=1)
    return (2 * sizes.cumsum(axis=1) - sizes - counts.shape[1])[:, levels]
