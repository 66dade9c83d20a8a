"""The warehouse: opening it, waiting for it and writing it. Everything is landed in batches.

A batch is one transaction: its rows, the memory of what has been scanned, and its row in raw.batch. A scan that finds
nothing new only reads: the warehouse file is not touched.
"""

from __future__ import annotations

import logging
import platform
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ingest.chain import insert_batch, seal_all
from ingest.files import private_files
from ingest.privacy import privacy
from ingest.raw_schema import ADD_COLUMNS, SCHEMA, TABLES

if TYPE_CHECKING:
    import duckdb

logger = logging.getLogger(__name__)

WAIT_SECONDS: Final = 300.0
SAY_WAITING_AFTER_SECONDS: Final = 1.0
_RETRY_SECONDS: Final = 0.1
STORAGE_VERSION: Final = "v1.5.0"
# The tables are many and mostly small: with DuckDB's default of 256 KB a store of 17,000 rows takes 22 MB.
BLOCK_BYTES: Final = 65536
_CONFIG: Final = {
    "storage_compatibility_version": STORAGE_VERSION,
    "default_block_size": str(BLOCK_BYTES),
}
_SETTINGS: Final = (
    "set autoinstall_known_extensions = false",
    "set autoload_known_extensions = false",
    # Landing is bound by one compression at a time; a second thread only costs CPU (measured: a fifth more).
    "set threads = 1",
    # A commit goes straight into the file instead of first uncompressed into the log.
    "set wal_autocheckpoint = '1KB'",
)

Row = tuple[object, ...]


class LandingError(OSError):
    """Landing cannot continue; committed rows stay, and the next run lands the rest."""


def utc_now() -> datetime:
    """The current UTC time, without zone, as stored in the warehouse."""
    return datetime.now(UTC).replace(tzinfo=None)


def from_timestamp(seconds: float) -> datetime:
    """A file system time as a UTC timestamp without zone."""
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


# --- opening

# Warehouses that this process already has open: landing and scans borrow that connection. DuckDB gives a file to one
# process, and within it to one configuration, and dbt has the warehouse open while its `on-run-start` hook lands.
_lent: dict[Path, duckdb.DuckDBPyConnection] = {}


