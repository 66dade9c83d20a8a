"""Rows beside the transcripts – components, sources, contracts – land in the same warehouse, as batches of their own.

A batch is one transaction: its rows, the memory that says what has been looked at, and its row in raw.batch.
A scan that finds nothing new only reads: the warehouse file is not touched.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ingest import landing, lent

if TYPE_CHECKING:
    import duckdb

Row = tuple[object, ...]

# Every table of these scans, in one place: dbt reads them all, so they are made together.
SCHEMA: Final = """
    create schema if not exists raw;
    create table if not exists raw.batch (
        batch_id bigint not null, started_at timestamp not null, finished_at timestamp not null,
        host varchar not null, files_seen bigint not null, files_grown bigint not null,
        lines_landed bigint not null, lines_set_aside bigint not null, bytes_landed bigint not null
    );
    create table if not exists raw.scan_memory (name varchar not null, value varchar not null);
    create table if not exists raw.scan_folder (
        folder varchar not null, origin varchar not null, first_seen_at timestamp not null
    );
    create table if not exists raw.component_file (
        root varchar not null, path varchar not null, size_bytes bigint not null, mtime_ns bigint not null,
        inode bigint not null, content_hash varchar, vanished_at timestamp
    );
    create table if not exists raw.component_version (
        host varchar not null, scope varchar not null, root varchar not null, path varchar not null,
        component_type varchar not null, component_name varchar not null, plugin_name varchar,
        owner_name varchar, file_role varchar not null, content_hash varchar not null, body_hash varchar,
        content varchar using compression zstd, size_bytes bigint not null, line_count bigint,
        word_count bigint, char_count bigint, front_matter varchar, links varchar, entries varchar,
        validator_name varchar, validator_version varchar, errors varchar, warnings varchar,
        is_binary boolean not null, set_aside_reason varchar, modified_at timestamp not null,
        scanned_at timestamp not null, _batch_id bigint not null
    );
    create table if not exists raw.component_commit (
        root varchar not null, path varchar not null, commit_hash varchar not null,
        committed_at timestamp not null, subject varchar, lines_added bigint, lines_deleted bigint,
        _batch_id bigint not null
    );
    create table if not exists raw.component_body (
        root varchar not null, path varchar not null, commit_hash varchar not null,
        committed_at timestamp not null, body_hash varchar not null, body_text varchar using compression zstd,
        _batch_id bigint not null
    );
    create table if not exists raw.source_entry (
        source_name varchar not null, source_type varchar not null, dependency_type varchar not null,
        url varchar, owner varchar, pages varchar, skills varchar, components varchar, listed_in varchar not null,
        is_listed boolean not null, content_hash varchar not null, set_aside_reason varchar,
        listed_at timestamp not null, _batch_id bigint not null
    );
    create table if not exists raw.source_check (
        check_id varchar not null, source_name varchar not null, source_type varchar not null,
        target varchar not null, check_type varchar not null, checked_at timestamp not null,
        is_available boolean not null, status_code integer, etag varchar, last_modified varchar,
        content_hash varchar, content varchar using compression zstd, content_bytes bigint,
        is_truncated boolean not null, is_not_modified boolean not null, redirected_to varchar,
        version_detected varchar, response_time_ms bigint, attempt_count integer not null, result varchar not null,
        error varchar, _batch_id bigint not null
    );
    create table if not exists raw.contract_version (
        contract_name varchar not null, contract_kind varchar not null, dependency_type varchar not null,
        direction varchar not null, origin varchar not null, source_path varchar, source_line bigint,
        session_id varchar, git_commit varchar, version_label varchar, version_order bigint not null,
        content_hash varchar not null, content_bytes bigint, field_count bigint not null,
        released_at timestamp, set_aside_reason varchar, landed_at timestamp not null, _batch_id bigint not null
    );
    create table if not exists raw.contract_field (
        content_hash varchar not null, element_path varchar not null, parent_path varchar,
        element_kind varchar not null, direction varchar not null, endpoint varchar, method varchar,
        element_name varchar, data_type varchar, data_format varchar, is_required boolean not null,
        is_nullable boolean not null, is_deprecated boolean not null, is_read_only boolean not null,
        is_write_only boolean not null, default_value varchar, value_text varchar, value_number double,
        description_hash varchar, _batch_id bigint not null
    );
    create table if not exists raw.code_file (
        repository varchar not null, path varchar not null, blob_id varchar not null, language varchar,
        size_bytes bigint not null, mtime_ns bigint not null
    );
    create table if not exists raw.code_document (
        host varchar not null, repository varchar not null, path varchar not null, blob_id varchar not null,
        language varchar, document_type varchar not null, size_bytes bigint not null, line_count bigint,
        is_tracked boolean not null, is_deleted boolean not null, parse_problem varchar, set_aside_reason varchar,
        modified_at timestamp not null, scanned_at timestamp not null, _batch_id bigint not null
    );
    create table if not exists raw.code_chunk (
        blob_id varchar not null, language varchar, chunk_index integer not null, line_start bigint not null,
        line_end bigint not null, char_start bigint not null, char_end bigint not null, chunk_kind varchar not null,
        chunk_name varchar, chunk_text varchar using compression zstd, _batch_id bigint not null
    );
    create table if not exists raw.code_symbol (
        blob_id varchar not null, language varchar, chunk_index integer not null, symbol_name varchar not null,
        container_name varchar, symbol_type varchar, reference_type varchar not null, line_number bigint not null,
        line_end bigint not null, _batch_id bigint not null
    );
    create table if not exists raw.code_read (
        tool_use_id varchar not null, path varchar, line_start bigint not null, blob_id varchar not null,
        language varchar, parse_problem varchar, _batch_id bigint not null
    );
    create table if not exists raw.code_change (
        host varchar not null, repository varchar not null, commit_id varchar not null,
        committed_at timestamp not null, path varchar not null, change_type varchar not null, blob_id varchar,
        _batch_id bigint not null
    );
    create table if not exists raw.code_vector (
        chunk_hash varchar not null, model varchar not null, embedding float[], _batch_id bigint not null
    );
    create table if not exists raw.set_aside_session (
        session_id varchar not null, test_name varchar not null, reason varchar not null, line_count bigint not null,
        source_path varchar, set_aside_at timestamp not null
    );
