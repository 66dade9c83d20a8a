"""The two files that a build works on: the warehouse (raw, staging, intermediate) and the star, which is attached to
it.

The star has its own file, so that publishing can copy that file as a whole. Both are opened by one process at a time.
"""

from __future__ import annotations

import errno
import os
import shutil
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from agent_store.build import memory
from agent_store.build.state import BuildState, read_state, write_state
from agent_store.errors import StoreError, explain
from agent_store.paths import STAR, WAREHOUSE, StorePaths, private_files
from agent_store.sql import literal
from ingest.chain import has_chain, head
from ingest.warehouse import BLOCK_BYTES, STORAGE_VERSION, borrow, log_of, remove_database

if TYPE_CHECKING:
    import duckdb

PUBLISHED_SCHEMA = "main"
# A star this many times as large as the published store is replaced by it.
_MOST_BLOATED = 1.5


@dataclass(frozen=True, slots=True)
class RawSummary:
    """Everything landed so far."""

    last_batch_id: int = 0
    last_batch_at: datetime | None = None
    file_count: int = 0
    line_count: int = 0
    set_aside_count: int = 0
    landed_bytes: int = 0
    has_models: bool = False
    last_vanished_at: datetime | None = None
    vanished_count: int = 0
    batches: frozenset[str] = frozenset()
    chain_head: str = ""
    privacy_fingerprint: str = ""

    @property
    def batch_key(self) -> str:
        """Identifies what has been landed: a warehouse made from scratch reuses batch numbers, but with other times.

        Files that have vanished make no batch, but they are a finding, so they count too.
        """
        if self.last_batch_at is None:
            return "0"
        key = _batch_name(self.last_batch_id, self.last_batch_at)
        if self.last_vanished_at is not None:
            key += f" {self.vanished_count} vanished@{self.last_vanished_at:%Y-%m-%dT%H:%M:%S.%f}"
        return key

    def holds(self, batch_key: str) -> bool:
        """Whether the batch of a key was landed in this warehouse."""
        return batch_key.partition(" ")[0] in self.batches


def _batch_name(batch_id: int, started_at: datetime) -> str:
    return f"{batch_id}@{started_at:%Y-%m-%dT%H:%M:%S.%f}"


def connect(paths: StorePaths) -> duckdb.DuckDBPyConnection:
    """The warehouse with the star attached, writable. The build lock must be held."""
    connection = _open(paths, read_only=False)
    attach_star(connection, paths)
    return connection


def attach_star(connection: duckdb.DuckDBPyConnection, paths: StorePaths) -> None:
    """Attach the star's file under the name that views use; it is created if missing."""
    import duckdb

    try:
        connection.execute(
            f"attach if not exists {literal(str(paths.star))} as {STAR} "
            f"(storage_version '{STORAGE_VERSION}', block_size {BLOCK_BYTES})"
        )
    except duckdb.Error as error:
        raise _cannot_open("star", paths.star, error) from error


def _cannot_open(name: str, file: Path, error: duckdb.Error) -> StoreError:
    return explain(error, f"Opening the {name} {file}") or StoreError(
        f"The {name} {file} cannot be opened: {str(error).splitlines()[0]}",
        "Move it aside and restore a backup, or run agent-store build again: it starts from scratch with the "
        "transcripts that still exist.",
    )


def star_cursor(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """A second connection to the same files, with the star as the current database. Close it when done."""
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
            "default_block_size": str(BLOCK_BYTES),
            "memory_limit": memory.usual(),
            "threads": "1",  # per query: queries run in parallel, and small ones gain nothing from a second
        }
    try:
        return duckdb.connect(str(paths.warehouse), read_only=read_only, config=config)
    except duckdb.Error as error:
        raise _cannot_open("warehouse", paths.warehouse, error) from error


def check_writable(paths: StorePaths) -> None:
    """Raise StoreError if the warehouse exists and cannot be opened for writing. The build lock must be held."""
    if paths.warehouse.exists():
        _open(paths, read_only=False).close()


def raw_summary(paths: StorePaths) -> RawSummary:
    """Read what has been landed; zeros if there is no warehouse yet."""
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
        batches = connection.execute("select batch_id, started_at from raw.batch").fetchall()
        chain_head = head(connection) if has_chain(connection) else ""
        policy = (
            connection.execute("select max(fingerprint) from raw.privacy").fetchone() if chain_head else None
        )
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
    names = frozenset(_batch_name(*batch) for batch in batches)
    return (
        replace(
            RawSummary(*row, *(vanished or ())),
            batches=names,
            chain_head=chain_head,
            privacy_fingerprint=str(policy[0] or "") if policy else "",
        )
        if row
        else RawSummary()
    )


