"""What did the initialisation do to a ranking, and what the learning rate? The four tracks from shared to tuned.

    shared       one learning rate, one init      tuned_init   one learning rate, tuned init
    tuned_lr     tuned rate, one init             tuned        tuned rate, tuned init

All four are paired by seed. With the loss L of a variant on a seed, the effects are init = L(tuned_init) − L(shared),
learning rate = L(tuned_lr) − L(shared), both = L(tuned) − L(shared), and interaction = both − init − learning rate:
what the two do together beyond what each does alone.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from actbench.compare.by_seed import complete_by_seed
from actbench.compare.comparison import Comparison
from actbench.compare.intervals import RESAMPLES, TAILS, bca
from actbench.compare.resampling import bootstrap
from actbench.compare.significance import ALPHA
from actbench.compare.tracks import both_tracks, kendall
from actbench.compare.workloads import TRACKS, Workload

EFFECTS = ("init", "learning rate", "both", "interaction")


class Corners(NamedTuple):
    """The four tracks of one workload, over the variants that all four have on every seed of the reference.

    Attributes:
        title: The settings that distinguish the workload, `data=mnist`.
        value, reference: The loss, and the variant that verdicts are against.
        effects: `variant, effect, n, mean, low, high` in nats by effect of `EFFECTS`, see `compare.intervals.bca`.
        orders: `track, pairs, turned, shown, tau, low, high`: `turned` counts the pairs of variants whose order is the
            opposite of that on the shared track, `shown` those of them that are told apart on both, see
            `compare.paired.all_pairs`; `tau` is Kendall's τ-b with the shared track's order.
        difference: low and high of τ of tuned_init − τ of tuned_lr: above 0 the learning rate changes more.
        verdicts: By variant, the verdict on each track.
        same_rate: Number of variants whose tuned learning rate is the shared one; None if the tables have no rates.
    """

    title: str
    value: str
    reference: str
    effects: pd.DataFrame
    orders: pd.DataFrame
    difference: tuple[float, float]
    verdicts: pd.DataFrame
    same_rate: int | None


def corners_of(works: list[Workload], comparisons: list[Comparison | None]) -> list[Corners]:
    """The corners of everything that is on all four tracks, with a comparison on each and two variants in common."""
    comparison_of = {id(work): comparison for work, comparison in zip(works, comparisons, strict=True)}
    results = []
    for title, shared, tuned in both_tracks(works):
        corners = {"shared": shared, "tuned": tuned}
        corners |= {track: work for track in TRACKS for work in works if _is_corner(work, track, shared)}
        optional = {track: comparison_of[id(corners[track])] for track in TRACKS if track in corners}
        compared = {track: comparison for track, comparison in optional.items() if comparison is not None}
        if len(compared) < len(TRACKS) or len({(c.value, c.reference) for c in compared.values()}) > 1:
            continue
        runs = {track: corners[track].tables.runs for track in TRACKS}
        result = _corners(title, runs, compared)
        results += [result] if result else []
    return results


def _is_corner(work: Workload, track: str, shared: Workload) -> bool:
    """Whether a workload is the given track beside the shared one.

    All keys are as in the shared one but for those that the track sets: they were chosen for each variant, so they are
    not among the workload's keys.
    """
    if track in ("shared", "tuned") or work.config.get("track") != track:
        return False
    expected = dict(shared.config)
    for key in TRACKS[track]:
        expected = {k: v for k, v in expected.items() if k != key and not k.startswith(f"{key}.")}
    return work.config == expected | {"track": track}


def _corners(title: str, runs: dict[str, pd.DataFrame], comparisons: dict[str, Comparison]) -> Corners | None:
    shared = comparisons["shared"]
    value, reference = shared.value, shared.reference
    wide = complete_by_seed(runs, value=value, reference=reference)
    names = [str(name) for name in wide["shared"] if all(np.isfinite(frame[name]).all() for frame in wide.values())]
    seeds = sorted(set.intersection(*(set(frame.index) for frame in wide.values())))
    if len(names) < 2 or len(seeds) < 2:
        return None
    losses = {track: frame.loc[seeds, names].to_numpy().T for track, frame in wide.items()}  # (variants, seeds)
    verdicts = {track: c.verdicts.set_index("variant")["verdict"].reindex(names) for track, c in comparisons.items()}
    orders, difference = _orders(losses, rng=np.random.default_rng(0))
    opposite = [_num_opposite(shared.pairs, comparisons[track].pairs, names) for track in orders["track"]]
    orders.insert(3, "shown", opposite)
    table = pd.DataFrame(verdicts).rename_axis("variant").drop(reference, errors="ignore")
    same_rate = _same_rate(runs["shared"], runs["tuned_lr"], names)
    return Corners(title, value, reference, _effects(losses, names), orders, difference, table, same_rate)


def _effects(losses: dict[str, np.ndarray], names: list[str]) -> pd.DataFrame:
    init, rate, both = (losses[track] - losses["shared"] for track in ("tuned_init", "tuned_lr", "tuned"))
    frames = []
    for effect, values in zip(EFFECTS, (init, rate, both, both - init - rate), strict=True):
        mean, low, high = bca(values, rng=np.random.default_rng(0))
        frames.append(pd.DataFrame({"variant": names, "effect": effect, "mean": mean, "low": low, "high": high}))
    table = pd.concat(frames, ignore_index=True)
    table.insert(2, "n", init.shape[1])
    return table


def _orders(losses: dict[str, np.ndarray], *, rng: np.random.Generator) -> tuple[pd.DataFrame, tuple[float, float]]:
    """Each track's order against the shared one's; the same resamples of the seeds serve all tracks."""
    tracks = [track for track in TRACKS if track != "shared"]
    count, seeds = losses["shared"].shape

    def taus_of(drawn: np.ndarray) -> np.ndarray:
        means = {track: values[:, drawn].mean(axis=2).T for track, values in losses.items()}  # (chunk, variants)
        return np.column_stack([kendall(means["shared"], means[track]) for track in tracks])

    resampled = bootstrap(taus_of, [seeds], rng=rng, resamples=RESAMPLES, size=count**2).T  # (tracks, resamples)
    shared = losses["shared"].mean(axis=1)
    rows = []
    for track, taus in zip(tracks, resampled, strict=True):
        mean = losses[track].mean(axis=1)
        turned = np.triu(np.subtract.outer(shared, shared) * np.subtract.outer(mean, mean) < 0).sum()
        pairs = count * (count - 1) // 2
        rows.append((track, pairs, int(turned), kendall(shared[None], mean[None])[0], *np.nanquantile(taus, TAILS)))
    by_init, by_rate = (resampled[tracks.index(track)] for track in ("tuned_init", "tuned_lr"))
    low, high = np.nanquantile(by_init - by_rate, TAILS)
    return pd.DataFrame(rows, columns=["track", "pairs", "turned", "tau", "low", "high"]), (float(low), float(high))


def _num_opposite(shared: pd.DataFrame, other: pd.DataFrame, names: list[str]) -> int:
    """The number of pairs of these variants that are told apart in both tables, one way and the other."""
    both = shared.merge(other, on=["a", "b"])
    both = both[both["a"].isin(names) & both["b"].isin(names)]
    is_shown = (both["p_bh_x"] < ALPHA) & (both["p_bh_y"] < ALPHA)
    return int((is_shown & (both["mean_x"] * both["mean_y"] < 0)).sum())


def _same_rate(shared: pd.DataFrame, tuned: pd.DataFrame, names: list[str]) -> int | None:
    if "optim.lr" not in shared or "optim.lr" not in tuned:
        return None
    rates = [runs.groupby("variant")["optim.lr"].first()[names] for runs in (shared, tuned)]
    return int((rates[0] == rates[1]).sum())


def varying_verdicts(corners: Corners) -> pd.DataFrame:
    """The variants whose verdict is not the same on all four tracks."""
    return corners.verdicts[corners.verdicts.ne(corners.verdicts["shared"], axis=0).any(axis=1)]
