"""One part of a results folder, a folder with three parquet files: written, read, judged.

Whatever is wrong with a part is one sentence, so that the other parts can be used without it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from actbench.tables.text import one_line

# Raised when what is written would be misread by code that knows an older format only.
FORMAT = 1
_FORMAT, _TOGETHER = b"actbench.format", b"actbench.together"
_TYPES = {
    "string": (pa.large_string(), pa.string()),
    "int64": (pa.int64(),),
    "float64": (pa.float64(),),
    "object": (pa.binary(), pa.large_binary()),  # the bytes of a picture
}
_PLAIN = (pa.types.is_boolean, pa.types.is_signed_integer, pa.types.is_floating, pa.types.is_null)
STATUSES = ("done", "diverged", "failed")
_OF_A_REPORT = {"variant", "status"}  # what a report adds to epochs and layers


class Part(NamedTuple):
    """The tables of a part by name; `together`: they are of one writing, not some of one that was interrupted."""

    tables: dict[str, pa.Table]
    together: bool


class BrokenPartError(ValueError):
    """A part that cannot be used; its text is one sentence that names the file."""


def write(frame: pd.DataFrame, path: Path, *, together: str = "") -> None:
    """Write one table; `together` is the same in the files that were written together, and only in these."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    marks = {_FORMAT: str(FORMAT).encode(), _TOGETHER: together.encode()}
    pq.write_table(table.replace_schema_metadata({**(table.schema.metadata or {}), **marks}), path)


def read(part: Path, *, dtypes: Mapping[str, Mapping[str, str]]) -> Part:
    """The tables of a part, their documented columns (`dtypes`: table -> column -> dtype) of the right type.

    This is the one door for what strangers measured: every column that comes through holds one plain value a row.

    Raises:
        BrokenPartError: If a file is missing, cannot be read, is not such a table, or is of a newer format.
    """
    found, marks = {}, set()
    for name, columns in dtypes.items():
        path = part / f"{name}.parquet"
        # At once into memory: of the small file of a run the reading of each column alone takes longer.
        with _opened(path, names=dtypes, source=lambda path: pa.BufferReader(path.read_bytes())) as file:
            table = file.read(use_threads=False)
            table.validate(full=True)
            marks.add((file.metadata.metadata or {}).get(_TOGETHER))
        found[name] = _checked(table, columns, path)
    return Part(found, len(marks) == 1 and marks != {None})


def read_some(part: Path, table: str, *, dtypes: Mapping[str, str], names: Iterable[str]) -> pa.Table:
    """These columns of one table of a part, whose files (`names`) are all there and can be opened.

    Raises:
        BrokenPartError: As `read` does, of what is looked at.
    """
    for name in names:
        with _opened(part / f"{name}.parquet", names=names, source=lambda path: pa.OSFile(str(path))) as file:
            if name == table:
                found = file.read(columns=list(dtypes), use_threads=False)
                found.validate(full=True)
    return _checked(found, dtypes, part / f"{table}.parquet")


def whole(part: Path, *, names: Iterable[str]) -> bool:
    """Whether each file is there with its end, without reading it."""
    return all(_ends(part / f"{name}.parquet") for name in names)


def stacked(tables: list[pa.Table]) -> pa.Table:
    """One table below the other; a column of several kinds (a word here, a number there) becomes text."""
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        mixed = {name for name in {name for table in tables for name in table.column_names} if _is_mixed(tables, name)}
        return pa.concat_tables([_as_text(table, mixed) for table in tables], promote_options="permissive")


def frame(tables: list[pa.Table]) -> pd.DataFrame:
    """One frame of many tables; a column without any value is left out."""
    kept = [table for table in tables if table.num_rows]
    return stacked(kept).to_pandas().dropna(axis="columns", how="all") if kept else pd.DataFrame()


def _is_mixed(tables: list[pa.Table], name: str) -> bool:
    """Whether no type holds all the values: words and numbers, or fractions and a whole number of 17 digits."""
    try:
        pa.concat_tables(
            [table.select([name]) for table in tables if name in table.column_names], promote_options="permissive"
        )
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return True
    return False


