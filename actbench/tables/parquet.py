"""Writes, reads and validates a folder of parquet files: those of one run, or those of tables/.

Every problem with such a folder is one BrokenTablesError with a one-sentence message, so that the other folders of a
results folder can be used without it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from actbench.tables.text import one_line

# To be raised when code for an older format would misread what is written.
FORMAT = 2
_FORMAT, _BATCH = b"actbench.format", b"actbench.together"  # keys of the metadata of a file
_TYPES = {
    "string": pa.large_string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "object": pa.binary(),  # a PNG file, packed bits
}
_IS_SCALAR = (
    pa.types.is_string, pa.types.is_large_string, pa.types.is_boolean, pa.types.is_signed_integer,
    pa.types.is_floating, pa.types.is_null,
)  # fmt: skip
STATUSES = ("done", "diverged", "failed")
_RESERVED = {"variant", "status"}  # columns that a report adds to epochs and layers


class StoredTables(NamedTuple):
    """The tables of a folder by name, and whether one completed write made them all (`together`)."""

    tables: dict[str, pa.Table]
    together: bool


class BrokenTablesError(ValueError):
    """A folder of tables that cannot be used. The message is one sentence that names the file."""


def write(frame: pd.DataFrame, path: Path, *, batch: str = "") -> None:
    """Write one table; `batch` identifies the files that were written together."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    metadata = {_FORMAT: str(FORMAT).encode(), _BATCH: batch.encode()}
    pq.write_table(table.replace_schema_metadata({**(table.schema.metadata or {}), **metadata}), path)


def read(folder: Path, *, dtypes: Mapping[str, Mapping[str, str]]) -> StoredTables:
    """The tables of a folder; documented columns (`dtypes`: table -> column -> dtype) have the right type.

    All tables from strangers are read here: every cell of every column that is returned holds a single plain value.

    Raises:
        BrokenTablesError: If a file is missing, cannot be read, is not such a table, or has a newer format.
    """
    tables, batches = {}, set()
    for name, columns in dtypes.items():
        path = folder / f"{name}.parquet"
        # The whole file goes into memory first: a run's files are small, and reading them column by column is slower.
        with _open(path, names=dtypes, source=lambda path: pa.BufferReader(path.read_bytes())) as file:
            tables[name] = _validated(file.read(use_threads=False), columns, path)
            batches.add((file.metadata.metadata or {}).get(_BATCH))
    return StoredTables(tables, len(batches) == 1 and batches != {None})


def read_columns(folder: Path, table: str, *, dtypes: Mapping[str, str], names: Iterable[str]) -> pa.Table:
    """Some columns (`dtypes`: column -> dtype) of one table of a folder; all its files (`names`) must open.

    Raises:
        BrokenTablesError: As in `read`, for the files and columns that are read.
    """
    for name in names:
        path = folder / f"{name}.parquet"
        with _open(path, names=names, source=lambda path: pa.OSFile(str(path))) as file:
            if name == table:
                columns = _validated(file.read(columns=list(dtypes), use_threads=False), dtypes, path)
    return columns


def is_complete(folder: Path, *, names: Iterable[str]) -> bool:
    """Whether each file exists and has its footer; the files are not read."""
    return all(_has_footer(folder / f"{name}.parquet") for name in names)


def concat(tables: list[pa.Table]) -> pa.Table:
    """The tables one below the other; a column of mixed types (a word here, a number there) becomes text."""
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        mixed = {name for name in {name for table in tables for name in table.column_names} if _is_mixed(tables, name)}
        return pa.concat_tables([_as_text(table, mixed) for table in tables], promote_options="permissive")


def frame(tables: list[pa.Table]) -> pd.DataFrame:
    """The tables as one frame, without columns that have no value."""
    nonempty = [table for table in tables if table.num_rows]
    return concat(nonempty).to_pandas().dropna(axis="columns", how="all") if nonempty else pd.DataFrame()


def _is_mixed(tables: list[pa.Table], name: str) -> bool:
    """Whether no type holds all values, as with words and numbers, or floats and an integer of 17 digits."""
    try:
        pa.concat_tables(
            [table.select([name]) for table in tables if name in table.column_names], promote_options="permissive"
        )
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return True
    return False


def _as_text(table: pa.Table, names: set[str]) -> pa.Table:
    return table.cast(pa.schema([f.with_type(pa.large_string()) if f.name in names else f for f in table.schema]))


def _has_footer(path: Path) -> bool:
    """Whether a file ends like a parquet file."""
    try:
        if not path.is_file():  # opening a pipe would block
            return False
        with path.open("rb") as file:
            file.seek(-4, 2)
            return file.read() == b"PAR1"
    except OSError:  # shorter than four bytes, or not readable for this user
        return False


@contextmanager
def _open(path: Path, *, names: Iterable[str], source: Callable[[Path], pa.NativeFile]) -> Iterator[pq.ParquetFile]:
    """Open a file of a supported format; every error in the block that reads it becomes a BrokenTablesError."""
    try:
        if not path.is_file():
            raise BrokenTablesError(f"{path} is missing: a run has the tables {', '.join(names)}.")
        with source(path) as stream, pq.ParquetFile(stream) as file:
            version = int((file.metadata.metadata or {}).get(_FORMAT, b"1"))
            if version > FORMAT:
                raise BrokenTablesError(
                    f"{path} has format {version}, written by a newer version of actbench, and this version reads "
                    f"formats up to {FORMAT}: update actbench."
                )
            yield file
    except BrokenTablesError:
        raise
    except (OSError, ValueError, pa.ArrowException) as error:
        reason = (one_line(error)[:200] or type(error).__name__).rstrip(".")
        raise BrokenTablesError(f"{path} cannot be read: {reason}.") from error


def _validated(table: pa.Table, columns: Mapping[str, str], path: Path) -> pa.Table:
    """The table without its metadata, each column of its type; measures may be absent or have gaps, keys may not."""
    table.validate(full=True)
    for name, dtype in columns.items():
        is_key = dtype == "int64" or name in ("run_id", "status")
        if is_key and (name not in table.column_names or table[name].null_count):
            raise BrokenTablesError(f"{path} is not a valid table: its column {name} is absent or has gaps.")
    table = table.replace_schema_metadata(None)
    schema = pa.schema([_typed(field, columns.get(field.name), path) for field in table.schema])
    table = table if table.schema == schema else table.cast(schema)
    if "status" in columns and (unknown := set(table["status"].unique().to_pylist()) - set(STATUSES)):
        raise BrokenTablesError(
            f"{path} is not a valid table: a status is one of {', '.join(STATUSES)}, not {one_line(min(unknown))[:40]}."
        )
    return table


def _typed(field: pa.Field, dtype: str | None, path: Path) -> pa.Field:
    """A column as it is returned: in its documented dtype, or, without one, as a config value or learned parameter."""
    if dtype is not None:
        return field if pa.types.is_null(field.type) else pa.field(field.name, _TYPES[dtype])
    if field.name in _RESERVED:
        raise BrokenTablesError(f"{path} is not a valid table: the column name {field.name} is reserved for reports.")
    stored = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    if not any(is_scalar(stored) for is_scalar in _IS_SCALAR):
        raise BrokenTablesError(
            f"{path} is not a valid table: its column {one_line(field.name)} has type {stored}, and a config value is "
            "a string, a number or a boolean."
        )
    return pa.field(field.name, stored)