"""
TABLES: Final = (
    "scan_memory", "scan_folder", "component_file", "component_version", "component_commit", "source_entry",
    "source_check", "contract_version", "contract_field", "code_file", "code_document", "code_chunk", "code_symbol",
    "code_read", "code_change", "code_vector", "component_body", "set_aside_session",
)  # fmt: skip


def utc_now() -> datetime:
    """The wall clock of UTC, without zone, as the warehouse keeps times."""
    return datetime.now(UTC).replace(tzinfo=None)


def from_timestamp(seconds: float) -> datetime:
    """A time of the file system as a UTC timestamp without zone."""
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


@dataclass(slots=True)
class Changes:
    """What a scan wants to write: rows by table, and how the memory changes."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    # The same as Arrow tables with the columns in order, without `_batch_id`: for scans with very many rows.
    arrow: dict[str, list[Any]] = field(default_factory=dict)
    # Tables whose rows all go before anything is written.
    emptied: list[str] = field(default_factory=list)
    # Tables of the memory: rows that replace those with the same values in the key columns.
    replaced: dict[str, tuple[tuple[str, ...], list[Row]]] = field(default_factory=dict)
    files_seen: int = 0
    files_grown: int = 0
    set_aside: int = 0
    bytes_landed: int = 0

    def add(self, table: str, row: Row) -> None:
        """Add a row to a table that only grows; its `_batch_id` is added when it is written."""
        self.rows.setdefault(table, []).append(row)

    def remember(self, table: str, keys: tuple[str, ...], row: Row) -> None:
        """Write a row of the memory in the place of the one with the same key."""
        self.replaced.setdefault(table, (keys, []))[1].append(row)

    def merge(self, other: Changes) -> None:
        """Take over what another scan wants to write."""
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


def has_table(connection: duckdb.DuckDBPyConnection, name: str, schema: str = "raw") -> bool:
    """Whether a table is there."""
    row = connection.execute(
        "select count(*) from duckdb_tables() where schema_name = ? and table_name = ?", [schema, name]
    ).fetchone()
    return bool(row and row[0])