def _as_text(table: pa.Table, names: set[str]) -> pa.Table:
    for at, name in enumerate(table.column_names):
        if name in names:
            table = table.set_column(at, name, table.column(at).cast(pa.large_string()))
    return table


def _ends(path: Path) -> bool:
    """Whether a file ends as a parquet file does."""
    try:
        if not path.is_file():  # a pipe would be waited for
            return False
        with path.open("rb") as file:
            file.seek(-4, 2)
            return file.read() == b"PAR1"
    except OSError:  # shorter than that, or another user's
        return False


@contextmanager
def _opened(path: Path, *, names: Iterable[str], source: Callable[[Path], pa.NativeFile]) -> Iterator[pq.ParquetFile]:
    """A file of a format that is known; whatever is wrong with it while it is read is one sentence."""
    try:
        if not path.is_file():
            raise BrokenPartError(f"{path} is missing: a run has the tables {', '.join(names)}.")
        with source(path) as opened, pq.ParquetFile(opened) as file:
            told = (file.metadata.metadata or {}).get(_FORMAT, b"1")
            if not told.isdigit():
                raise BrokenPartError(f"{path} is of a format that is no number: actbench did not write it.")
            if int(told) > FORMAT:
                raise BrokenPartError(
                    f"{path} is of format {int(told)}, which a newer version of actbench wrote, and this one "
                    f"reads up to {FORMAT}: update actbench."
                )
            yield file
    except (OSError, ValueError, pa.ArrowException) as error:
        if isinstance(error, BrokenPartError):
            raise
        why = (one_line(error)[:200] or type(error).__name__).rstrip(".")
        raise BrokenPartError(f"{path} cannot be read: {why}.") from error


def _checked(table: pa.Table, columns: Mapping[str, str], path: Path) -> pa.Table:
    """The table without its marks, each column of a type that is known."""
    table = table.replace_schema_metadata(None)
    kinds = dict(zip(table.column_names, table.schema.types, strict=True))
    if len(kinds) < table.num_columns or any(map(pa.types.is_nested, kinds.values())):
        raise BrokenPartError(f"{path} is no table of a run: a column is there twice, or holds more than one value.")
    for name, stored in kinds.items():
        if name not in columns:
            table = _plain(table, name, stored, path)
    for name, dtype in columns.items():
        table = _typed(table, name, kinds.get(name), dtype, path)
    if "status" in columns and (odd := set(table["status"].unique().to_pylist()) - set(STATUSES)):
        raise BrokenPartError(
            f"{path} is no table of a run: a status is {', '.join(STATUSES)}, and not {one_line(min(odd))[:40]}."
        )
    return table


def _plain(table: pa.Table, name: str, stored: pa.DataType, path: Path) -> pa.Table:
    """The table with this column of the config, or learned parameter, as it is."""
    if name in _OF_A_REPORT:
        raise BrokenPartError(f"{path} is no table of a run: {name} is the name of a column that a report makes.")
    kind = stored.value_type if pa.types.is_dictionary(stored) else stored
    if not (kind in _TYPES["string"] or any(is_kind(kind) for is_kind in _PLAIN)):
        raise BrokenPartError(
            f"{path} is no table of a run: its column {one_line(name)} is {kind}, and a config value is a word, a "
            "number or a truth value."
        )
    return table if kind is stored else _cast(table, name, kind)


def _typed(table: pa.Table, name: str, stored: pa.DataType | None, dtype: str, path: Path) -> pa.Table:
    """The table with this column of its documented type; a measure may be absent or missing, a key may not."""
    is_key = dtype == "int64" or name in ("run_id", "status")
    if is_key and (stored is None or table[name].null_count):
        raise BrokenPartError(f"{path} is no table of a run: its column {name} is absent or has gaps.")
    if stored is None or stored in _TYPES[dtype] or (pa.types.is_null(stored) and not is_key):
        return table
    try:
        return _cast(table, name, _TYPES[dtype][0])
    except pa.ArrowException as error:
        raise BrokenPartError(f"{path} is no table of a run: its column {name} is not {dtype}.") from error


def _cast(table: pa.Table, name: str, kind: pa.DataType) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), name, table[name].cast(kind))
