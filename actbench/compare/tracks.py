"""Does a ranking survive tuning? The same variants on the shared and on the tuned track.

The shared track has one learning rate and one init for all; in the tuned one each variant has the learning rate that
its tuning experiment chose on validation data, and the init of matched gain. The two are workloads of their own, told
apart by the config key `track`.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from actbench.compare.by_seed import margin, whole
from actbench.compare.intervals import LEVEL, RESAMPLES
from actbench.compare.paired import compare
from actbench.compare.ranking import primary
from actbench.compare.workloads import Workload
from actbench.tables.schema import REFERENCE

SHARED, TUNED = "shared", "tuned"
_DIFFERS = ("track", "init", "optim.lr")  # with all keys of their groups: what the tracks differ in on purpose
_CHUNK = 500  # resamples whose pairs of variants are held at once


class Survival(NamedTuple):
    """Kendall's τ-b between two rankings with its interval, and what each track says of every variant.

    Attributes:
        value: The column that ranks.
        tau, low, high: The correlation of the two orders of means, and its 95 % interval.
        n: Variants on both tracks.
        variants: `variant, mean_shared, mean_tuned, rank_…, verdict_…`, by the rank on the tuned track; the reference
            has no verdict.
    """

    value: str
    tau: float
    low: float
    high: float
    n: int
    variants: pd.DataFrame


def both_tracks(works: list[Workload]) -> list[tuple[str, Workload, Workload]]:
    """What is on both tracks: what tells it from the others (`data=mnist`), the shared and the tuned workload."""
    rest = [{k: v for k, v in work.config.items() if not _differs(k)} for work in works]
    found = []
    for i, shared in enumerate(works):
        for j, tuned in enumerate(works):
            tracks = shared.config.get("track"), tuned.config.get("track")
            if tracks == (SHARED, TUNED) and rest[i] == rest[j]:
                title = [part for part in shared.title.split(", ") if not _differs(part.partition("=")[0])]
                found.append((", ".join(title), shared, tuned))
    return found


def survived(works: list[Workload], *, reference: str = REFERENCE) -> list[tuple[str, Workload, Survival]]:
    """The title, the tuned workload and the comparison of what is on both tracks and has a ranking in common there."""
    found = []
    for title, shared, tuned in both_tracks(works):
        runs = [work.tables.runs[work.tables.runs["status"] != "failed"] for work in (shared, tuned)]
        value = primary(runs[0])
        common = set(runs[0]["variant"]) & set(runs[1]["variant"])
        if value is not None and primary(runs[1]) == value and reference in common and len(common) > 1:
            own = survive(*runs, value=value, rng=np.random.default_rng(0), reference=reference)
            found.append((title, tuned, own))
    return found


def survive(
    shared: pd.DataFrame,
    tuned: pd.DataFrame,
    *,
    value: str,
    rng: np.random.Generator,
    reference: str = REFERENCE,
    resamples: int = RESAMPLES,
) -> Survival:
    """Compare the runs of two tracks over the variants that both have on every seed of the reference.

    The interval is a percentile one of the joint bootstrap over seeds: a seed that both tracks have is drawn in both.
    Resampling adds noise to both orders, so it leans towards 0: it is cautious about agreement.

    Raises:
        ValueError: If the tracks have fewer than two variants in common.
    """
    wide = [whole(runs, value=value, reference=reference) for runs in (shared, tuned)]
    names = [str(name) for name in wide[0].columns if name in wide[1].columns]
    if len(names) < 2:
        raise ValueError(
            f"The tracks have {len(names)} variants in common on every seed of {reference}: a ranking needs two."
        )
    means = [frame[names].mean() for frame in wide]
    drawn = _drawn([frame[names] for frame in wide], rng=rng, resamples=resamples)
    low, high = np.nanquantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) if np.isfinite(drawn).any() else [np.nan] * 2
    columns = {}
    for track, runs, mean in zip((SHARED, TUNED), (shared, tuned), means, strict=True):
        own = runs[runs["variant"].isin(names)]
        stated = margin(own, value=value, reference=reference)
        table = compare(own, value=value, margin=stated, rng=rng, reference=reference, resamples=resamples)
        columns[f"mean_{track}"] = mean
        columns[f"rank_{track}"] = mean.rank(method="min")
        columns[f"verdict_{track}"] = table.set_index("variant")["verdict"].reindex(names)
    variants = pd.DataFrame(columns).rename_axis("variant").reset_index()
    variants = variants[["variant", *(f"{n}_{t}" for n in ("mean", "rank", "verdict") for t in (SHARED, TUNED))]]
    tau = kendall(*(mean.to_numpy()[None] for mean in means))[0]
    ordered = variants.sort_values("rank_tuned", kind="stable", ignore_index=True)
    return Survival(value, float(tau), float(low), float(high), len(names), ordered)


def kendall(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Kendall's τ-b of each row of `x` with that of `y`, both (k, n); nan where one of the two is constant."""
    first, second = np.triu_indices(x.shape[1], k=1)
    with np.errstate(invalid="ignore"):  # ∞ − ∞: two lost variants are tied
        a = np.nan_to_num(np.sign(x[:, first] - x[:, second]))
        b = np.nan_to_num(np.sign(y[:, first] - y[:, second]))
        return (a * b).sum(axis=1) / np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))


def changed(survival: Survival) -> pd.DataFrame:
    """The variants of which the two tracks say something different."""
    table = survival.variants.dropna(subset=["verdict_shared", "verdict_tuned"])
    return table[table["verdict_shared"] != table["verdict_tuned"]].reset_index(drop=True)


def _differs(key: str) -> bool:
    return key in _DIFFERS or key.startswith(tuple(f"{name}." for name in _DIFFERS))


def _drawn(wide: list[pd.DataFrame], *, rng: np.random.Generator, resamples: int) -> np.ndarray:
    """τ of each resample of the seeds; where the tracks have the same seeds, the same draw is made in both."""
    values = [frame.to_numpy() for frame in wide]
    same = list(wide[0].index) == list(wide[1].index)
    found = []
    for start in range(0, resamples, _CHUNK):
        count = min(_CHUNK, resamples - start)
        draws = [rng.integers(0, len(part), (count, len(part))) for part in values[: 1 if same else 2]]
        means = [part[draw].mean(axis=1) for part, draw in zip(values, draws * (2 if same else 1), strict=True)]
        found.append(kendall(*means))
    return np.concatenate(found)
