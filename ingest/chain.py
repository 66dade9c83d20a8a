"""The audit chain: what a row's hash covers, and how a batch is sealed.

Each landed row has the SHA-256 of everything that a model reads from it. Its batch stores a hash over the hashes of
its rows, and one over its own columns, that hash and the hash of the previous batch. Anyone who changes, removes or
adds a row or a batch has to recompute every later batch.

A row's hash includes a random number, `row_salt`. When a row is erased or rewritten, its hash stays and the number is
deleted: nobody can recover the row's content by hashing guesses.
"""

from __future__ import annotations

import json
import os
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from struct import Struct
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    import duckdb

_SALT_BYTES: Final = 8
_ROWS_AT_ONCE: Final = 8192


@dataclass(frozen=True, slots=True)
class Sealed:
    """A table whose rows are hashed: what the hash covers, and the column that names the row's batch."""

    table: str
    numbers: tuple[str, ...]
    texts: tuple[str, ...]
    batch_column: str = "_batch_id"

    @property
    def columns(self) -> tuple[str, ...]:
        """The hashed columns, in the order in which `row_hashes` takes their values."""
        return (*self.numbers, *self.texts)

    @property
    def line_number(self) -> str:
        """SQL for the row's line number in its file; 0 where it is the whole file."""
        return "line_number" if "line_number" in self.numbers else "0"

    @property
    def part_number(self) -> str:
        """SQL for the row's part number within its line."""
        return "part_number" if "part_number" in self.numbers else "0"


def _lines(table: str) -> Sealed:
    return Sealed(
        table,
        ("row_salt", "file_id", "line_number", "part_number", "byte_offset", "_batch_id"),
        ("line", "repaired_line", "original_bytes", "set_aside_reason"),
    )


SEALED: Final = {
    one.table: one
    for one in (
        _lines("transcript_line"),
        _lines("history_line"),
        _lines("event_line"),
        _lines("api_response"),
        Sealed(
            "document",
            ("row_salt", "file_id", "content_bytes", "is_truncated", "_batch_id"),
            ("content", "content_hash"),
        ),
        # The identity of a file; how far it was read changes with every landing.
        Sealed(
            "source_file",
            ("row_salt", "file_id", "generation", "previous_file_id", "first_batch_id"),
            ("kind", "host", "root", "path", "logical_path"),
            "first_batch_id",
        ),
    )
}
# The markers of erased and rewritten rows belong to the batch that did it. Their own hash is stored nowhere else.
TOMBSTONES: Final = {
    one.table: one
    for one in (
        Sealed(
            "erased_row",
            ("file_id", "line_number", "part_number", "batch_id", "erased_in_batch_id"),
            ("table_name", "row_hash", "reason"),
            "erased_in_batch_id",
        ),
        Sealed(
            "rewritten_row",
            ("file_id", "line_number", "part_number", "batch_id", "rewritten_in_batch_id"),
            ("table_name", "row_hash", "new_row_hash", "reason"),
            "rewritten_in_batch_id",
        ),
    )
}
_BATCH_COLUMNS: Final = (
    "batch_id", "started_at", "finished_at", "host", "files_seen", "files_grown", "lines_landed", "lines_set_aside",
    "bytes_landed", "sealed_rows", "sealed_at",
)  # fmt: skip


# --- hashes


def row_hashes(sealed: Sealed, columns: Sequence[Sequence[Any]]) -> list[bytes]:
    """Return the hash of each row; `columns` are the values of `sealed.columns`, texts as str or bytes.

    It covers the table name, the numbers, the length in bytes of each text, and the texts. Numbers and lengths take
    eight bytes each, lowest byte first, and are -1 where there is none.
    """
    count = len(sealed.numbers)
    numbers = [
        column
        if isinstance(column, array) or None not in column
        else [-1 if one is None else one for one in column]
        for column in columns[:count]
    ]
    texts = [_encoded(column) for column in columns[count:]]
    lengths = [
        [-1] * len(columns[0]) if column is None else [-1 if one is None else len(one) for one in column]
        for column in texts
    ]
    name, packed = sealed.table.encode(), Struct(f"<{len(columns)}q").pack
    headers = zip(*numbers, *lengths, strict=True)
    hashes = []
    for header, *row in zip(headers, *(column for column in texts if column is not None), strict=True):
        hashing = sha256(name + packed(*header))
        for text in row:
            if text:
                hashing.update(text)
        hashes.append(hashing.digest())
    return hashes


def _encoded(texts: Sequence[str | bytes | None]) -> Sequence[bytes | None] | None:
    """The texts as bytes; None if every value is missing, as in most columns of most lines."""
    first = next((text for text in texts if text is not None), None)
    if first is None:
        return None
    if isinstance(first, bytes):
        return cast("Sequence[bytes | None]", texts)
    return [text.encode("utf-8", "replace") if isinstance(text, str) else None for text in texts]


def salts(count: int) -> array[int]:
    """Return that many random numbers."""
    return array("q", os.urandom(_SALT_BYTES * count))