@contextmanager
def lend(warehouse: Path, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Lend an open connection to everything inside that opens this warehouse.

    A borrower may lend it on: afterwards the first lender still lends.
    """
    import duckdb

    key = warehouse.absolute()
    first = _lent.get(key)
    _lent[key] = connection
    if first is None:
        connection.execute("set wal_autocheckpoint = '1KB'")
    try:
        yield
    finally:
        if first is not None:
            _lent[key] = first
        else:
            del _lent[key]
            # A full disk has closed the database: the error raised inside reports it.
            with suppress(duckdb.Error):
                connection.execute("reset wal_autocheckpoint")


def borrow(warehouse: Path) -> duckdb.DuckDBPyConnection | None:
    """A separate connection to a lent warehouse, in the same instance of DuckDB; None if none is lent.

    Close it when done: the lender keeps its own.
    """
    lender = _lent.get(warehouse.absolute())
    if lender is None:
        return None
    cursor = lender.cursor()
    cursor.execute("set TimeZone = 'UTC'")
    return cursor


@contextmanager
def writing(
    warehouse: Path, wait_seconds: float = WAIT_SECONDS, on_wait: Callable[[str], None] | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the warehouse for writing, with every table present; DuckDB errors become readable ones.

    If another process has it open, this one waits; after a second `on_wait` is called with the reason (else it is
    logged).
    """
    with private_files(), _opened(Path(warehouse), wait_seconds, on_wait or logger.warning) as connection:
        make_tables(connection)
        yield connection


@contextmanager
def _opened(
    warehouse: Path, wait_seconds: float, on_wait: Callable[[str], None]
) -> Iterator[duckdb.DuckDBPyConnection]:
    import duckdb

    try:
        warehouse.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise LandingError(f"The folder {warehouse.parent} cannot be created: {error.strerror}.") from error
    borrowed = borrow(warehouse)
    connection = borrowed or _connected(warehouse, wait_seconds, on_wait)
    try:
        for setting in () if borrowed else _SETTINGS:
            connection.execute(setting)
        yield connection
        connection.close()
        if warehouse.stat().st_mode & 0o077:
            warehouse.chmod(0o600)
    except duckdb.InterruptException as error:
        raise KeyboardInterrupt from error
    except duckdb.Error as error:
        raise LandingError(_explained(error, warehouse)) from error
    finally:
        with suppress(duckdb.Error):
            connection.close()


def _connected(
    warehouse: Path, wait_seconds: float, on_wait: Callable[[str], None]
) -> duckdb.DuckDBPyConnection:
    import duckdb

    started = time.monotonic()
    has_spoken = False
    while True:
        try:
            return duckdb.connect(str(warehouse), config=dict(_CONFIG))
        except duckdb.Error as error:
            if not _is_locked(error):
                raise LandingError(_explained(error, warehouse)) from error
            waited = time.monotonic() - started
            holder = holder_of(error)
            if waited >= wait_seconds:
                raise LandingError(
                    f"The warehouse {warehouse} is still in use by {holder} after waiting {waited:.0f} s. "
                    "Try again when that process has ended."
                ) from error
            if waited >= SAY_WAITING_AFTER_SECONDS and not has_spoken:
                has_spoken = True
                on_wait(f"Waiting for {holder}, which has the warehouse open, {wait_seconds:.0f} s at most …")
            time.sleep(min(_RETRY_SECONDS, max(wait_seconds - waited, 0.001)))


def _is_locked(error: Exception) -> bool:
    text = str(error).lower()
    return any(words in text for words in ("set lock", "conflicting lock", "used by another process"))


def holder_of(error: BaseException | str) -> str:
    """The process that has open a file that DuckDB could not lock, as far as the error says."""
    found = re.search(r"held in (.+?) \(PID (\d+)\)", str(error))
    return f"process {found[2]} ({found[1]})" if found else "another process"


def _explained(error: Exception, warehouse: Path) -> str:
    """Return the problem with the warehouse in plain words, with the first line of DuckDB's message."""
    own_words = str(error).strip().split("\n", 1)[0]
    text = own_words.lower()
    if any(words in text for words in ("no space left", "file too large", "quota exceeded")):
        cause = "the disk is full: no space left"
    elif "read-only file system" in text or "read-only mode" in text:
        cause = "it is on a read-only file system"
    elif "permission denied" in text:
        cause = "permission denied"
    elif any(
        words in text for words in ("not a valid duckdb", "corrupt", "checksum", "failed to deserialize")
    ):
        return (
            f"The warehouse {warehouse} is damaged or not a DuckDB database. To start again from the transcripts that "
            f"are still there, move it aside and run agent-store build; the published store stays as it is until then. "
            f"({own_words})"
        )
    else:
        cause = "DuckDB refused"
    return (
        f"The warehouse {warehouse} cannot be written: {cause}. Nothing is half-written: "
        f"the next run continues where this one ended. ({own_words})"
    )


def log_of(database: Path) -> Path:
    """The log that DuckDB keeps beside a database."""
    return database.with_name(f"{database.name}.wal")


def remove_database(database: Path) -> None:
    """Remove a database with its log."""
    for path in (database, log_of(database)):
        path.unlink(missing_ok=True)


def has_table(connection: duckdb.DuckDBPyConnection, name: str, schema: str = "raw") -> bool:
    """Whether a table is there."""
    row = connection.execute(
        "select count(*) from duckdb_tables() where schema_name = ? and table_name = ?", [schema, name]
    ).fetchone()
    return bool(row and row[0])


def _has_all(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether every table exists with every column: a warehouse from an older version lacks the newest."""
    found = connection.execute(
        "select table_name, column_count from duckdb_tables() where schema_name = 'raw'"
    ).fetchall()
    counts = dict(found)
    return all(counts.get(table, 0) >= len(columns) for table, columns in TABLES.items())


@contextmanager
def reading(warehouse: Path, wait_seconds: float = WAIT_SECONDS) -> Iterator[Any]:
    """Open the warehouse read-only; yields None if there is none yet, or it lacks these tables."""
    import duckdb

    if not warehouse.exists():
        yield None
        return
    try:
        connection = borrow(warehouse) or duckdb.connect(
            str(warehouse), read_only=True, config={"threads": "2"}
        )
    except duckdb.Error:  # another process is writing: wait for it as a writer does
        with _opened(warehouse, wait_seconds, logger.warning) as waited:
            yield waited if _has_all(waited) else None
        return
    try:
        yield connection if _has_all(connection) else None
    finally:
        connection.close()


def make_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create every missing raw table, empty: dbt reads them even if nothing has been landed.

    A warehouse from an earlier version gets its missing columns, and batches without a hash are sealed.
    """
    if not _has_all(connection):
        connection.begin()
        connection.execute(SCHEMA + ADD_COLUMNS)
        unsealed = connection.execute("select 1 from raw.batch where chain_hash is null limit 1").fetchone()
        if unsealed:
            seal_all(connection, utc_now())
        connection.commit()


def ensure_schema(warehouse: Path) -> None:
    """Create the tables that dbt reads if they are missing."""
    with reading(warehouse) as connection:
        if connection is not None:
            return
    with writing(warehouse):
        pass


# --- writing


@dataclass(slots=True)
class Changes:
    """Changes that a scan wants to write: rows by table, and changes to the memory."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    # The same as Arrow tables with the columns in order, without `_batch_id`: for scans with very many rows.
    arrow: dict[str, list[Any]] = field(default_factory=dict)
    # Tables that are emptied before anything is written.
    emptied: list[str] = field(default_factory=list)
    # Memory tables: rows that replace those with the same values in the key columns.
    replaced: dict[str, tuple[tuple[str, ...], list[Row]]] = field(default_factory=dict)
    files_seen: int = 0
    files_grown: int = 0
    set_aside: int = 0
    bytes_landed: int = 0

    def add(self, table: str, row: Row) -> None:
        """Add a row to an append-only table; its `_batch_id` is added when it is written."""
        self.rows.setdefault(table, []).append(row)

    def remember(self, table: str, keys: tuple[str, ...], row: Row) -> None:
        """Write a memory row, replacing the one with the same key."""
        self.replaced.setdefault(table, (keys, []))[1].append(row)

    def merge(self, other: Changes) -> None:
        """Take over the changes of another scan."""
        for table, rows in other.rows.items():
            self.rows.setdefault(table, []).extend(rows)
        for table, parts in other.arrow.items():
            self.arrow.setdefault(table, []).extend(parts)
        self.emptied += other.emptied
        for table, (keys, rows) in other.replaced.items():
            self.replaced.setdefault(table, (keys, []))[1].extend(rows)
        self.files_seen += other.files_seen
        self.files_grown += other.files_grown
        self.set_aside += other.set_aside
        self.bytes_landed += other.bytes_landed

    @property
    def has_rows(self) -> bool:
        """Whether there is anything for the models to read."""
        return any(self.rows.values()) or any(self.arrow.values())

    def __bool__(self) -> bool:
        """Whether there is anything to write at all."""
        return self.has_rows or any(rows for _, rows in self.replaced.values())


def write(
    warehouse: Path,
    changes: Changes,
    *,
    host: str | None = None,
    started_at: datetime | None = None,
    on_wait: Callable[[str], None] | None = None,
) -> int:
    """Write everything in one transaction; returns the number of the batch, 0 if only the memory changed."""
    with writing(warehouse, on_wait=on_wait) as connection:
        if not changes:
            return 0
        connection.begin()
        batch_id = 0
        for table in changes.emptied:
            connection.execute(f"delete from raw.{table}")
        if changes.has_rows:
            found = connection.execute("select coalesce(max(batch_id), 0) + 1 from raw.batch").fetchone()
            batch_id = int(found[0]) if found else 1
            for table, rows in changes.rows.items():
                _insert(connection, table, [(*row, batch_id) for row in rows])
            for table, parts in changes.arrow.items():
                for part in parts:
                    connection.register("scanned_rows", _private(table, part))
                    connection.execute(f"insert into raw.{table} select *, ? from scanned_rows", [batch_id])
                    connection.unregister("scanned_rows")
        for table, (keys, rows) in changes.replaced.items():
            replace_rows(connection, table, keys, rows)
        if batch_id:
            add_batch(
                connection, batch_id, started_at or utc_now(), host or this_host(), changes.files_seen,
                changes.files_grown, 0, changes.set_aside, changes.bytes_landed,
            )  # fmt: skip
        connection.commit()
    return batch_id


def this_host() -> str:
    """The name of this machine."""
    return platform.node() or "unknown"


def add_batch(
    connection: duckdb.DuckDBPyConnection, batch_id: int, started_at: datetime, host: str, files_seen: int,
    files_grown: int, lines_landed: int, lines_set_aside: int, bytes_landed: int, hashes: Sequence[bytes] = (),
) -> None:  # fmt: skip
    """Write the row of a batch and seal it with the hashes of its lines, documents and files.

    A scan lands none of these: its batch is a chain link without rows. The very first batch records the policy under
    which it was landed.
    """
    note_policy(connection)
    counts = (files_seen, files_grown, lines_landed, lines_set_aside, bytes_landed)
    insert_batch(connection, [batch_id, started_at, utc_now(), host, *counts], hashes)


def note_policy(connection: duckdb.DuckDBPyConnection, *, is_applied: bool = False) -> None:
    """Record the policy in force, if nothing is landed yet or it `is_applied` to everything landed."""
    policy = privacy.current().policy
    landed = connection.execute("select count(*) from raw.batch").fetchone()
    if landed and landed[0] and not is_applied:
        return
    connection.execute("delete from raw.privacy")
    connection.execute(
        "insert into raw.privacy values (?, ?, ?)",
        [policy.fingerprint, policy.user_salt if policy.hashes_users else None, utc_now()],
    )


def _arrow_types() -> Mapping[str, Any]:
    import pyarrow as pa

    return {
        "VARCHAR": pa.string(), "BIGINT": pa.int64(), "INTEGER": pa.int32(), "BOOLEAN": pa.bool_(),
        "DOUBLE": pa.float64(), "TIMESTAMP": pa.timestamp("us"), "BLOB": pa.binary(),
    }  # fmt: skip


def _register(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Row]) -> None:
    import pyarrow as pa

    described = connection.execute(f"describe raw.{table}").fetchall()
    types = _arrow_types()
    columns = {
        str(column[0]): list(values)
        for values, column in zip(zip(*rows, strict=True), described, strict=True)
    }
    policy = privacy.current()
    arrays = [
        pa.array(
            [
                _text_safe(value)
                for value in policy.scanned(table, column[0], columns[column[0]], columns.__getitem__)
            ],
            types[str(column[1])],
        )
        for column in described
    ]
    connection.register("scanned_rows", pa.table(arrays, names=[column[0] for column in described]))


def _private(table: str, part: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
    """The rows of an Arrow table after applying the policy."""
    policy = privacy.current()
    for index, name in enumerate(part.column_names):
        column = part.column(index)
        kept = policy.scanned_column(table, name, column)
        if kept is not column:
            part = part.set_column(index, name, kept)
    return part


def _text_safe(value: object) -> object:
    """Text without half surrogate pairs and NUL bytes, which no database accepts."""
    if isinstance(value, str):
        if "\0" in value:
            value = value.replace("\0", "\ufffd")
        if not value.isascii():
            return value.encode("utf-8", "replace").decode()
    return value


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Row]) -> None:
    if rows:
        _register(connection, table, rows)
        connection.execute(f"insert into raw.{table} select * from scanned_rows")
        connection.unregister("scanned_rows")


def replace_rows(
    connection: duckdb.DuckDBPyConnection, table: str, keys: tuple[str, ...], rows: Sequence[Row]
) -> None:
    """Write the newest state of some memory rows."""
    if rows:
        _register(connection, table, rows)
        matching = " and ".join(f"{table}.{key} = scanned_rows.{key}" for key in keys)
        connection.execute(f"delete from raw.{table} using scanned_rows where {matching}")
        connection.execute(f"insert into raw.{table} select * from scanned_rows")
        connection.unregister("scanned_rows")
