"""A lake as DuckLake: the catalog in Postgres, SQLite or a DuckDB file, the rows as Parquet by host and month."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from agent_store import __version__
from agent_store.errors import StoreError, explain
from agent_store.lake import extensions
from agent_store.lake.shipment import (
    LEAVING,
    SENDING,
    SharedTable,
    Shipment,
    host_row_marks,
    session_row_counts,
)
from agent_store.lake.target import HOST, LAKE, MONTH, ROW, Shared, Target, no_lake
from agent_store.paths import FOLDER_MODE
from agent_store.sql import literal, quoted

if TYPE_CHECKING:
    import duckdb

_T = TypeVar("_T")
# What the lake knows of its hosts, of the sessions that they shared, and of their rows of no session.
HOSTS, SESSIONS, MARKS = "lake_host", "lake_session", "lake_host_rows"
_OWN_TABLES: Final = {
    HOSTS: "host_id varchar, host_name varchar, shared_at timestamp, agent_store_version varchar, "
    "tables_fingerprint varchar, timezone varchar, file_count bigint, landed_line_count bigint, "
    "set_aside_line_count bigint, landed_bytes bigint",
    SESSIONS: "host_id varchar, session_id varchar, stamp varchar, line_count bigint, last_line_at timestamp, month date",
    MARKS: "host_id varchar, table_name varchar, mark varchar",
}
_EXTENSIONS: Final = {"postgres": "postgres_scanner", "sqlite": "sqlite_scanner"}
_REMOTE: Final = ("s3://", "gs://", "gcs://", "r2://", "az://", "http://", "https://")
# Several hosts may commit at once: the later one tries again. Together some two minutes.
_MOST_ATTEMPTS: Final = 12
_LONGEST_PAUSE_SECONDS: Final = 20.0
_CONFLICTS: Final = (
    "conflict", "could not serialize", "deadlock detected", "database is locked", "could not set lock", "already exists",
    "duplicate key",
)  # fmt: skip


@contextmanager
def opened(target: Target) -> Iterator[DuckLake]:
    """A lake on DuckLake."""
    yield DuckLake(target)


class DuckLake:
    """A lake whose catalog is a database."""

    def __init__(self, target: Target) -> None:
        """Remember the place; each operation opens the catalog itself."""
        self.target = target

    def stamps(self, host_id: str) -> dict[str, str]:
        """The stamp of each session that a host has shared; empty if the lake is new."""
        import duckdb

        if self._is_new_file():
            return {}
        with duckdb.connect(":memory:") as connection:
            return _again(lambda: self._stamps(connection, host_id), self.target)

    def _stamps(self, connection: duckdb.DuckDBPyConnection, host_id: str) -> dict[str, str]:
        with self._attached(connection, read_only=True):
            if not _has_table(connection, SESSIONS):
                return {}
            return dict(
                connection.execute(
                    f"select session_id, stamp from {LAKE}.{SESSIONS} where host_id = ?", [host_id]
                ).fetchall()
            )

    def write(self, shipment: Shipment) -> Shared:
        """Put a shipment into the lake in one transaction, which is tried again after a conflict."""
        attempts = 0

        def attempt() -> Shared:
            nonlocal attempts
            attempts += 1
            with self._attached(shipment.connection, read_only=False):
                return self._write(shipment, attempts)

        return _again(attempt, self.target)

    def _write(self, shipment: Shipment, attempts: int) -> Shared:
        connection = shipment.connection
        counts = session_row_counts(shipment)
        marks = host_row_marks(shipment)
        connection.execute("begin")
        try:
            _make_tables(connection, shipment.tables)
            known = dict(
                connection.execute(
                    f"select table_name, mark from {LAKE}.{MARKS} where host_id = ?", [shipment.host.host_id]
                ).fetchall()
            )
            rows = 0
            for table in shipment.tables:
                if shipment.replaces and table.has_sessions:
                    connection.execute(
                        f"delete from {_name(table)} where {HOST} = ? and session_id in (select session_id from {LEAVING})",
                        [shipment.host.host_id],
                    )
                if counts.get(table.name):
                    rows += _insert(connection, table, table.session_rows)
                if marks[table.name] != known.get(table.name, ""):
                    rows += _replace_host_rows(connection, table, shipment.host.host_id)
            _note(connection, shipment, {name: mark for name, mark in marks.items() if mark != known.get(name, "")})
            connection.execute("commit")
        except BaseException:
            with suppress(Exception):
                connection.execute("rollback")
            raise
        return Shared(shipment.session_count, shipment.gone_count, rows, 0, attempts)

    def attach(self, connection: duckdb.DuckDBPyConnection) -> str:
        """Attach the lake read-only, as it is now: what is shared meanwhile is not seen."""
        self.check()

        def attempt() -> str:
            with self._attached(connection, read_only=True):
                found = connection.execute(f"select max(snapshot_id) from ducklake_snapshots('{LAKE}')").fetchone()
            snapshot = int(found[0]) if found else 0
            self._attach(connection, read_only=True, snapshot=snapshot)
            return str(snapshot)

        return _again(attempt, self.target)

    def check(self) -> None:
        """Raise StoreError if nobody has shared anything there."""
        import duckdb

        is_new = self._is_new_file()
        if not is_new:
            with duckdb.connect(":memory:") as connection, self._attached(connection, read_only=True):
                is_new = not _has_table(connection, HOSTS)
        if is_new:
            raise no_lake(self.target)

    def _is_new_file(self) -> bool:
        return self.target.kind in {"duckdb", "sqlite"} and not Path(self.target.place).exists()

    @contextmanager
    def _attached(self, connection: duckdb.DuckDBPyConnection, *, read_only: bool) -> Iterator[None]:
        self._attach(connection, read_only=read_only)
        try:
            yield
        finally:
            connection.execute(f"detach {LAKE}")

    def _attach(
        self, connection: duckdb.DuckDBPyConnection, *, read_only: bool, snapshot: int | None = None
    ) -> None:
        data = self.target.data or (
            str(Path(self.target.place).with_suffix(".data")) if self.target.kind != "postgres" else ""
        )
        extensions.load(connection, "ducklake", *filter(None, (_EXTENSIONS.get(self.target.kind),)))
        if data.startswith(_REMOTE):
            extensions.load(connection, "httpfs")
            use_credentials(connection)
        elif not read_only:
            Path(self.target.place if self.target.kind != "postgres" else data or ".").parent.mkdir(
                mode=FOLDER_MODE, parents=True, exist_ok=True
            )
        # Rows in the catalog itself would be invisible to Spark and slower to write.
        options = ["data_inlining_row_limit 0"]
        options += [f"data_path {literal(data.rstrip('/') + '/')}"] if data else []
        options += ["read_only"] if read_only else []
        options += [f"snapshot_version {snapshot}"] if snapshot is not None else []
        connection.execute(f"attach {literal('ducklake:' + self._catalog())} as {LAKE} ({', '.join(options)})")

    def _catalog(self) -> str:
        if self.target.kind == "sqlite":
            return f"sqlite:{self.target.place}"
        if self.target.kind == "postgres":
            return f"postgres:{self.target.place}"
        return self.target.place


def use_credentials(connection: duckdb.DuckDBPyConnection) -> None:
    """Let DuckDB use the user's credentials for object storage, from the usual environment variables."""
    names = {"key_id": "AWS_ACCESS_KEY_ID", "secret": "AWS_SECRET_ACCESS_KEY", "session_token": "AWS_SESSION_TOKEN",
        "region": "AWS_REGION"}  # fmt: skip
    given = {option: os.environ[name] for option, name in names.items() if os.environ.get(name)}
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
    if endpoint:
        scheme, _, place = endpoint.partition("://")
        given |= {"endpoint": place.rstrip("/"), "url_style": "path", "use_ssl": str(scheme == "https").lower()}
    if given:
        options = ", ".join(f"{option} {literal(value)}" for option, value in given.items())
        connection.execute(f"create or replace temporary secret lake_storage (type s3, {options})")


