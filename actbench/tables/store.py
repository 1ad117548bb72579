"""A results folder: how its tables are written, read and collected. Nothing else knows its layout:

results/<name>/runs/<run_id>/{runs,epochs,layers}.parquet   measured, append-only, one folder a run
results/<name>/tables/{runs,epochs,layers}.parquet          the same, compacted; small enough to publish
"""

import hashlib
import os
import warnings
from collections.abc import Collection
from pathlib import Path

import pandas as pd
import pyarrow as pa

from actbench.tables import parquet, text
from actbench.tables.atomic import MEASURED, beside, discard, refuse_links, remove, remove_abandoned
from actbench.tables.schema import SCHEMA, Tables, conform

_DTYPES = {name: {column.name: column.dtype for column in columns} for name, columns in SCHEMA.items()}
_ENDED = {name: _DTYPES["runs"][name] for name in ("run_id", "status")}
_AT_ONCE = 1000  # parts that become one: 100,000 fit in memory, and few blocks slow what is read after them less


def collect(folder: str | Path) -> Tables:
    """All that was measured in a results folder: the published tables and the runs beside them, each run once.

    Warns of each part that had to be left out because it is broken.

    Raises:
        FileNotFoundError: If the folder does not exist or holds neither tables/ nor runs/.
    """
    tables, left_out = read(folder)
    for sentence in left_out.values():
        warnings.warn(sentence, stacklevel=2)
    return tables


def read(folder: str | Path) -> tuple[Tables, dict[Path, str]]:
    """What `collect` gives, and a sentence for each part that was left out."""
    published, own = Path(folder) / "tables", _run_folders(Path(folder))
    has_published = (published / "runs.parquet").is_file()
    if not own and not has_published:
        raise FileNotFoundError(
            f"There are no results in {folder}: a results folder holds tables/ or runs/. "
            "Give the folder that a run printed, for instance results/adhoc."
        )
    stacks: dict[str, list[pa.Table]] = {name: [] for name in SCHEMA}
    blocks: dict[str, list[pa.Table]] = {name: [] for name in SCHEMA}
    left_out = {}
    known: set[str] = set()  # these need not be read from runs/ again
    for part in [published] * has_published + own:
        if part.name in known:
            continue
        try:
            found = parquet.read(part, dtypes=_DTYPES)
        except parquet.BrokenPartError as error:
            if part.is_dir():  # a failure that is tried again meanwhile is gone
                left_out[part] = text.one_line(error)
            continue
        if part == published and found.together:
            known = _finished(found.tables["runs"])
        for name, table in found.tables.items():
            stacks[name].append(table)
            if len(stacks[name]) == _AT_ONCE:
                blocks[name].append(parquet.stacked(stacks[name]).combine_chunks())
                stacks[name] = []
    frames = {name: conform(parquet.frame(blocks[name] + stacks[name]), SCHEMA[name]) for name in SCHEMA}
    return _each_run_once(Tables(**frames)), left_out


def finished(folder: str | Path, *, among: Collection[str]) -> set[str]:
    """Those of the run_ids that need no second measurement: done or diverged, not failed, and whole."""
    landed = {name for name in among if parquet.whole(Path(folder, "runs", name), names=SCHEMA)}
    try:
        published = parquet.read_some(Path(folder, "tables"), "runs", dtypes=_ENDED, names=SCHEMA)
    except parquet.BrokenPartError:  # absent, perhaps
        return landed
    return landed | (_finished(published) & set(among))


def _finished(runs: pa.Table) -> set[str]:
    """The run_ids that are done or diverged."""
    ended = zip(runs["run_id"].to_pylist(), runs["status"].to_pylist(), strict=True)
    return {name for name, status in ended if status != "failed"}


def _run_folders(folder: Path) -> list[Path]:
    """The folder of each run, failed ones too; what is hidden is not landed."""
    return sorted(path for path in (folder / "runs").glob("[!.]*") if path.is_dir())


def _each_run_once(tables: Tables) -> Tables:
    """A finished run before a failed one, the last measured of equals; what failed has no epochs and layers."""
    runs = tables.runs.sort_values("status", key=lambda status: status != "failed", kind="stable")
    runs = runs.drop_duplicates(["run_id", "seed"], keep="last").sort_values(["run_id", "seed"], ignore_index=True)
    epochs = tables.epochs.drop_duplicates(["run_id", "seed", "epoch"], keep="last", ignore_index=True)
    layers = tables.layers.drop_duplicates(["run_id", "seed", "step", "layer_index"], keep="last", ignore_index=True)
    failed = pd.MultiIndex.from_frame(runs.loc[runs["status"] == "failed", ["run_id", "seed"]])
    return Tables(runs, *(_without(frame, failed) if len(failed) else frame for frame in (epochs, layers)))


def _without(frame: pd.DataFrame, keys: pd.MultiIndex) -> pd.DataFrame:
    return frame[~pd.MultiIndex.from_frame(frame[["run_id", "seed"]]).isin(keys)].reset_index(drop=True)


def land(tables: Tables, folder: Path, *, files: dict[str, str] | None = None) -> None:
    """Write a run's tables, and the text `files` beside them, as `folder`: whole or not at all."""
    with beside(folder) as hidden:
        hidden.mkdir()
        for name, frame in zip(SCHEMA, tables, strict=True):
            parquet.write(frame, hidden / f"{name}.parquet")
        for file_name, text in (files or {}).items():
            (hidden / file_name).write_text(text, encoding="utf-8")
        try:
            os.replace(hidden, folder)
        except OSError:
            if not folder.is_dir():
                raise
            # The same run landed meanwhile, measured by another process: the numbers are the same, the first one stays.
            if not os.access(folder, os.R_OK | os.X_OK):  # another user's, whole or not
                raise
            if not parquet.whole(folder, names=SCHEMA):
                discard(folder)
                os.replace(hidden, folder)


def compact(folder: str | Path) -> list[str]:
    """Bring tables/ up to date with runs/, each file replaced at once; a sentence for each part that was left out.

    Tables that cannot be read are left as they are: what was published may be restored.
    """
    refuse_links(Path(folder))
    target, landed = Path(folder) / "tables", None
    for _ in range(3):  # another process may land and compact meanwhile
        if landed == (landed := _landed(Path(folder))):
            break
        measured, left_out = read(folder)
        if target in left_out:
            break
        write(measured, target)
    return list(left_out.values())


def write(tables: Tables, folder: Path) -> None:
    """Write the three compacted tables, each replaced at once, with a mark that tells that they belong together."""
    keys = tables.runs[["run_id", "seed", "status"]].to_csv(index=False)
    together = hashlib.sha256(keys.encode()).hexdigest()
    # `runs` last: until it is there, nothing is published, so that what was interrupted is written again.
    for name, frame in reversed(list(zip(SCHEMA, tables, strict=True))):
        with beside(folder / f"{name}.parquet") as hidden:
            parquet.write(frame, hidden, together=together)
            os.replace(hidden, folder / f"{name}.parquet")


def clean(folder: Path) -> None:
    """Take away what killed processes left; what a living one is writing stays.

    Raises:
        NotADirectoryError: See `refuse_links`.
    """
    refuse_links(folder, names=MEASURED)
    for place in (folder, folder / "runs", folder / "tables"):
        remove_abandoned(place)
    hidden = {path.name.removeprefix(".") for path in (folder / "runs").glob(".*")}
    for name in finished(folder, among=hidden):
        remove(folder / "runs" / f".{name}")  # the checkpoint of a run that has landed


def _landed(folder: Path) -> set[str]:
    return {path.name for path in (folder / "runs").glob("[!.]*")}
