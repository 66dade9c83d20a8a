"""The two files that a build works on: the warehouse (raw, staging, intermediate) and, attached to it, the star.

The star lies in a file of its own, so that publishing copies that file as it is. Both are opened in one process at a time.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from agent_store.build.state import BuildState, read_state, write_state
from agent_store.errors import StoreError, explain
from agent_store.paths import STAR, WAREHOUSE, StorePaths
from agent_store.sql import literal
from ingest.warehouse import borrow

if TYPE_CHECKING:
    import duckdb

STORAGE_VERSION = "v1.5.0"
PUBLISHED_SCHEMA = "main"
# The published tables are many and mostly small: with DuckDB's usual 256 KB a store of 17,000 rows takes 22 MB.
BLOCK_BYTES = 65536


@dataclass(frozen=True, slots=True)
class RawSummary:
    """What has been landed so far."""

    last_batch_id: int = 0
    last_batch_at: datetime | None = None
    file_count: int = 0
    line_count: int = 0
    set_aside_count: int = 0
    landed_bytes: int = 0
    has_models: bool = False
    last_vanished_at: datetime | None = None
    vanished_count: int = 0

    @property
    def batch_key(self) -> str:
        """Names what has been landed; a warehouse made anew has batches of the same numbers, but other times.

        Files that have vanished are no batch, but a finding: they count.
        """
        if self.last_batch_at is None:
            return "0"
        key = f"{self.last_batch_id}@{self.last_batch_at:%Y-%m-%dT%H:%M:%S.%f}"
        if self.last_vanished_at is not None:
            key += f" {self.vanished_count} vanished@{self.last_vanished_at:%Y-%m-%dT%H:%M:%S.%f}"
        return key


def connect(paths: StorePaths) -> duckdb.DuckDBPyConnection:
    """The warehouse with the star attached, to write. The lock of the build must be held."""
    connection = _open(paths, read_only=False)
    attach_star(connection, paths)
    return connection


def attach_star(connection: duckdb.DuckDBPyConnection, paths: StorePaths) -> None:
    """Attach the star's file under the name that views know it by; it is made where it is missing."""
    connection.execute(
        f"attach if not exists {literal(str(paths.star))} as {STAR} "
        f"(storage_version '{STORAGE_VERSION}', block_size {BLOCK_BYTES})"
    )


def star_cursor(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """A second connection to the same files, for which the star is the current database. Close it when done."""
    cursor = connection.cursor()
    cursor.execute("set TimeZone = 'UTC'")
    cursor.execute(f"use {STAR}.{PUBLISHED_SCHEMA}")
    return cursor


def _open(paths: StorePaths, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    import duckdb

    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    if not read_only:
        config |= {
            "storage_compatibility_version": STORAGE_VERSION,
            "memory_limit": os.environ.get("AGENT_STORE_MEMORY", "1GB"),
            "threads": "1",  # for each query: queries run side by side, and small ones gain nothing from a second
        }
    try:
        return duckdb.connect(str(paths.warehouse), read_only=read_only, config=config)
    except duckdb.Error as error:
        raise (
            explain(error, f"Opening the warehouse {paths.warehouse}")
            or StoreError(f"The warehouse {paths.warehouse} cannot be opened: {str(error).splitlines()[0]}")
        ) from error


def raw_summary(paths: StorePaths) -> RawSummary:
    """Read what has been landed; zeros where there is no warehouse yet."""
    if not paths.warehouse.is_file():
        return RawSummary()
    connection = borrow(paths.warehouse) or _open(paths, read_only=True)
    try:
        known = connection.execute(
            "select count(*) from duckdb_tables() where schema_name = 'raw' and table_name = 'batch'"
        ).fetchone()
        if known is None or not known[0]:
            return RawSummary()
        row = connection.execute(
            """
            select
                coalesce(max(batch_id), 0),
                arg_max(started_at, batch_id),
                coalesce((select count(*) from raw.source_file), 0),
                coalesce(sum(lines_landed), 0)::bigint,
                coalesce(sum(lines_set_aside), 0)::bigint,
                coalesce(sum(bytes_landed), 0)::bigint,
                (select count(*) > 0 from duckdb_tables() where schema_name = 'intermediate')
            from raw.batch
            """
        ).fetchone()
        places = connection.execute(
            "select count(*) from duckdb_tables() where schema_name = 'raw' and table_name = 'file_location'"
        ).fetchone()
        vanished: tuple[datetime | None, int] | None = None
        if places is not None and places[0]:
            vanished = connection.execute(
                "select max(vanished_at), count(vanished_at) from raw.file_location"
            ).fetchone()
    finally:
        connection.close()
    return RawSummary(*row, *(vanished or ())) if row else RawSummary()


def prepare(paths: StorePaths) -> None:
    """See to it that both files belong together, before either is opened. The lock of the build must be held.

    A star without its warehouse is removed; a warehouse without its star is built again.
    """
    if not paths.warehouse.exists():
        if paths.state.exists():
            write_state(paths, BuildState(holds_sample=read_state(paths).holds_sample))
        if paths.star.is_file() and not _take_over(paths):
            for file in (paths.star, paths.star.with_name(f"{paths.star.name}.wal")):
                file.unlink(missing_ok=True)
    elif paths.warehouse.is_file() and not paths.star.exists():
        write_state(paths, replace(read_state(paths), rebuilding=True))


def _take_over(paths: StorePaths) -> bool:
    """Take over the warehouse of a version that kept everything in one file: its raw lines stay, the rest is built again.

    Returns False where the file is none.
    """
    import duckdb

    connection = duckdb.connect(str(paths.star))
    try:
        found = connection.execute("select schema_name from duckdb_schemas() where not internal").fetchall()
        schemas = {name for (name,) in found}
        if "raw" not in schemas:
            return False
        for schema in schemas - {"raw", PUBLISHED_SCHEMA}:
            connection.execute(f'drop schema "{schema}" cascade')
        for kind, listed in (("view", "duckdb_views"), ("table", "duckdb_tables")):
            found = connection.execute(
                f"select {kind}_name from {listed}() where schema_name = ? and not internal",
                [PUBLISHED_SCHEMA],
            ).fetchall()
            for (name,) in found:
                connection.execute(f'drop {kind} {PUBLISHED_SCHEMA}."{name}"')
    finally:
        connection.close()
    paths.star.rename(paths.warehouse)
    return True


def discard(paths: StorePaths) -> BuildState:
    """Empty the warehouse: it holds only the sample, and real transcripts have appeared. Returns its new state."""
    connection = borrow(paths.warehouse)
    if connection is None:
        for path in (paths.warehouse, paths.star):
            path.unlink(missing_ok=True)
            path.with_name(f"{path.name}.wal").unlink(missing_ok=True)
        state = BuildState()
    else:
        with connection:
            for (name,) in connection.execute(
                f"select table_name from duckdb_tables() where database_name = '{WAREHOUSE}' and schema_name = 'raw'"
            ).fetchall():
                connection.execute(f'truncate raw."{name}"')
        state = BuildState(rebuilding=True)
    write_state(paths, state)
    return state
