"""Activations over several workloads, from published folders: what `python -m actbench.report FOLDER FOLDER …` shows.

A workload is what a folder holds on the shared and on the tuned track. On both tracks, error rates are divided by the
mean of the tuned reference in their workload, so that a workload with many errors does not outweigh the others. Only
activations that all workloads have on both tracks count, on the seeds that all have there; verdicts are those of each
workload's own family.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from actbench.compare import over_workloads, paired
from actbench.compare.by_seed import on_common_seeds
from actbench.compare.comparison import TAUS
from actbench.compare.tracks import SHARED, TUNED, both_tracks
from actbench.compare.workloads import workloads
from actbench.tables.schema import REFERENCE
from actbench.tables.store import collect

TRACKS = (SHARED, TUNED)
_VALUE = "test_error"


@dataclass(frozen=True)
class Across:
    """All that is computed over several workloads; the tables have the column `track`.

    Attributes:
        workloads: Name and number of seeds of each.
        ranks, iqm, profile, failures: See `over_workloads`; in units of the tuned reference, ranked within a track.
            `least` and `most` of `iqm` are the smallest and the largest mean of a single workload.
        verdicts: Of each workload and track, see `paired.compare`.
    """

    workloads: dict[str, int]
    ranks: pd.DataFrame
    iqm: pd.DataFrame
    profile: pd.DataFrame
    failures: pd.DataFrame
    verdicts: pd.DataFrame


class Gathered(NamedTuple):
    """The runs of all workloads with the columns `workload`, `track`, `act`, and `variant` = `act track`; verdicts."""

    runs: pd.DataFrame
    verdicts: pd.DataFrame


def gather(folders: list[Path]) -> Gathered:
    """What the folders hold on both tracks.

    Raises:
        ValueError: If a folder has no workload on both tracks, or fewer than two activations are common to all.
    """
    frames, families = [], []
    for folder in folders:
        pairs = both_tracks(workloads(collect(folder)))
        if not pairs:
            raise ValueError(f"{folder} has no workload on both tracks: run its experiment with track=shared,tuned.")
        for title, *both in pairs:
            name = f"{folder.name} ({title})" if len(pairs) > 1 else folder.name
            for track, work in zip(TRACKS, both, strict=True):
                runs = work.tables.runs[work.tables.runs["status"] != "failed"]
                frames.append(runs.assign(workload=name, track=track, act=runs["variant"]))
                if REFERENCE in set(runs["variant"]):
                    family = paired.compare(runs, value=_VALUE, rng=np.random.default_rng(0), looks=work.looks)
                    families.append(family.assign(workload=name, track=track))
    runs = pd.concat(frames, ignore_index=True)
    common = set.intersection(*(set(group["act"]) for _, group in runs.groupby(["workload", "track"])))
    if len(common - {REFERENCE}) < 1 or REFERENCE not in common:
        names = ", ".join(sorted(common)) or "none"
        raise ValueError(f"{REFERENCE} and one other activation must be in every workload on both tracks; {names} is.")
    groups = runs[runs["act"].isin(common)].groupby(["workload", "track"], sort=False)
    runs = pd.concat([on_common_seeds(group, reference=REFERENCE) for _, group in groups], ignore_index=True)
    verdicts = pd.concat(families, ignore_index=True)
    return Gathered(runs.assign(variant=runs["act"] + " " + runs["track"]), verdicts[verdicts["variant"].isin(common)])


def compute(gathered: Gathered) -> Across:
    """Everything that is computed over several workloads."""
    runs = gathered.runs
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
    tables = {
        "ranks": pd.concat(ranks),
        "iqm": _with_spread(
            over_workloads.iqm(runs, value=_VALUE, reference=tuned, rng=np.random.default_rng(0)), runs, tuned
        ),
        "profile": pd.concat(over_workloads.profile(group, taus=TAUS) for group in by_track.values()),
        "failures": over_workloads.failures(runs),
    }
    return Across(
        workloads={str(name): int(group["seed"].nunique()) for name, group in runs.groupby("workload")},
        verdicts=gathered.verdicts.reset_index(drop=True),
        **{name: _with_track(table) for name, table in tables.items()},
    )


def _with_spread(iqm: pd.DataFrame, runs: pd.DataFrame, reference: str) -> pd.DataFrame:
    """With the smallest and the largest mean of a workload, in units of the reference's."""
    means = runs.pivot_table(_VALUE, "workload", "variant")
    ratios = means.div(means[reference], axis=0)
    return iqm.assign(least=iqm["variant"].map(ratios.min()), most=iqm["variant"].map(ratios.max()))


def _with_track(table: pd.DataFrame) -> pd.DataFrame:
    """Split `variant` into the columns `variant`, the activation, and `track`."""
    split = table["variant"].str.rpartition(" ")
    return table.assign(variant=split[0], track=split[2]).reset_index(drop=True)
