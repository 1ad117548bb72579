"""What did the initialisation do to a ranking, and what the learning rate? The four tracks between shared and tuned.

    shared         one learning rate, one init      matched_init   one learning rate, matched gain
    tuned_lr       tuned rate, one init             tuned          tuned rate, matched gain

All four are paired by seed: with the loss L of a variant on a seed, init = L(matched_init) − L(shared), learning rate =
L(tuned_lr) − L(shared), both = L(tuned) − L(shared), and interaction = both − init − learning rate: what the two do
together beyond what each does alone.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from actbench.compare.by_seed import whole
from actbench.compare.comparison import Comparison
from actbench.compare.intervals import LEVEL, RESAMPLES, bca
from actbench.compare.tracks import both_tracks, kendall
from actbench.compare.workloads import TRACKS, Workload

EFFECTS = ("init", "learning rate", "both", "interaction")
_CHUNK = 500  # resamples whose pairs of variants are held at once


class Corners(NamedTuple):
    """The four tracks of one workload, over the variants that all have on every seed of the reference.

    Attributes:
        title: What tells the workload from others, `data=mnist`.
        value, reference: The loss, and what verdicts are against.
        effects: `variant, effect, n, mean, low, high` in nats by effect of `EFFECTS`, see `stats.bca`.
        orders: `track, pairs, turned, shown, tau, low, high`: pairs of variants that stand the other way round than on
            the shared track, those of them that are told apart on both, see `pairs.all_pairs`, and Kendall's τ-b with
            its order.
        difference: low and high of τ of matched_init − τ of tuned_lr: above 0 the learning rate changes more.
        verdicts: By variant, the verdict on each track.
        same_rate: The number of variants whose tuned learning rate is the shared one; None where it is not told.
    """

    title: str
    value: str
    reference: str
    effects: pd.DataFrame
    orders: pd.DataFrame
    difference: tuple[float, float]
    verdicts: pd.DataFrame
    same_rate: int | None


def four(works: list[Workload], compared: list[Comparison | None]) -> list[Corners]:
    """The corners of whatever has all four tracks, each with a comparison, and two variants in common on them."""
    against = {id(work): comparison for work, comparison in zip(works, compared, strict=True)}
    found = []
    for title, shared, tuned in both_tracks(works):
        corners = {"shared": shared, "tuned": tuned}
        corners |= {track: work for track in TRACKS for work in works if _between(work, track, shared, tuned)}
        tables = {track: against[id(corners[track])] for track in TRACKS if track in corners}
        known = {track: table for track, table in tables.items() if table is not None}
        if len(known) < len(TRACKS) or len({(table.value, table.reference) for table in known.values()}) > 1:
            continue
        runs = {track: corners[track].tables.runs for track in TRACKS}
        made = _corners(title, runs, known)
        found += [made] if made else []
    return found


def _between(work: Workload, track: str, shared: Workload, tuned: Workload) -> bool:
    """Whether a workload is that track between the two: the keys that it sets are the tuned one's, others the shared's.

    Where the rate was chosen for each variant it is no key of the workload's.
    """
    if track in ("shared", "tuned") or work.config.get("track") != track:
        return False
    expected = dict(shared.config)
    for key in TRACKS[track]:
        expected = {k: v for k, v in expected.items() if k != key and not k.startswith(f"{key}.")}
        expected |= {k: v for k, v in tuned.config.items() if k == key or k.startswith(f"{key}.")}
    return work.config == expected | {"track": track}


def _corners(title: str, runs: dict[str, pd.DataFrame], known: dict[str, Comparison]) -> Corners | None:
    value, reference = known["shared"].value, known["shared"].reference
    wide = {
        track: whole(own[own["status"] != "failed"], value=value, reference=reference) for track, own in runs.items()
    }
    wide = {track: frame.replace(np.inf, np.nan).dropna(axis="columns") for track, frame in wide.items()}
    names = [str(name) for name in wide["shared"].columns if all(name in frame for frame in wide.values())]
    seeds = sorted(set.intersection(*(set(frame.index) for frame in wide.values())))
    if len(names) < 2 or len(seeds) < 2:
        return None
    losses = {track: frame.loc[seeds, names].to_numpy().T for track, frame in wide.items()}  # (variants, seeds)
    verdicts = {track: table.loss.set_index("variant")["verdict"].reindex(names) for track, table in known.items()}
    orders, difference = _orders(losses, rng=np.random.default_rng(0))
    orders.insert(3, "shown", [_shown(known["shared"].pairs, known[track].pairs, names) for track in orders["track"]])
    table = pd.DataFrame(verdicts).rename_axis("variant").drop(reference, errors="ignore")
    same = _same_rate(runs["shared"], runs["tuned_lr"], names)
    return Corners(title, value, reference, _effects(losses, names), orders, difference, table, same)


def _effects(losses: dict[str, np.ndarray], names: list[str]) -> pd.DataFrame:
    init, rate, both = (losses[track] - losses["shared"] for track in ("matched_init", "tuned_lr", "tuned"))
    parts = []
    for effect, values in zip(EFFECTS, (init, rate, both, both - init - rate), strict=True):
        mean, low, high = bca(values, rng=np.random.default_rng(0))
        parts.append(pd.DataFrame({"variant": names, "effect": effect, "mean": mean, "low": low, "high": high}))
    table = pd.concat(parts, ignore_index=True)
    table.insert(2, "n", init.shape[1])
    return table


def _orders(losses: dict[str, np.ndarray], *, rng: np.random.Generator) -> tuple[pd.DataFrame, tuple[float, float]]:
    """Each track's order against the shared one's; seeds are drawn again for all tracks together."""
    tracks = [track for track in TRACKS if track != "shared"]
    count, seeds = losses["shared"].shape
    drawn = []
    for start in range(0, RESAMPLES, _CHUNK):
        chosen = rng.integers(0, seeds, (min(_CHUNK, RESAMPLES - start), seeds))
        means = {track: values[:, chosen].mean(axis=2).T for track, values in losses.items()}  # (resamples, variants)
        drawn.append([kendall(means["shared"], means[track]) for track in tracks])
    resampled = np.concatenate(drawn, axis=1)  # (tracks, resamples)
    tails = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    shared = losses["shared"].mean(axis=1)
    rows = []
    for track, taus in zip(tracks, resampled, strict=True):
        mean = losses[track].mean(axis=1)
        turned = np.triu(np.subtract.outer(shared, shared) * np.subtract.outer(mean, mean) < 0).sum()
        pairs = count * (count - 1) // 2
        rows.append((track, pairs, int(turned), kendall(shared[None], mean[None])[0], *np.nanquantile(taus, tails)))
    by_init, by_rate = (resampled[tracks.index(track)] for track in ("matched_init", "tuned_lr"))
    low, high = np.nanquantile(by_init - by_rate, tails)
    return pd.DataFrame(rows, columns=["track", "pairs", "turned", "tau", "low", "high"]), (float(low), float(high))


def _shown(shared: pd.DataFrame, other: pd.DataFrame, names: list[str]) -> int:
    """The pairs of these variants that one of the two tables calls better, and the other worse."""
    opposite = {("better", "worse"), ("worse", "better")}
    both = shared.merge(other, on=["a", "b"])
    both = both[both["a"].isin(names) & both["b"].isin(names)]
    return sum(pair in opposite for pair in zip(both["verdict_x"], both["verdict_y"], strict=True))


def _same_rate(shared: pd.DataFrame, tuned: pd.DataFrame, names: list[str]) -> int | None:
    if "optim.lr" not in shared or "optim.lr" not in tuned:
        return None
    rates = [runs.groupby("variant")["optim.lr"].first()[names] for runs in (shared, tuned)]
    return int((rates[0] == rates[1]).sum())


def depend(found: Corners) -> pd.DataFrame:
    """The variants whose verdict is not the same on all four tracks."""
    return found.verdicts[found.verdicts.ne(found.verdicts["shared"], axis=0).any(axis=1)]
