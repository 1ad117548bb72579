"""Writes, reads and collects the tables of a results folder. Only this module knows its layout:

results/<name>/runs/<run_id>/{runs,epochs,layers}.parquet   measured, append-only, one folder per run
results/<name>/tables/{runs,epochs,layers}.parquet          the same rows, compacted, small enough to publish
results/<name>/tables/tuning.json                           of a tuning: what it was asked for, see `tuning.py`
"""

import hashlib
import os
import warnings
from collections.abc import Collection
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from actbench.tables import parquet, text
from actbench.tables.atomic import MEASURED, discard, refuse_links, remove, remove_abandoned, temporary
from actbench.tables.schema import SCHEMA, Tables, conform

_DTYPES = {name: {column.name: column.dtype for column in columns} for name, columns in SCHEMA.items()}
_STATUS_DTYPES = {name: _DTYPES["runs"][name] for name in ("run_id", "status")}
_BLOCK_SIZE = 1000  # run folders; 100,000 folders fit in memory, and few blocks keep later operations fast


def collect(folder: str | Path) -> Tables:
    """The tables of a results folder: the published ones and the runs beside them, each run once.

    A warning names each broken folder that is left out.

    Raises:
        FileNotFoundError: If the folder does not exist or has neither tables/ nor runs/.
    """
    tables, left_out = read(folder)
    for message in left_out.values():
        warnings.warn(message, stacklevel=2)
    return tables


def read(folder: str | Path) -> tuple[Tables, dict[Path, str]]:
    """The tables that `collect` returns, and a message for each folder that is left out."""
    published, run_folders = Path(folder) / "tables", _run_folders(Path(folder))
    is_published = (published / "runs.parquet").is_file()
    if not run_folders and not is_published:
        raise FileNotFoundError(
            f"There are no results in {folder}: a results folder holds tables/ or runs/. "
            "Give the folder that a run printed, for instance results/adhoc."
        )
    pending: dict[str, list[pa.Table]] = {name: [] for name in SCHEMA}
    blocks: dict[str, list[pa.Table]] = {name: [] for name in SCHEMA}
    left_out = {}
    published_ids: set[str] = set()  # runs that need not be read again from runs/
    for source in [published] * is_published + run_folders:
        if source.name in published_ids:
            continue
        try:
            stored = parquet.read(source, dtypes=_DTYPES)
        except parquet.BrokenTablesError as error:
            if source.is_dir():  # the folder of a failed run disappears when the run is repeated
                left_out[source] = text.one_line(error)
            continue
        if source == published and stored.together:
            published_ids = _finished_ids(stored.tables["runs"])
        for name, table in stored.tables.items():
            pending[name].append(table)
            if len(pending[name]) == _BLOCK_SIZE:
                blocks[name].append(parquet.concat(pending[name]).combine_chunks())
                pending[name] = []
    frames = {name: conform(parquet.frame(blocks[name] + pending[name]), SCHEMA[name]) for name in SCHEMA}
    return _deduplicated(Tables(**frames)), left_out


def finished(folder: str | Path, *, among: Collection[str]) -> set[str]:
    """The run_ids that need no second measurement: done or diverged, not failed, and with complete files."""
    landed = {run_id for run_id in among if parquet.is_complete(Path(folder, "runs", run_id), names=SCHEMA)}
    try:
        published = parquet.read_columns(Path(folder, "tables"), "runs", dtypes=_STATUS_DTYPES, names=SCHEMA)
    except parquet.BrokenTablesError:  # possibly because there are no tables
        return landed
    return landed | (_finished_ids(published) & set(among))


def of_run(folder: str | Path, run_id: str) -> Tables:
    """The tables of one finished run, published or not.

    Raises:
        BrokenTablesError: If they cannot be read.
    """
    own, published = Path(folder, "runs", run_id), Path(folder, "tables")
    stored = parquet.read(own if own.is_dir() else published, dtypes=_DTYPES).tables
    rows = {name: table.filter(pc.equal(table["run_id"], run_id)) for name, table in stored.items()}
    return Tables(**{name: conform(parquet.frame([rows[name]]), SCHEMA[name]) for name in SCHEMA})


def _finished_ids(runs: pa.Table) -> set[str]:
    """The run_ids that are done or diverged."""
    statuses = zip(runs["run_id"].to_pylist(), runs["status"].to_pylist(), strict=True)
    return {run_id for run_id, status in statuses if status != "failed"}


def _run_folders(folder: Path) -> list[Path]:
    """The folder of each run, also of failed ones; hidden folders are still being written."""
    return sorted(path for path in (folder / "runs").glob("[!.]*") if path.is_dir())