def rows_hash(hashes: Iterable[bytes]) -> str:
    """Return the hash over a batch's rows: over their hashes, in ascending order."""
    return sha256(b"".join(sorted(hashes))).hexdigest()


def chain_hash(previous: str, batch: Sequence[object], rows: str) -> str:
    """Return the hash of a batch: over the previous batch's hash ('' for the first), its columns and its rows."""
    values = [
        value.isoformat(timespec="microseconds") if isinstance(value, datetime) else value for value in batch
    ]
    return sha256(json.dumps([previous, *values, rows], separators=(",", ":")).encode()).hexdigest()


# --- sealing


@dataclass(frozen=True, slots=True)
class Batch:
    """One row of raw.batch."""

    batch_id: int
    started_at: datetime
    finished_at: datetime
    host: str
    files_seen: int
    files_grown: int
    lines_landed: int
    lines_set_aside: int
    bytes_landed: int
    sealed_rows: int
    sealed_at: datetime | None
    rows_hash: str | None
    chain_hash: str | None

    def hashed(self, previous: str, rows: str) -> str:
        """Return the batch's `chain_hash`, given the batch before it and these rows."""
        return chain_hash(previous, [getattr(self, column) for column in _BATCH_COLUMNS], rows)


def batches(connection: duckdb.DuckDBPyConnection) -> list[Batch]:
    """Return all batches, the first one first."""
    columns = ", ".join((*_BATCH_COLUMNS, "rows_hash", "chain_hash"))
    return [
        Batch(*row)
        for row in connection.execute(f"select {columns} from raw.batch order by batch_id").fetchall()
    ]


def has_chain(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether a warehouse keeps hashes: one written by an earlier version does not until it is next written."""
    found = connection.execute(
        "select count(*) from duckdb_columns() where schema_name = 'raw' and table_name = 'batch' "
        "and column_name = 'chain_hash'"
    ).fetchone()
    return bool(found and found[0])


def head(connection: duckdb.DuckDBPyConnection) -> str:
    """Return the `chain_hash` of the last batch; '' where there is none."""
    found = connection.execute("select chain_hash from raw.batch order by batch_id desc limit 1").fetchone()
    return str(found[0]) if found else ""


def insert_batch(
    connection: duckdb.DuckDBPyConnection, batch: Sequence[object], hashes: Sequence[bytes]
) -> None:
    """Write the row of the next batch, sealed; `hashes` are those of its rows."""
    rows = rows_hash(hashes)
    values = [*batch, len(hashes), None]
    values += [rows, chain_hash(head(connection), values, rows)]
    columns = ", ".join((*_BATCH_COLUMNS, "rows_hash", "chain_hash"))
    connection.execute(f"insert into raw.batch ({columns}) values ({', '.join('?' * len(values))})", values)


def read_columns(
    connection: duckdb.DuckDBPyConnection,
    sealed: Sealed,
    others: Sequence[str] = (),
    *,
    source: str = "",
    where: str = "true",
) -> Iterator[list[list[Any]]]:
    """Read the hashed columns of a table, followed by other columns, some thousand rows at a time.

    `source` replaces the table: a relation with the same columns.
    """
    listed = ", ".join((*sealed.columns, *others))
    reader = connection.execute(
        f"select {listed} from {source or f'raw.{sealed.table}'} where {where}"
    ).to_arrow_reader(_ROWS_AT_ONCE)
    for part in reader:
        yield [column.to_pylist() for column in part.columns]


def seal_all(connection: duckdb.DuckDBPyConnection, now: datetime) -> None:
    """Seal the batches of a warehouse from an earlier version, and record the time in each. Run it in a transaction.
    """
    import pyarrow as pa

    previous = ""
    for batch in batches(connection):
        sealed_rows: list[bytes] = []
        for sealed in SEALED.values():
            where = f"{sealed.batch_column} = {batch.batch_id}"
            rows = list(read_columns(connection, sealed, ("rowid",), where=where))
            for *columns, row_ids in rows:
                columns[0] = salts(len(row_ids)).tolist()
                hashes = row_hashes(sealed, columns)
                given = {"row": pa.array(row_ids), "salt": pa.array(columns[0]), "hash": hashes}
                connection.register("sealing", pa.table(given))
                connection.execute(
                    f"update raw.{sealed.table} as t set row_salt = sealing.salt, row_hash = sealing.hash "
                    f"from sealing where t.rowid = sealing.row and t.{where}"
                )
                connection.unregister("sealing")
                sealed_rows += hashes
        rows_of_batch = rows_hash(sealed_rows)
        values = [getattr(batch, column) for column in _BATCH_COLUMNS[:-2]]
        previous = chain_hash(previous, [*values, len(sealed_rows), now], rows_of_batch)
        connection.execute(
            "update raw.batch set sealed_rows = ?, sealed_at = ?, rows_hash = ?, chain_hash = ? where batch_id = ?",
            [len(sealed_rows), now, rows_of_batch, previous, batch.batch_id],
        )
