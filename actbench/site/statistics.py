"""The tables of statistics/ of every results folder: which workload, track and activation a row is of."""

import re
from pathlib import Path

import pandas as pd
from pyarrow import parquet

from actbench.compare.tracks import TUNED
from actbench.compare.workloads import TRACKS
from actbench.tables.text import one_line

PLACED = ["results", "setting", "track", "variant", "act"]
_TRACK = re.compile(r"(?:, )?track=(\w+)")


def read(file: Path) -> pd.DataFrame:
    """A table of statistics/, with the column `workload`, "" where there is only one."""
    table = pd.read_csv(file, dtype={"workload": str})
    return table.assign(workload=table["workload"].fillna("") if "workload" in table else "")


def placed(rows: pd.DataFrame, file: Path) -> pd.DataFrame:
    """The columns `PLACED` of the rows of a file; for setting see `setting_of`."""
    title, variant = rows["workload"].map(one_line), rows["variant"].map(one_line)
    track = rows["track"] if "track" in rows else title.str.extract(_TRACK, expand=False).fillna(_only_track(file))
    return pd.DataFrame({
        "results": file.parents[1].name,
        "setting": title.map(setting_of),
        "track": track,
        "variant": variant,
        "act": variant.str.extract(r"^(\S*)", expand=False),
    })  # fmt: skip


def setting_of(title: str) -> str:
    """The title of a workload without its track and what a track chooses."""
    settings = title.split(", ") if title else []
    tracks = [one for one in settings if one.startswith("track=")]
    chosen = TRACKS[TUNED] if tracks else ()
    return ", ".join(one for one in settings if one not in tracks and one.partition("=")[0] not in chosen)


def _only_track(file: Path) -> str:
    """The track of a folder whose workloads do not differ in it, as its runs have it."""
    runs = file.parents[1] / "tables" / "runs.parquet"
    names = parquet.read_schema(runs).names if runs.is_file() else []
    tracks = set(pd.read_parquet(runs, columns=["track"])["track"].dropna()) if "track" in names else set()
    return one_line(tracks.pop()) if len(tracks) == 1 else "shared"
