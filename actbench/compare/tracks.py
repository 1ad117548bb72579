"""Does a ranking survive tuning? The same variants on the shared and on the tuned track.

On the shared track all variants have one learning rate and one init. On the tuned track each variant has the learning
rate and the init that its tuning experiment chose on validation data. The two tracks are separate workloads, with
different values of the config key `track`.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from actbench.compare.by_seed import by_seed, complete_by_seed
from actbench.compare.intervals import RESAMPLES, TAILS
from actbench.compare.looks import USUAL, Looks
from actbench.compare.paired import JUDGED, verdicts
from actbench.compare.ranking import primary
from actbench.compare.resampling import bootstrap
from actbench.compare.significance import ALPHA, holm
from actbench.compare.tails import Tails
from actbench.compare.workloads import Workload, looks_of
from actbench.tables.schema import REFERENCE

SHARED, TUNED = "shared", "tuned"
_TRACK_KEYS = ("track", "init", "optim.lr")  # tracks differ on purpose in these and in the keys below them


class TrackAgreement(NamedTuple):
    """Kendall's τ-b between two rankings with its interval, and the verdict of each track on every variant.

    Attributes:
        value: The column that ranks.
        tau, low, high: The correlation of the two orders of means, and its 95 % interval.
        n, num_seeds: Number of variants on both tracks, and of the seeds that all of them have on both.
        variants: `variant, mean_shared, mean_tuned, rank_…, verdict_…`, by the rank on the tuned track; the reference
            has no verdict.
    """

    value: str
    tau: float
    low: float
    high: float
    n: int
    num_seeds: int
    variants: pd.DataFrame


def both_tracks(works: list[Workload]) -> list[tuple[str, Workload, Workload]]:
    """The shared and the tuned workload of everything that is on both tracks, with a title, `data=mnist`.

    What tracks differ in is named only where the pairs differ in nothing else.
    """
    configs = [{k: v for k, v in work.config.items() if not _is_track_key(k)} for work in works]
    pairs = []
    for i, shared in enumerate(works):
        for j, tuned in enumerate(works):
            tracks = shared.config.get("track"), tuned.config.get("track")
            if tracks == (SHARED, TUNED) and configs[i] == configs[j]:
                pairs.append((shared, tuned))
    short = [_without(shared.title, _is_track_key) for shared, _ in pairs]
    whole = [_without(shared.title, "track".__eq__) for shared, _ in pairs]
    titles = short if len({*short}) == len(short) else whole
    return [(title, *pair) for title, pair in zip(titles, pairs, strict=True)]


def _without(title: str, is_dropped: Callable[[str], bool]) -> str:
    return ", ".join(setting for setting in title.split(", ") if not is_dropped(setting.partition("=")[0]))


def track_agreements(works: list[Workload]) -> list[tuple[str, Workload, TrackAgreement]]:
    """Title, tuned workload and comparison of everything on both tracks that can be ranked by one measure on both."""
    agreements = []
    for title, shared, tuned in both_tracks(works):
        runs = [work.tables.runs[work.tables.runs["status"] != "failed"] for work in (shared, tuned)]
        value, reference = primary(runs[0]), shared.reference
        if value not in JUDGED or primary(runs[1]) != value:
            continue
        if any(reference not in set(each["variant"]) for each in runs):
            continue
        if min(on_both_tracks(*runs, value=value, reference=reference)[0].shape) > 1:
            looks = shared.looks, tuned.looks
            agreement = compare_tracks(
                *runs, value=value, rng=np.random.default_rng(0), looks=looks, reference=reference
            )
            agreements.append((title, tuned, agreement))
    return agreements


def harm(works: list[Workload]) -> list[tuple[str, pd.DataFrame]]:
    """Title and `harmed` of everything on both tracks."""
    tables = []
    for title, shared, tuned in both_tracks(works):
        runs = [work.tables.runs[work.tables.runs["status"] != "failed"] for work in (shared, tuned)]
        if all(np.isfinite(each["val_error"]).any() for each in runs):
            tables.append((title, harmed(*runs)))
    return tables


def harmed(shared: pd.DataFrame, tuned: pd.DataFrame) -> pd.DataFrame:
    """`variant, n, shared, tuned, p, p_holm, flagged`: was tuning worse than not tuning, on validation data?

    The mean validation errors on the seeds that all variants have on both tracks, and the p of a one-sided paired t
    test of "tuned is no higher than shared", adjusted over the variants; flagged where it is below .05. Tuning chose on
    other seeds, so it may be worse by chance or because its budget or grid was too small.
    """
    first, second = (by_seed(runs, value="val_error") for runs in (shared, tuned))
    names, seeds = first.columns.intersection(second.columns), first.index.intersection(second.index)
    measured = (first.notna() & second.notna()).loc[seeds, names]
    names = names[measured.iloc[: looks_of(shared).sizes[0]].all()]  # what lacks one of them is left out
    seeds = seeds[measured[names].all(axis=1)]
    rows = []
    for name in names:
        pair = np.stack([first.loc[seeds, name], second.loc[seeds, name]])
        pair = pair[:, np.isfinite(pair).all(axis=0)]
        n = pair.shape[1]
        if n > 1:
            above, _ = Tails.of(pair[1] - pair[0]).at(n)
            rows.append((str(name), n, *pair.mean(axis=1), float(above)))
    table = pd.DataFrame(rows, columns=["variant", "n", "shared", "tuned", "p"])
    adjusted = holm(table["p"])
    return table.assign(p_holm=adjusted, flagged=adjusted < ALPHA)


def compare_tracks(
    shared: pd.DataFrame,
    tuned: pd.DataFrame,
    *,
    value: str,
    rng: np.random.Generator,
    looks: tuple[Looks, Looks] = (USUAL, USUAL),
    reference: str = REFERENCE,
    resamples: int = RESAMPLES,
) -> TrackAgreement:
    """Compare the runs of two tracks over the variants of both, on the seeds that all have, see `on_common_seeds`.

    The interval is a percentile interval of the joint bootstrap over seeds: the same ones are drawn on both tracks.
    Resampling adds noise to both orders, which pulls τ towards 0. So the interval is cautious about agreement. Verdicts
    are those of each track's own family, on all its seeds.

    Raises:
        ValueError: If the tracks have fewer than two variants in common.
    """
    wide = on_both_tracks(shared, tuned, value=value, reference=reference)
    names = list(map(str, wide[0]))
    if len(names) < 2:
        raise ValueError(
            f"The tracks have {len(names)} variants in common on every seed of {reference}: a ranking needs two."
        )
    means = [frame.mean() for frame in wide]
    taus = _bootstrap_tau(wide, rng=rng, resamples=resamples)
    low, high = np.nanquantile(taus, TAILS) if np.isfinite(taus).any() else [np.nan] * 2
    columns = {}
    for track, runs, mean, when in zip((SHARED, TUNED), (shared, tuned), means, looks, strict=True):
        decided = verdicts(runs, value=value, looks=when, reference=reference)
        columns[f"mean_{track}"] = mean
        columns[f"rank_{track}"] = mean.rank(method="min")
        columns[f"verdict_{track}"] = decided.reindex(names)
    variants = pd.DataFrame(columns).rename_axis("variant").reset_index()
    variants = variants[["variant", *(f"{n}_{t}" for n in ("mean", "rank", "verdict") for t in (SHARED, TUNED))]]
    tau = kendall(*(mean.to_numpy()[None] for mean in means))[0]
    ordered = variants.sort_values("rank_tuned", kind="stable", ignore_index=True)
    return TrackAgreement(value, float(tau), float(low), float(high), len(names), len(wide[0]), ordered)


def on_both_tracks(
    shared: pd.DataFrame, tuned: pd.DataFrame, *, value: str, reference: str = REFERENCE
) -> list[pd.DataFrame]:
    """A column of each track as seeds × variants, of the seeds and variants that both have."""
    wide = complete_by_seed({SHARED: shared, TUNED: tuned}, value=value, reference=reference)
    seeds = wide[SHARED].index.intersection(wide[TUNED].index)
    return [wide[track].loc[seeds] for track in (SHARED, TUNED)]


def kendall(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Kendall's τ-b of each row of `x` with that of `y`, both (k, n); nan where one of the two is constant."""
    first, second = np.triu_indices(x.shape[1], k=1)
    with np.errstate(invalid="ignore"):  # ∞ − ∞: two variants without a finite mean are tied
        a = np.nan_to_num(np.sign(x[:, first] - x[:, second]))
        b = np.nan_to_num(np.sign(y[:, first] - y[:, second]))
        return (a * b).sum(axis=1) / np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))


def changed_verdicts(agreement: TrackAgreement) -> pd.DataFrame:
    """The variants whose verdicts on the two tracks differ."""
    table = agreement.variants.dropna(subset=["verdict_shared", "verdict_tuned"])
    return table[table["verdict_shared"] != table["verdict_tuned"]].reset_index(drop=True)


def _is_track_key(key: str) -> bool:
    return key in _TRACK_KEYS or key.startswith(tuple(f"{name}." for name in _TRACK_KEYS))


def _bootstrap_tau(wide: list[pd.DataFrame], *, rng: np.random.Generator, resamples: int) -> np.ndarray:
    """τ of each resample of the seeds, the same ones for both tracks."""
    shared, tuned = (frame.to_numpy() for frame in wide)  # (seeds, variants)

    def tau(drawn: np.ndarray) -> np.ndarray:
        return kendall(shared[drawn].mean(axis=1), tuned[drawn].mean(axis=1))

    return bootstrap(tau, [len(shared)], rng=rng, resamples=resamples, size=shared.shape[1] ** 2)
