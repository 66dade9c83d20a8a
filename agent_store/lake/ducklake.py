"""A lake as DuckLake: the catalog in Postgres, SQLite or a DuckDB file, the rows as Parquet by host and month."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agent_store import __version__
from agent_store.lake import catalog
from agent_store.lake.catalog import METADATA
from agent_store.lake.shipment import (
    LEAVING,
    SENDING,
    SharedTable,
    Shipment,
    host_row_marks,
    session_row_counts,
)
from agent_store.lake.target import HOST, LAKE, MONTH, ROW, Shared, Target, no_lake
from agent_store.sql import literal, quoted

if TYPE_CHECKING:
    import duckdb

# What the lake knows of its hosts, of the sessions that they shared, and of their rows of no session.
HOSTS, SESSIONS, MARKS = "lake_host", "lake_session", "lake_host_rows"
# A host that removed sessions, until their rows are in no file any more.
ERASING = "lake_erasing"
OWN_TABLES: Final = {
    HOSTS: "host_id varchar, host_name varchar, shared_at timestamp, agent_store_version varchar, "
    "tables_fingerprint varchar, timezone varchar, file_count bigint, landed_line_count bigint, "
    "set_aside_line_count bigint, landed_bytes bigint",
    SESSIONS: "host_id varchar, session_id varchar, stamp varchar, line_count bigint, last_line_at timestamp, month date",
    MARKS: "host_id varchar, table_name varchar, mark varchar",
    ERASING: "host_id varchar",
}
# Bounds of texts only ever widen by themselves: they are set to those of the files that are left.
_NARROW_BOUNDS: Final = f"""
update {METADATA}.ducklake_table_column_stats as bounds
set min_value = left_over.min_value, max_value = left_over.max_value
from (
    select columns.table_id, columns.column_id, min(stats.min_value) as min_value, max(stats.max_value) as max_value
    from {METADATA}.ducklake_column as columns
    left join (
        select stats.* from {METADATA}.ducklake_file_column_stats as stats
        inner join {METADATA}.ducklake_data_file as files on files.data_file_id = stats.data_file_id
        where files.end_snapshot is null
    ) as stats on stats.table_id = columns.table_id and stats.column_id = columns.column_id
    where columns.column_type = 'varchar' and columns.end_snapshot is null
    group by columns.table_id, columns.column_id
) as left_over
where left_over.table_id = bounds.table_id and left_over.column_id = bounds.column_id
"""
# The name of a file with rows of the lake. Others in the same folder belong to someone else.
_OWN_FILE: Final = re.compile(r"/main/[^/]+/(?:_host|host_id)=[^/]+/(?:_month=[^/]+/)?ducklake-[0-9a-f-]+[^/]*[.]parquet$")
# Builds read the lake as it was at one moment: what was replaced stays for them for so long.
_KEPT: Final = "interval 1 day"


@contextmanager
def opened(target: Target, say: Callable[[str], None]) -> Iterator[DuckLake]:
    """A lake on DuckLake."""
    yield DuckLake(target, say)


class DuckLake:
    """A lake whose catalog is a database."""

    def __init__(self, target: Target, say: Callable[[str], None] = lambda _: None) -> None:
        """Remember the place; each operation opens the catalog itself. `say` tells of waiting for others."""
        self.target = target
        self.say = say

    def _attached(
        self, connection: duckdb.DuckDBPyConnection, *, read_only: bool
    ) -> AbstractContextManager[None]:
        return catalog.attached(connection, self.target, read_only=read_only, say=self.say)

    def stamps(self, host_id: str) -> dict[str, str]:
        """The stamp of each session that a host has shared; empty if the lake is new."""
        import duckdb

        if catalog.is_missing(self.target):
            return {}
        with duckdb.connect(":memory:") as connection:
            return catalog.again(lambda: self._stamps(connection, host_id), self.target)

    def _stamps(self, connection: duckdb.DuckDBPyConnection, host_id: str) -> dict[str, str]:
        import duckdb

        try:
            with self._attached(connection, read_only=True):
                return dict(
                    connection.execute(
                        f"select session_id, stamp from {LAKE}.{SESSIONS} where host_id = ?", [host_id]
                    ).fetchall()
                )
        except (duckdb.CatalogException, duckdb.InvalidInputException) as error:
            if SESSIONS in str(error) or "creating a new DuckLake is explicitly disabled" in str(error):
                return {}
            raise

    def check(self) -> None:
        """Raise StoreError if nobody has shared anything there."""
        import duckdb

        def is_shared() -> bool:
            try:
                with self._attached(connection, read_only=True):
                    return bool(connection.execute(f"select 1 from {LAKE}.{HOSTS} limit 1").fetchone())
            except duckdb.CatalogException:
                return False

        if not catalog.is_missing(self.target):
            with duckdb.connect(":memory:") as connection:
                if catalog.again(is_shared, self.target):
                    return
        raise no_lake(self.target)

    def write(self, shipment: Shipment) -> Shared:
        """Put a shipment into the lake in one transaction, which is tried again after a conflict.

        If it removes sessions, it ends when their rows are in no file any more.
        """
        counts = session_row_counts(shipment)
        marks = host_row_marks(shipment)
        attempts = 0

        def attempt() -> tuple[Shared, bool]:
            nonlocal attempts
            attempts += 1
            with self._attached(shipment.connection, read_only=False):
                shared = self._write(shipment, counts, marks, attempts)
                return shared, _is_erasing(shipment.connection)

        shared, is_erasing = catalog.again(attempt, self.target)
        if is_erasing:
            self._finish_erasing(shipment.connection, shipment.host.host_id)
        return shared

    def _write(
        self, shipment: Shipment, counts: Mapping[str, int], marks: Mapping[str, str], attempts: int
    ) -> Shared:
        connection, host_id = shipment.connection, shipment.host.host_id
        # Tables are made first, by themselves: hosts that start a lake together meet here, before they write any rows.
        # What is there is read before: a transaction that reads the catalog itself locks SQLite's against its own commit.
        there = _columns(connection)
        with _transaction(connection):
            _make_tables(connection, shipment.tables, there)
        with _transaction(connection):
            known = dict(
                connection.execute(
                    f"select table_name, mark from {LAKE}.{MARKS} where host_id = ?", [host_id]
                ).fetchall()
            )
            changed = {name: mark for name, mark in marks.items() if mark != known.get(name, "")}
            rows = 0
            for table in shipment.tables:
                if shipment.choice.replaces and table.has_sessions:
                    connection.execute(
                        f"delete from {_name(table)} where {HOST} = ? and session_id in (select session_id from {LEAVING})",
                        [host_id],
                    )
                if counts.get(table.name):
                    rows += _insert(connection, table, table.session_rows)
                if table.name in changed:
                    rows += _replace_host_rows(connection, table, host_id)
            _note(connection, shipment, changed)
            if shipment.choice.erases:
                connection.execute(f"insert into {LAKE}.{ERASING} values (?)", [host_id])
        return Shared(shipment.choice.session_count, shipment.choice.gone_count, rows, _written_bytes(connection), attempts)

    def _finish_erasing(self, connection: duckdb.DuckDBPyConnection, host_id: str) -> None:
        """Erase what hosts have removed: after this share, or after one that was killed before it could."""

        def attempt() -> None:
            with self._attached(connection, read_only=False):
                erasing = [
                    host for (host,) in connection.execute(f"select distinct host_id from {LAKE}.{ERASING}").fetchall()
                ]
                if erasing:
                    _erase(connection, host_id)
                    connection.execute(
                        f"delete from {LAKE}.{ERASING} where host_id in (select unnest(?::varchar[]))", [erasing]
                    )

        catalog.again(attempt, self.target)

    def hosts(self) -> dict[str, tuple[str, int]]:
        """The name of each host by its id, and how many sessions it has shared."""
        import duckdb

        self.check()

        def attempt() -> dict[str, tuple[str, int]]:
            with self._attached(connection, read_only=True):
                found = connection.execute(
                    f"select host_id, any_value(host_name), count(session_id) from {LAKE}.{HOSTS} "
                    f"left join {LAKE}.{SESSIONS} using (host_id) group by host_id order by host_id"
                ).fetchall()
            return {host_id: (name, sessions) for host_id, name, sessions in found}

        with duckdb.connect(":memory:") as connection:
            return catalog.again(attempt, self.target)

    def remove(self, host_id: str) -> None:
        """Remove a host in one transaction, and erase its rows."""
        import duckdb

        def attempt() -> None:
            with self._attached(connection, read_only=False):
                known = _columns(connection)
                with _transaction(connection):
                    for name, columns in known.items():
                        column = HOST if HOST in columns else "host_id"
                        connection.execute(f"delete from {LAKE}.main.{quoted(name)} where {column} = ?", [host_id])
                    connection.execute(f"insert into {LAKE}.{ERASING} values (?)", [host_id])

        with duckdb.connect(":memory:") as connection:
            catalog.again(attempt, self.target)
            self._finish_erasing(connection, host_id)

    def maintain(self) -> None:
        """Keep the lake small: merge small files, rewrite those with removed rows, and remove old and abandoned ones.

        What was replaced within the last day stays, for builds that are reading it.
        """
        import duckdb

        def attempt() -> None:
            with self._attached(connection, read_only=False):
                if _is_erasing(connection):
                    _erase(connection, None)
                    connection.execute(f"delete from {LAKE}.{ERASING}")
                _compact(connection, _KEPT)

        with duckdb.connect(":memory:") as connection:
            catalog.again(attempt, self.target)

    def attach(self, connection: duckdb.DuckDBPyConnection) -> str:
        """Attach the lake read-only, as it is now: what is shared meanwhile is not seen."""
        self.check()

        def attempt() -> str:
            with self._attached(connection, read_only=True):
                found = connection.execute(f"select id from ducklake_current_snapshot('{LAKE}')").fetchone()
            snapshot = int(found[0]) if found else 0
            catalog.attach(connection, self.target, read_only=True, snapshot=snapshot)
            return str(snapshot)

        return catalog.again(attempt, self.target)


@contextmanager
def _transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    connection.execute("begin")
    try:
        yield
        connection.execute("commit")
    except BaseException:
        with suppress(Exception):
            connection.execute("rollback")
        raise


def _name(table: SharedTable) -> str:
    return f"{LAKE}.main.{quoted(table.name)}"


def _columns(connection: duckdb.DuckDBPyConnection) -> dict[str, set[str]]:
    """The columns of each table of the lake."""
    known: dict[str, set[str]] = {}
    for name, column in connection.execute(
        f"select tables.table_name, columns.column_name from {METADATA}.ducklake_table as tables "
        f"inner join {METADATA}.ducklake_column as columns on columns.table_id = tables.table_id "
        "where tables.end_snapshot is null and columns.end_snapshot is null"
    ).fetchall():
        known.setdefault(name, set()).add(column)
    return known


def _make_tables(
    connection: duckdb.DuckDBPyConnection, tables: Sequence[SharedTable], known: Mapping[str, set[str]]
) -> None:
    """Make the tables and columns that the lake does not have yet."""
    for name, columns in OWN_TABLES.items():
        if name not in known:
            connection.execute(f"create table {LAKE}.main.{name} ({columns})")
            # Hosts that write at once then change different files.
            connection.execute(f"alter table {LAKE}.main.{name} set partitioned by (host_id)")
    for table in tables:
        if table.name not in known:
            declared = ", ".join(f"{quoted(name)} {kind}" for name, kind in table.columns)
            connection.execute(f"create table {_name(table)} ({declared})")
            connection.execute(f"alter table {_name(table)} set partitioned by ({HOST}, {MONTH})")
            continue
        for name, kind in table.columns:
            if name not in known[table.name]:
                connection.execute(f"alter table {_name(table)} add column {quoted(name)} {kind}")


def _insert(connection: duckdb.DuckDBPyConnection, table: SharedTable, rows: str) -> int:
    inserted = connection.execute(f"insert into {_name(table)} by name {rows}").fetchone()
    return int(inserted[0]) if inserted else 0


def _replace_host_rows(connection: duckdb.DuckDBPyConnection, table: SharedTable, host_id: str) -> int:
    """Remove the rows of no session that are no longer there, and add those that are new."""
    connection.execute(f"create or replace temp table host_row as {table.host_rows}")
    shared = f"select {ROW} from {_name(table)} where {HOST} = {literal(host_id)} and {ROW} is not null"
    connection.execute(
        f"delete from {_name(table)} where {HOST} = ? and {ROW} is not null "
        f"and {ROW} not in (select {ROW} from host_row)",
        [host_id],
    )
    return _insert(connection, table, f"select * from host_row where {ROW} not in ({shared})")


def _note(connection: duckdb.DuckDBPyConnection, shipment: Shipment, marks: dict[str, str]) -> None:
    """Note the host, its sessions and the marks of its other rows."""
    host = shipment.host
    if shipment.choice.replaces:
        connection.execute(
            f"delete from {LAKE}.{SESSIONS} where host_id = ? and session_id in (select session_id from {LEAVING})",
            [host.host_id],
        )
    if shipment.choice.session_count:
        connection.execute(
            f"insert into {LAKE}.{SESSIONS} select ?, session_id, stamp, line_count, last_line_at, month from {SENDING}",
            [host.host_id],
        )
    for name, mark in marks.items():
        connection.execute(f"delete from {LAKE}.{MARKS} where host_id = ? and table_name = ?", [host.host_id, name])
        connection.execute(f"insert into {LAKE}.{MARKS} values (?, ?, ?)", [host.host_id, name, mark])
    connection.execute(f"delete from {LAKE}.{HOSTS} where host_id = ?", [host.host_id])
    connection.execute(
        f"insert into {LAKE}.{HOSTS} by name select ? as host_id, ? as host_name, "
        "cast(now() at time zone 'UTC' as timestamp) as shared_at, ? as agent_store_version, "
        "columns(c -> c in ('tables_fingerprint', 'timezone', 'file_count', 'landed_line_count', 'set_aside_line_count', "
        "'landed_bytes')) from agent_store.main.store_build",
        [host.host_id, host.host_name, __version__],
    )


def _written_bytes(connection: duckdb.DuckDBPyConnection) -> int:
    """The bytes of all files of the last transaction."""
    found = connection.execute(
        f"""
        select coalesce(sum(file_size_bytes), 0)::bigint
        from (
            select file_size_bytes, begin_snapshot from {METADATA}.ducklake_data_file
            union all
            select file_size_bytes, begin_snapshot from {METADATA}.ducklake_delete_file
        )
        where begin_snapshot = (select id from ducklake_last_committed_snapshot('{LAKE}'))
        """
    ).fetchone()
    return int(found[0]) if found else 0


def _compact(connection: duckdb.DuckDBPyConnection, kept: str) -> None:
    """Rewrite the files that have removed rows, merge small ones, and remove what is older than an interval.

    Files that are no part of the lake are left by shares that were killed: one that is a day old is no longer written to.
    """
    for call in (
        f"ducklake_rewrite_data_files('{LAKE}', delete_threshold => 0)",
        f"ducklake_merge_adjacent_files('{LAKE}')",
        f"ducklake_expire_snapshots('{LAKE}', older_than => now() - {kept})",
        f"ducklake_cleanup_old_files('{LAKE}', older_than => now() - {kept})",
    ):
        _call(connection, call)
    abandoned = f"ducklake_delete_orphaned_files('{LAKE}', older_than => now() - {_KEPT}"
    found = connection.execute(f"select path from {abandoned}, dry_run => true)").fetchall()
    # DuckLake takes every Parquet file below the place of the rows for its own.
    if found and all(_OWN_FILE.search(path) for (path,) in found):
        _call(connection, f"{abandoned})")


def _is_erasing(connection: duckdb.DuckDBPyConnection) -> bool:
    return connection.execute(f"select 1 from {LAKE}.{ERASING} limit 1").fetchone() is not None


def _call(connection: duckdb.DuckDBPyConnection, call: str) -> None:
    # Not as a table of a query: DuckDB leaves such a call out if none of its columns is read. Its rows are not fetched:
    # they have times with a zone, for which Python needs another package.
    connection.execute(f"call {call}")


def _erase(connection: duckdb.DuckDBPyConnection, host_id: str | None) -> None:
    """Make sure that rows which were removed are in no file, and their texts not among the bounds in the catalog.

    A build that reads an earlier state of the lake fails, and is run again: it would publish what was removed.
    """
    _call(connection, f"ducklake_rewrite_data_files('{LAKE}', delete_threshold => 0)")
    _call(connection, f"ducklake_expire_snapshots('{LAKE}', older_than => now())")
    _call(connection, f"ducklake_cleanup_old_files('{LAKE}', cleanup_all => true)")
    if host_id is not None:
        _remove_abandoned(connection, host_id)
    connection.execute(_NARROW_BOUNDS)


def _remove_abandoned(connection: duckdb.DuckDBPyConnection, host_id: str) -> None:
    """Remove files of this host, which is not writing now, that belong to no transaction: a share was killed.

    In object storage `maintain` does, after a day.
    """
    found = connection.execute(
        f"select path from ducklake_delete_orphaned_files('{LAKE}', dry_run => true, cleanup_all => true)"
    ).fetchall()
    for (path,) in found:
        if f"={host_id}/" in path and "://" not in path:
            Path(path).unlink(missing_ok=True)
