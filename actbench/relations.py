"""Which diagnostics go with a low loss, over variants: exploratory, as variants are no random sample of anything."""

import numpy as np
import pandas as pd
import scipy.stats

from actbench.findings import primary
from actbench.paired import adjust
from actbench.stats import LEVEL, ends, vanishing
from actbench.tables import LAYERS

FEWEST = 8  # variants; with fewer a rank correlation says nothing
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
    layers: pd.DataFrame, runs: pd.DataFrame, *, rng: np.random.Generator, resamples: int = 2_000
) -> pd.DataFrame:
    """Spearman's ρ of each diagnostic with the mean loss, over variants: `when, measure, n, rho, low, high, p, p_bh`.

    The interval is a 95 % percentile bootstrap over variants, p is `scipy.stats.spearmanr`'s, `p_bh` adjusted over all
    rows. A diagnostic that fewer than eight variants have, or that is the same for all, has no row.
    """
    by = primary(runs)
    columns = ["when", "measure", "n", "rho", "low", "high", "p"]
    if by is None or not len(layers):
        return pd.DataFrame(columns=[*columns, "p_bh"])
    finite = runs[by].where(np.isfinite(runs[by]))
    loss = finite.groupby(runs["variant"]).mean()
    rows = []
    for when, found in diagnostics(layers).groupby("when"):
        measured = found.set_index("variant").drop(columns="when")
        for name in measured:
            both = pd.DataFrame({"x": measured[name], "y": loss}).dropna().to_numpy()
            if len(both) >= FEWEST and (np.ptp(both, axis=0) > 0).all():
                rows.append((when, name, len(both), *_spearman(both, rng=rng, resamples=resamples)))
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(p_bh=adjust(table["p"], method="fdr_bh"))


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
