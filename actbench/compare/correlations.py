"""Which diagnostics and which properties of the function go with a low loss or a high accuracy, over variants.

Exploratory: variants are no random sample of anything.
"""

import numpy as np
import pandas as pd
import scipy.stats

from actbench.compare.intervals import LEVEL
from actbench.compare.layers import ends, vanishing
from actbench.compare.significance import false_discoveries
from actbench.tables import functions
from actbench.tables.schema import LAYERS

FEWEST = 8  # variants; with fewer a rank correlation says nothing
# Of `function_tables`, and their words at an axis.
PROPERTIES = {
    "range_inf": "inf f", "range_sup": "sup f", "monotonic": "f monotonic (0, 1)", "num_extrema": "extrema of f",
    "num_zeros": "zeros of f", "num_kinks": "kinks of f", "continuity": "order of continuity",
    "derivative_monotonic": "f′ monotonic (0, 1)", "sup_derivative": "sup |f′|",
    "saturation_low_0.01": "saturated below (z_lo)", "saturation_high_0.01": "saturated above (z_hi)",
    "mean": "E f", "second_moment": "E f²", "derivative_second_moment": "E f′²", "gain": "matched gain",
    "chi": "χ* = E f′² / E f²",
}  # fmt: skip
NO_FACTS = pd.DataFrame(columns=functions.PROPERTIES)
_WORDS = ("monotonic", "derivative_monotonic", "continuity")  # told in words
_NOT_MEASURES = ("layer_index",)
_GAIN = "gain"


def diagnostics(layers: pd.DataFrame) -> pd.DataFrame:
    """`when, variant` and every diagnostic: its mean over layers and seeds, and `gain`, the gradient's λ.

    What is not finite is left out; `out_mean` is taken without its sign, as a drift to either side is one.
    """
    shown = ends(layers).assign(out_mean=lambda frame: frame["out_mean"].abs())
    names = [c.name for c in LAYERS if c.dtype == "float64" and c.name not in _NOT_MEASURES]
    finite = shown[names].where(np.isfinite(shown[names]))
    means = finite.groupby([shown["when"], shown["variant"]]).mean()
    runs = layers.drop_duplicates(["run_id", "seed"])[["run_id", "seed", "variant"]]
    gains = pd.concat(
        [vanishing(own).assign(when=when) for when, own in shown.groupby("when")], ignore_index=True
    ).merge(runs, on=["run_id", "seed"])
    gain = gains[_GAIN].where(np.isfinite(gains[_GAIN])).groupby([gains["when"], gains["variant"]]).mean()
    return means.join(gain).reset_index()


def relate(
    layers: pd.DataFrame, runs: pd.DataFrame, *, value: str, rng: np.random.Generator, resamples: int = 2_000
) -> pd.DataFrame:
    """Spearman's ρ of each diagnostic with the mean of a column of `runs`, over variants: `when, measure, n, rho, low,
    high, p, p_bh`.

    The interval is a 95 % percentile bootstrap over variants, p is `scipy.stats.spearmanr`'s, `p_bh` adjusted over all
    rows. A diagnostic that fewer than eight variants have, or that is the same for all, has no row.
    """
    if not len(layers):
        return _adjusted([], ["when", "measure"])
    rows = [
        (when, *row)
        for when, found in diagnostics(layers).groupby("when")
        for row in _related(found.set_index("variant").drop(columns="when"), _means(runs, value), rng, resamples)
    ]
    return _adjusted(rows, ["when", "measure"])


def relate_properties(
    facts: pd.DataFrame, runs: pd.DataFrame, *, rng: np.random.Generator, resamples: int = 2_000
) -> pd.DataFrame:
    """Spearman's ρ of each property with the mean test loss and accuracy: `value, measure, n, rho, low, high, p, p_bh`.

    `facts` is the table `properties` of `function_tables`; of variants whose parameters differ from those there, and
    of functions that are not there, no property is known: they are left out and show in `n`. Infinite properties rank
    beyond all others. Otherwise as `relate`.
    """
    known = properties(facts, runs)
    rows = [
        (value, *row)
        for value in ("test_loss", "test_accuracy")
        for row in _related(known, _means(runs, value), rng, resamples)
    ]
    return _adjusted(rows, ["value", "measure"])


def properties(facts: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """`PROPERTIES` as numbers, a row for each variant whose function and parameters are those of the facts.

    A function that is monotonic, or whose derivative is, counts 1; one that is smooth as far as was searched is more
    continuous than all others.
    """
    first = facts[facts["index"] == 0]
    values, words = (first.pivot_table(name, "function", "property", aggfunc="first") for name in ("value", "text"))
    values, words = values.reindex(columns=list(PROPERTIES)), words.reindex(columns=[*_WORDS, "parameters"])
    for name in ("monotonic", "derivative_monotonic"):
        values[name] = words[name].ne("no").astype(float)
    values["continuity"] = values["continuity"].mask(words["continuity"] == "at least", np.inf)
    parameters = [str(name) for name in runs.columns if str(name).startswith("act.")]
    chosen = runs.drop_duplicates("variant").set_index("variant")[["act", *parameters]]
    rows = {
        variant: values.loc[row["act"]]
        for variant, row in chosen.iterrows()
        if row["act"] in values.index and _default(row[parameters].dropna(), words.loc[row["act"], "parameters"])
    }
    return pd.DataFrame(rows, index=list(PROPERTIES)).T


def _default(given: pd.Series, text: str) -> bool:
    """Whether parameters are those that a text like `min_val=-1.0, max_val=1.0` tells."""
    return all(f", {str(name).removeprefix('act.')}={value}, " in f", {text}, " for name, value in given.items())


def _means(runs: pd.DataFrame, value: str) -> pd.Series:
    """The mean of what is finite, by variant."""
    return runs[value].where(np.isfinite(runs[value])).groupby(runs["variant"]).mean()


def _related(measured: pd.DataFrame, means: pd.Series, rng: np.random.Generator, resamples: int) -> list[tuple]:
    """`measure, n, rho, low, high, p` of each column of `measured` that enough variants have and that varies."""
    rows = []
    for name in measured:
        both = pd.DataFrame({"x": measured[name], "y": means}).dropna().to_numpy()
        if len(both) >= FEWEST and all(len(np.unique(column)) > 1 for column in both.T):
            rows.append((name, len(both), *_spearman(both, rng=rng, resamples=resamples)))
    return rows


def _adjusted(rows: list[tuple], key: list[str]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=[*key, "n", "rho", "low", "high", "p"])
    return table.assign(p_bh=false_discoveries(table["p"]))


def _spearman(both: np.ndarray, *, rng: np.random.Generator, resamples: int) -> tuple[float, float, float, float]:
    """ρ, low, high and p of values (n, 2); resamples in which one of the two does not vary are left out."""
    result = scipy.stats.spearmanr(both[:, 0], both[:, 1])
    drawn = both[rng.integers(0, len(both), (resamples, len(both)))]  # (resamples, n, 2)
    ranked = scipy.stats.rankdata(drawn, axis=1)
    centred = ranked - ranked.mean(axis=1, keepdims=True)
    size = np.sqrt((centred**2).sum(axis=1).prod(axis=1))
    rho = (centred.prod(axis=2).sum(axis=1)[size > 0]) / size[size > 0]
    low, high = np.quantile(rho, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(result.statistic), float(low), float(high), float(result.pvalue)