def prepare(paths: StorePaths) -> None:
    """Make sure that both files belong together, before either is opened. The build lock must be held.

    A star without its warehouse is removed; a warehouse without its star, or with a damaged one, is built again.
    """
    if not paths.warehouse.exists():
        if paths.state.exists():
            write_state(paths, BuildState(holds_sample=read_state(paths).holds_sample))
        if paths.star.is_file() and not _take_over(paths):
            remove_database(paths.star)
    elif paths.warehouse.is_file() and (not paths.star.exists() or _is_damaged(paths.star)):
        remove_database(paths.star)
        write_state(paths, replace(read_state(paths), rebuilding=True))
    elif _is_bloated(paths):
        # The store is the star as last published, without free space. Later rows are built again: each model has its
        # own watermark.
        fresh = paths.star.with_name(f"{paths.star.name}.fresh")
        with private_files():
            copy_file(paths.store, fresh)
        log_of(paths.star).unlink(missing_ok=True)
        fresh.replace(paths.star)


def _is_damaged(star: Path) -> bool:
    """Whether the star can no longer be read. Everything in it can be rebuilt from the warehouse."""
    import duckdb

    if not star.is_file():
        raise StoreError(f"The star {star} is not a regular file.", "Move it away, then try again.")
    try:
        duckdb.connect(str(star), read_only=True).close()
    except duckdb.Error as error:
        known = explain(error, f"Opening the star {star}")
        if known is not None:
            raise known from error
        return True
    return False


def _is_bloated(paths: StorePaths) -> bool:
    """Whether the star is much larger than the store published from it, and the store can take its place."""
    state = read_state(paths)
    is_published = state.green_fingerprint == state.tables_fingerprint and not state.rebuilding
    if not is_published or not paths.store.is_file():
        return False
    if paths.star.stat().st_size <= _MOST_BLOATED * paths.store.stat().st_size:
        return False
    return _is_store_of(paths.store, state.green_fingerprint)


def _is_store_of(store: Path, tables_fingerprint: str) -> bool:
    """Whether a published store can be read, was made by this code, and has all rows of the star."""
    import duckdb

    try:
        with duckdb.connect(str(store), read_only=True) as connection:
            found = connection.execute(
                "select tables_fingerprint, dropped_row_count from store_build"
            ).fetchone()
    except duckdb.Error:
        return False
    return found == (tables_fingerprint, 0)


def copy_file(source: Path, target: Path) -> None:
    """Copy a file, sharing its blocks if Linux and the file system support it."""
    if not hasattr(os, "copy_file_range"):
        shutil.copyfile(source, target)
        return
    with source.open("rb") as reading, target.open("wb") as writing:
        rest = os.fstat(reading.fileno()).st_size
        try:
            while rest > 0 and (copied := os.copy_file_range(reading.fileno(), writing.fileno(), rest)):
                rest -= copied
        except OSError as error:
            if error.errno not in {errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP}:
                raise
            reading.seek(0)
            writing.seek(0)
            shutil.copyfileobj(reading, writing, 1 << 20)


def _take_over(paths: StorePaths) -> bool:
    """Take over the warehouse of a version that kept everything in one file: its raw lines stay, the rest is built again.

    Returns False if the file is not such a warehouse.
    """
    import duckdb

    try:
        connection = duckdb.connect(str(paths.star))
    except duckdb.Error as error:
        raise _cannot_open("warehouse", paths.star, error) from error
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
        remove_database(paths.warehouse)
        remove_database(paths.star)
        state = BuildState()
    else:
        # A build killed in between discards it once more.
        write_state(paths, BuildState(rebuilding=True, holds_sample=True))
        with connection:
            connection.begin()
            for (name,) in connection.execute(
                f"select table_name from duckdb_tables() where database_name = '{WAREHOUSE}' and schema_name = 'raw'"
            ).fetchall():
                connection.execute(f'truncate raw."{name}"')
            connection.commit()
        state = BuildState(rebuilding=True)
    write_state(paths, state)
    return state