def _deduplicated(tables: Tables) -> Tables:
    """Each run once: a finished one rather than a failed one, else the last; epochs and layers without failed runs."""
    runs = tables.runs.sort_values("status", key=lambda status: status != "failed", kind="stable")
    runs = runs.drop_duplicates(["run_id", "seed"], keep="last").sort_values(["run_id", "seed"], ignore_index=True)
    epochs = tables.epochs.drop_duplicates(["run_id", "seed", "epoch"], keep="last", ignore_index=True)
    layers = tables.layers.drop_duplicates(["run_id", "seed", "step", "layer_index"], keep="last", ignore_index=True)
    failed = pd.MultiIndex.from_frame(runs.loc[runs["status"] == "failed", ["run_id", "seed"]])
    return Tables(runs, *(_without(frame, failed) if len(failed) else frame for frame in (epochs, layers)))


def _without(frame: pd.DataFrame, keys: pd.MultiIndex) -> pd.DataFrame:
    return frame[~pd.MultiIndex.from_frame(frame[["run_id", "seed"]]).isin(keys)].reset_index(drop=True)


def land(tables: Tables, folder: Path, *, files: dict[str, str] | None = None) -> None:
    """Write `folder` with the tables of a run and the text `files` (name -> content), completely or not at all."""
    with temporary(folder) as hidden:
        hidden.mkdir()
        for name, frame in zip(SCHEMA, tables, strict=True):
            parquet.write(frame, hidden / f"{name}.parquet")
        for file_name, content in (files or {}).items():
            (hidden / file_name).write_text(content, encoding="utf-8")
        try:
            os.replace(hidden, folder)
        except OSError:
            if not folder.is_dir():
                raise
            # Another process has measured and written the same run: its numbers are the same, and it stays.
            if not os.access(folder, os.R_OK | os.X_OK):  # another user's, complete or not
                raise
            if not parquet.is_complete(folder, names=SCHEMA):
                discard(folder)
                os.replace(hidden, folder)


def forget(folder: Path, run_ids: Collection[str]) -> None:
    """Remove these runs, published or not, with their checkpoints, so that they are measured anew.

    Raises:
        NotADirectoryError: See `refuse_links`.
    """
    refuse_links(folder, names=MEASURED)
    for run_id in run_ids:
        for name in (run_id, f".{run_id}"):
            discard(folder / "runs" / name)
    if (folder / "tables" / "runs.parquet").is_file():
        try:
            stored = parquet.read(folder / "tables", dtypes=_DTYPES).tables
        except parquet.BrokenTablesError:  # they may be restored, and nothing in them counts as measured
            return
        frames = {name: conform(parquet.frame([stored[name]]), SCHEMA[name]) for name in SCHEMA}
        is_kept = {name: ~frame["run_id"].isin(list(run_ids)) for name, frame in frames.items()}
        if not is_kept["runs"].all():
            kept = {name: frame[is_kept[name]].reset_index(drop=True) for name, frame in frames.items()}
            write(Tables(**kept), folder / "tables")


def compact(folder: str | Path) -> list[str]:
    """Bring tables/ up to date with runs/, and return a message for each folder that is left out.

    Each file is replaced atomically. Tables that cannot be read are not touched: the published ones may be restored.
    """
    refuse_links(Path(folder))
    target, run_folders = Path(folder) / "tables", None
    for _ in range(3):  # another process may write a run and compact at the same time
        if run_folders == (run_folders := _run_folders(Path(folder))):
            break
        measured, left_out = read(folder)
        if target in left_out:
            break
        write(measured, target)
    return list(left_out.values())


def write(tables: Tables, folder: Path) -> None:
    """Write the three compacted tables, each replaced atomically, with a hash that shows that they belong together."""
    keys = tables.runs[["run_id", "seed", "status"]].to_csv(index=False)
    batch = hashlib.sha256(keys.encode()).hexdigest()
    # `runs` comes last: without it nothing counts as published, so an interrupted write is repeated.
    for name, frame in reversed(list(zip(SCHEMA, tables, strict=True))):
        with temporary(folder / f"{name}.parquet") as hidden:
            parquet.write(frame, hidden, batch=batch)
            os.replace(hidden, folder / f"{name}.parquet")


def clean(folder: Path) -> None:
    """Remove what killed processes left behind; what a running process is writing stays.

    Raises:
        NotADirectoryError: See `refuse_links`.
    """
    refuse_links(folder, names=MEASURED)
    for parent in (folder, folder / "runs", folder / "tables"):
        remove_abandoned(parent)
    hidden = {path.name.removeprefix(".") for path in (folder / "runs").glob(".*")}
    for run_id in finished(folder, among=hidden):
        remove(folder / "runs" / f".{run_id}")  # the checkpoint of a finished run