def _has_table(connection: duckdb.DuckDBPyConnection, name: str) -> bool:
    found = connection.execute(
        "select count(*) from duckdb_tables() where database_name = ? and table_name = ?", [LAKE, name]
    ).fetchone()
    return bool(found and found[0])


def _name(table: SharedTable) -> str:
    return f"{LAKE}.main.{quoted(table.name)}"


def _make_tables(connection: duckdb.DuckDBPyConnection, tables: Sequence[SharedTable]) -> None:
    """Make the tables and columns that the lake does not have yet."""
    known: dict[str, set[str]] = {}
    for name, column in connection.execute(
        "select table_name, column_name from duckdb_columns() where database_name = ?", [LAKE]
    ).fetchall():
        known.setdefault(name, set()).add(column)
    for name, columns in _OWN_TABLES.items():
        if name not in known:
            connection.execute(f"create table {LAKE}.main.{name} ({columns})")
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
    if shipment.replaces:
        connection.execute(
            f"delete from {LAKE}.{SESSIONS} where host_id = ? and session_id in (select session_id from {LEAVING})",
            [host.host_id],
        )
    if shipment.session_count:
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


def _again(attempt: Callable[[], _T], target: Target) -> _T:
    """Try until there is no conflict with another host, with growing pauses. Errors are explained."""
    import duckdb

    for number in range(1, _MOST_ATTEMPTS + 1):
        try:
            return attempt()
        except duckdb.Error as error:
            text = str(error).lower()
            is_conflict = any(words in text for words in _CONFLICTS)
            if not is_conflict or number == _MOST_ATTEMPTS:
                advice = "Share again later: other hosts are writing." if is_conflict else ""
                raise explain(error, f"The lake {target.shown}") or StoreError(
                    f"The lake {target.shown} cannot be used: {str(error).strip().splitlines()[0]}", advice
                ) from error
            time.sleep(min(_LONGEST_PAUSE_SECONDS, 0.1 * 2**number) * (0.5 + random.random()))
    raise AssertionError("unreachable")
