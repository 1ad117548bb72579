"""One part of a results folder, a folder with three parquet files: written, read, judged.

Whatever is wrong with a part is one sentence, so that the other parts can be used without it.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

# Raised when what is written would be misread by code that knows an older format only.
FORMAT = 1
_FORMAT, _TOGETHER = b"actbench.format", b"actbench.together"
_TYPES = {
    "string": (pa.large_string(), pa.string()),
    "int64": (pa.int64(),),
    "float64": (pa.float64(),),
    "object": (pa.binary(), pa.large_binary()),  # the bytes of a picture
}


def one_line(value: object) -> str:
    """A value as text on one line of printable characters: what a stranger's file holds cannot command a terminal."""
    return " ".join("".join(c if c.isprintable() else " " for c in str(value)).split())


class BrokenPartError(ValueError):
    """A part that cannot be used; its text is one sentence that names the file."""


def write(frame: pd.DataFrame, path: Path, *, together: str = "") -> None:
    """Write one table; `together` is the same in the files that were written together, and only in these."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    marks = {_FORMAT: str(FORMAT).encode(), _TOGETHER: together.encode()}
    pq.write_table(table.replace_schema_metadata({**(table.schema.metadata or {}), **marks}), path)


def read(part: Path, *, dtypes: Mapping[str, Mapping[str, str]]) -> dict[str, pa.Table]:
    """The tables of a part by name, their documented columns (`dtypes`: table -> column -> dtype) of the right type.

    Raises:
        BrokenPartError: If a file is missing, cannot be read, is not such a table, or is of a newer format.
    """
    return {name: _read(part / f"{name}.parquet", columns, names=list(dtypes)) for name, columns in dtypes.items()}


def written_together(part: Path, *, names: Iterable[str]) -> bool:
    """Whether the files of a part are of one writing, not some of one and some of another that was interrupted."""
    try:
        marks = {(pq.read_metadata(part / f"{name}.parquet").metadata or {}).get(_TOGETHER) for name in names}
    except (OSError, ValueError):
        return False
    return len(marks) == 1 and marks != {None}


def whole(part: Path, *, names: Iterable[str]) -> bool:
    """Whether each file is there with its end, without reading it."""
    return all(_ends(part / f"{name}.parquet") for name in names)


def stacked(tables: list[pa.Table]) -> pa.Table:
    """One table below the other; a column of several kinds (a word here, a number there) becomes text."""
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowTypeError:
        kinds: dict[str, set[pa.DataType]] = {}
        for field in (field for table in tables for field in table.schema):
            kinds.setdefault(field.name, set()).update(set() if pa.types.is_null(field.type) else {field.type})
        mixed = {name for name, own in kinds.items() if len(own) > 1 and not all(map(_is_number, own))}
        return pa.concat_tables([_as_text(table, mixed) for table in tables], promote_options="permissive")


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind)


def _as_text(table: pa.Table, names: set[str]) -> pa.Table:
    for at, name in enumerate(table.column_names):
        if name in names:
            table = table.set_column(at, name, table.column(at).cast(pa.large_string()))
    return table


def _ends(path: Path) -> bool:
    """Whether a file ends as a parquet file does."""
    try:
        with path.open("rb") as file:
            file.seek(-4, 2)
            return file.read() == b"PAR1"
    except OSError:  # absent, or shorter than that
        return False


def _read(path: Path, columns: Mapping[str, str], *, names: list[str]) -> pa.Table:
    try:
        with pq.ParquetFile(path) as file:
            marks = file.metadata.metadata or {}
            if int(marks.get(_FORMAT, 1)) > FORMAT:
                raise BrokenPartError(
                    f"{path} is of format {int(marks[_FORMAT])}, which a newer version of actbench wrote, and this one "
                    f"reads up to {FORMAT}: update actbench."
                )
            table = file.read(use_threads=False).replace_schema_metadata(None)
    except FileNotFoundError as error:
        raise BrokenPartError(f"{path} is missing: a run has the tables {', '.join(names)}.") from error
    except (OSError, ValueError, pa.ArrowException) as error:
        if isinstance(error, BrokenPartError):
            raise
        told = (one_line(error)[:200] or type(error).__name__).rstrip(".")
        raise BrokenPartError(f"{path} cannot be read: {told}.") from error
    if len(set(table.column_names)) < table.num_columns or any(pa.types.is_nested(kind) for kind in table.schema.types):
        raise BrokenPartError(f"{path} is no table of a run: a column is there twice, or holds more than one value.")
    for name, dtype in columns.items():
        table = _typed(table, name, dtype, path)
    return table


def _typed(table: pa.Table, name: str, dtype: str, path: Path) -> pa.Table:
    """The table with this column of its documented type; a measure may be absent or missing, a key may not."""
    at = table.schema.get_field_index(name)
    is_key = dtype == "int64" or name == "run_id"
    if is_key and (at < 0 or table.column(at).null_count):
        raise BrokenPartError(f"{path} is no table of a run: its column {name} is absent or has gaps.")
    if at < 0:
        return table
    if table.schema.field(at).type in _TYPES[dtype] or (pa.types.is_null(table.schema.field(at).type) and not is_key):
        return table
    try:
        return table.set_column(at, name, table.column(at).cast(_TYPES[dtype][0]))
    except pa.ArrowException as error:
        raise BrokenPartError(f"{path} is no table of a run: its column {name} is not {dtype}.") from error