def _has_all(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether every table is there: an older version has made a warehouse without the newest."""
    found = connection.execute(
        "select count(*) from duckdb_tables() where schema_name = 'raw' and list_contains(?, table_name)",
        [list(TABLES)],
    ).fetchone()
    return bool(found and found[0] == len(TABLES))


@contextmanager
def reading(warehouse: Path, wait_seconds: float = landing.WAIT_SECONDS) -> Iterator[Any]:
    """Open the warehouse read-only; yields None where there is none yet, or none with these tables."""
    import duckdb

    if not warehouse.exists():
        yield None
        return
    try:
        connection = lent.borrow(warehouse) or duckdb.connect(
            str(warehouse), read_only=True, config={"threads": "2"}
        )
    except duckdb.Error:  # another process writes: wait for it as a writer does
        with landing._opened(warehouse, wait_seconds, landing.logger.warning) as waited:
            yield waited if _has_all(waited) else None
        return
    try:
        yield connection if _has_all(connection) else None
    finally:
        connection.close()


def ensure_schema(warehouse: Path) -> None:
    """Make the tables that dbt reads where they are missing."""
    with reading(warehouse) as connection:
        if connection is not None:
            return
    with (
        landing._private_files(),
        landing._opened(Path(warehouse), landing.WAIT_SECONDS, landing.logger.warning) as opened,
    ):
        make_tables(opened)


def make_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Make every raw table that is missing, empty: dbt reads them also where nothing has been landed."""
    connection.execute(landing.SCHEMA)
    connection.execute(SCHEMA)


def write(
    warehouse: Path,
    changes: Changes,
    *,
    host: str | None = None,
    started_at: datetime | None = None,
    on_wait: Callable[[str], None] | None = None,
) -> int:
    """Write everything in one transaction; returns the number of the batch, 0 if only the memory changed."""
    with (
        landing._private_files(),
        landing._opened(
            Path(warehouse), landing.WAIT_SECONDS, on_wait or landing.logger.warning
        ) as connection,
    ):
        connection.execute(SCHEMA)
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
                    connection.register("scanned_rows", part)
                    connection.execute(f"insert into raw.{table} select *, ? from scanned_rows", [batch_id])
                    connection.unregister("scanned_rows")
        for table, (keys, rows) in changes.replaced.items():
            _replace(connection, table, keys, rows)
        if batch_id:
            connection.execute(
                "insert into raw.batch (batch_id, started_at, finished_at, host, files_seen, files_grown, "
                "lines_landed, lines_set_aside, bytes_landed) values (?, ?, ?, ?, ?, ?, 0, ?, ?)",
                [batch_id, started_at or utc_now(), utc_now(), host or platform.node() or "unknown",
                 changes.files_seen, changes.files_grown, changes.set_aside, changes.bytes_landed],
            )  # fmt: skip
        connection.commit()
    return batch_id


def _arrow_types() -> Mapping[str, Any]:
    import pyarrow as pa

    return {
        "VARCHAR": pa.string(), "BIGINT": pa.int64(), "INTEGER": pa.int32(), "BOOLEAN": pa.bool_(),
        "DOUBLE": pa.float64(), "TIMESTAMP": pa.timestamp("us"),
    }  # fmt: skip


def _register(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Row]) -> None:
    import pyarrow as pa

    described = connection.execute(f"describe raw.{table}").fetchall()
    types = _arrow_types()
    arrays = [
        pa.array([_text_safe(value) for value in values], types[str(column[1])])
        for values, column in zip(zip(*rows, strict=True), described, strict=True)
    ]
    connection.register("scanned_rows", pa.table(arrays, names=[column[0] for column in described]))


def _text_safe(value: object) -> object:
    """Text without half surrogate pairs and NUL bytes, which no database takes."""
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


def _replace(
    connection: duckdb.DuckDBPyConnection, table: str, keys: tuple[str, ...], rows: Sequence[Row]
) -> None:
    if rows:
        _register(connection, table, rows)
        matching = " and ".join(f"{table}.{key} = scanned_rows.{key}" for key in keys)
        connection.execute(f"delete from raw.{table} using scanned_rows where {matching}")
        connection.execute(f"insert into raw.{table} select * from scanned_rows")
        connection.unregister("scanned_rows")
