"""Activations over several workloads, from published folders: what `python -m actbench.across` reports.

A workload is what a folder holds on the shared and on the tuned track. Losses are in units of the tuned reference's
mean in their workload, on both tracks, so that a workload with large losses does not outweigh the others. Only
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
VALUE = "test_loss"


@dataclass(frozen=True)
class Across:
    """All that is computed over several workloads; the tables have the column `track`.

    Attributes:
        workloads: Name and number of seeds of each.
        ranks, iqm, profile, failures: See `joint`; in units of the tuned reference, ranked within a track.
        pairs: See `pairs.all_pairs`, over the seeds of all workloads, in the same units.
    """

    workloads: dict[str, int]
    ranks: pd.DataFrame
    iqm: pd.DataFrame
    profile: pd.DataFrame
    failures: pd.DataFrame
    pairs: pd.DataFrame


def gathered(folders: list[Path]) -> pd.DataFrame:
    """The runs of all workloads with the columns `workload`, `track`, `act`, and `variant` = `act track`.

    Raises:
        ValueError: If a folder has no workload on both tracks, or fewer than two activations are common to all.
    """
    frames = []
    for folder in folders:
        found = both_tracks(workloads(collect(folder)))
        if not found:
            raise ValueError(f"{folder} has no workload on both tracks: run its experiment with track=shared,tuned.")
        for title, *both in found:
            name = f"{folder.name} ({title})" if len(found) > 1 else folder.name
            for track, work in zip(TRACKS, both, strict=True):
                runs = work.tables.runs
                frames.append(runs[runs["status"] != "failed"].assign(workload=name, track=track, act=runs["variant"]))
    runs = pd.concat(frames, ignore_index=True)
    common = set.intersection(*(set(own["act"]) for _, own in runs.groupby(["workload", "track"])))
    if len(common - {REFERENCE}) < 1 or REFERENCE not in common:
        told = ", ".join(sorted(common)) or "none"
        raise ValueError(f"{REFERENCE} and one other activation must be in every workload on both tracks; {told} is.")
    runs = runs[runs["act"].isin(common)]
    return runs.assign(variant=runs["act"] + " " + runs["track"])


def compute(runs: pd.DataFrame) -> Across:
    """Everything over the runs that `gathered` gives."""
    tuned = f"{REFERENCE} {TUNED}"
    names = {track: sorted(own["variant"].unique()) for track, own in runs.groupby("track")}
    ranks = [
        over_workloads.ranks(runs, value=VALUE, reference=tuned, among=own, rng=np.random.default_rng(0))
        for own in names.values()
    ]
    means = runs[runs["variant"] == tuned].groupby("workload")[VALUE].mean()
    units = runs.assign(
        seed=runs["workload"] + " " + runs["seed"].astype(str), **{VALUE: runs[VALUE] / runs["workload"].map(means)}
    )
    tables = {
        "ranks": pd.concat(ranks),
        "iqm": over_workloads.iqm(runs, value=VALUE, reference=tuned, rng=np.random.default_rng(0)),
        "profile": pd.concat(over_workloads.profile(own, taus=TAUS) for _, own in runs.groupby("track")),
        "failures": over_workloads.failures(runs),
    }
    every = [
        paired.all_pairs(own.assign(variant=own["act"]), value=VALUE, margin=LOSS_MARGIN).assign(track=track)
        for track, own in units.groupby("track")
    ]
    return Across(
        workloads={str(name): int(own["seed"].nunique()) for name, own in runs.groupby("workload")},
        pairs=pd.concat(every, ignore_index=True),
        **{name: _apart(table) for name, table in tables.items()},
    )


def _apart(table: pd.DataFrame) -> pd.DataFrame:
    """`variant` back into activation and track."""
    both = table["variant"].str.rpartition(" ")
    return table.assign(variant=both[0], track=both[2]).reset_index(drop=True)
