"""Activations over several workloads, from published folders: what `python -m actbench.report FOLDER FOLDER …` shows.

A workload is what a folder holds on the shared and on the tuned track. On both tracks, losses are divided by the mean
of the tuned reference in their workload, so that a workload with large losses does not outweigh the others. Only
activations that all workloads have on both tracks count.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from actbench.compare import over_workloads, paired
from actbench.compare.by_seed import LOSS_MARGIN
from actbench.compare.comparison import TAUS
from actbench.compare.tracks import SHARED, TUNED, both_tracks
from actbench.compare.workloads import workloads
from actbench.tables.schema import REFERENCE
from actbench.tables.store import collect

TRACKS = (SHARED, TUNED)
_VALUE = "test_loss"


@dataclass(frozen=True)
class Across:
    """All that is computed over several workloads; the tables have the column `track`.

    Attributes:
        workloads: Name and number of seeds of each.
        ranks, iqm, profile, failures: See `over_workloads`; in units of the tuned reference, ranked within a track.
        pairs: See `paired.all_pairs`, over the seeds of all workloads, in the same units.
    """

    workloads: dict[str, int]
    ranks: pd.DataFrame
    iqm: pd.DataFrame
    profile: pd.DataFrame
    failures: pd.DataFrame
    pairs: pd.DataFrame


def gather_runs(folders: list[Path]) -> pd.DataFrame:
    """The runs of all workloads with the columns `workload`, `track`, `act`, and `variant` = `act track`.

    Raises:
        ValueError: If a folder has no workload on both tracks, or fewer than two activations are common to all.
    """
    frames = []
    for folder in folders:
        pairs = both_tracks(workloads(collect(folder)))
        if not pairs:
            raise ValueError(f"{folder} has no workload on both tracks: run its experiment with track=shared,tuned.")
        for title, *both in pairs:
            name = f"{folder.name} ({title})" if len(pairs) > 1 else folder.name
            for track, work in zip(TRACKS, both, strict=True):
                runs = work.tables.runs
                frames.append(runs[runs["status"] != "failed"].assign(workload=name, track=track, act=runs["variant"]))
    runs = pd.concat(frames, ignore_index=True)
    common = set.intersection(*(set(group["act"]) for _, group in runs.groupby(["workload", "track"])))
    if len(common - {REFERENCE}) < 1 or REFERENCE not in common:
        names = ", ".join(sorted(common)) or "none"
        raise ValueError(f"{REFERENCE} and one other activation must be in every workload on both tracks; {names} is.")
    runs = runs[runs["act"].isin(common)]
    return runs.assign(variant=runs["act"] + " " + runs["track"])


def compute(runs: pd.DataFrame) -> Across:
    """Everything that is computed over the runs of `gathered`."""
    tuned = f"{REFERENCE} {TUNED}"
    by_track = {str(track): group for track, group in runs.groupby("track")}
    ranks = [
        over_workloads.ranks(
            runs,
            value=_VALUE,
            reference=tuned,
            among=sorted(group["variant"].unique()),
            rng=np.random.default_rng(0),
        )
        for group in by_track.values()
    ]
    means = runs[runs["variant"] == tuned].groupby("workload")[_VALUE].mean()
    relative = runs.assign(
        seed=runs["workload"] + " " + runs["seed"].astype(str), **{_VALUE: runs[_VALUE] / runs["workload"].map(means)}
    )
    tables = {
        "ranks": pd.concat(ranks),
        "iqm": over_workloads.iqm(runs, value=_VALUE, reference=tuned, rng=np.random.default_rng(0)),
        "profile": pd.concat(over_workloads.profile(group, taus=TAUS) for group in by_track.values()),
        "failures": over_workloads.failures(runs),
    }
    pairs = [
        paired.all_pairs(group.assign(variant=group["act"]), value=_VALUE, margin=LOSS_MARGIN).assign(track=track)
        for track, group in relative.groupby("track")
    ]
    return Across(
        workloads={str(name): int(group["seed"].nunique()) for name, group in runs.groupby("workload")},
        pairs=pd.concat(pairs, ignore_index=True),
        **{name: _with_track(table) for name, table in tables.items()},
    )


def _with_track(table: pd.DataFrame) -> pd.DataFrame:
    """Split `variant` into the columns `variant`, the activation, and `track`."""
    split = table["variant"].str.rpartition(" ")
    return table.assign(variant=split[0], track=split[2]).reset_index(drop=True)
