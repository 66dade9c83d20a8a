"""Removes from the warehouse what was forgotten, has expired, or is excluded by a new policy, and rewrites its file.

Every step can be repeated safely: removed rows are not found again, and rows that already satisfy the policy stay.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ingest.amend import Amendment, amending
from ingest.files import private_files
from ingest.privacy import privacy
from ingest.privacy.fields import LINE_TABLES, RESPONSE_TABLE, TRANSCRIPT_TABLE
from ingest.privacy.folders import learn
from ingest.privacy.privacy import SCANNED_TEXTS
from ingest.privacy.tombstones import (
    EXPIRED,
    FORGOTTEN,
    SESSION,
    Tombstones,
    parsed,
    responses_session,
    session_of_file,
    sessions_named,
    sessions_of,
)
from ingest.raw_schema import SCHEMA, TABLES
from ingest.warehouse import BLOCK_BYTES, STORAGE_VERSION, log_of, note_policy, remove_database

if TYPE_CHECKING:
    import duckdb

# Computes a new value from an old one, given the `session` of its file.
_Change = Callable[..., Any]
POLICY: Final = "policy"
_ROWS_AT_ONCE: Final = 2_000
# Archive files that hold rows of raw.
RAW_PREFIX: Final = "raw_"
# Results of scans over lines, and the memory of how far they got: recomputed from the remaining lines.
_SCANNED_MEMORY: Final = ("code.transcripts", "tool_batch", "cwd_batch")
_COMPONENT_TABLES: Final = ("component_file", "component_version", "component_commit", "component_body")
_CODE_TABLES: Final = ("code_file", "code_document", "code_change")


@dataclass(slots=True)
class Purged:
    """How many rows were changed or removed, by table."""

    rows: dict[str, int] = field(default_factory=dict)

    def add(self, table: str, count: int) -> None:
        """Count rows of a table."""
        if count:
            self.rows[table] = self.rows.get(table, 0) + count


# --- forgetting and expiry


@dataclass(frozen=True, slots=True)
class Expiry:
    """Sessions older than the policy keeps, and the data kept from them."""

    expired_at: datetime
    expired_before: datetime
    kept_days: int
    # Folder for their rows, as Parquet; None where they are dropped.
    archive: Path | None
    # Relation, session and row in JSON: the data that dashboards need.
    rows: tuple[tuple[str, str, str], ...]

    @property
    def sessions(self) -> frozenset[str]:
        """The sessions that expire."""
        return frozenset(session for relation, session, _ in self.rows if relation == "session")


def erase_forgotten(connection: duckdb.DuckDBPyConnection, expiry: Expiry | None = None) -> Purged:
    """Erase every row of raw that was forgotten or has expired, and scan results from such rows; in one transaction.
    """
    purged = Purged()
    tombstones = privacy.current().policy.forgotten
    expired: dict[str, int] = {}
    connection.begin()
    gone = _Gone(connection, tombstones, expiry)
    files: dict[str, str] = {}
    for reason in (FORGOTTEN, EXPIRED):
        files[reason] = f"file_id in (select id from {reason}_files)"
        _hold(
            connection,
            f"{reason}_files",
            [file_id for file_id in gone.files if gone.why_file(file_id) == reason],
        )
    with amending(connection) as amendment:
        for table in (*LINE_TABLES, "document", "source_file"):
            rows = dict(files)
            if table in LINE_TABLES:
                whys = [
                    (row, gone.why_line(file_id, text, table))
                    for row, text, file_id in _texts(
                        connection, table, "coalesce(repaired_line, line), file_id"
                    )
                    if text is not None
                ]
                for reason, in_file in files.items():
                    _hold(connection, f"{reason}_rows", [row for row, why in whys if why == reason])
                    rows[reason] = f"rowid in (select id from {reason}_rows) or {in_file}"
            if expiry is not None and expiry.archive is not None and table != "source_file":
                _archive(connection, table, rows[EXPIRED], expiry.archive)
            purged.add(table, amendment.erase(table, rows[FORGOTTEN], FORGOTTEN))
            if count := amendment.erase(table, rows[EXPIRED], EXPIRED):
                expired[table] = count
                purged.add(table, count)
    _delete(connection, purged, "file_location", " or ".join(files.values()))
    for table in ("set_aside_session", "expired_row"):
        sessions = connection.execute(f"select distinct session_id from raw.{table}").fetchall()
        _hold(
            connection,
            "gone_sessions",
            [one for (one,) in sessions if tombstones.has(SESSION, one)],
            "varchar",
        )
        _delete(connection, purged, table, "session_id in (select id from gone_sessions)")
    _forget_scans(connection, purged)
    if expiry is not None:
        _keep(connection, expiry, expired, gone.expired)
    connection.commit()
    return purged


class _Gone:
    """Which rows of raw have been forgotten, and which expire now: everything landed from a session, whatever its
    time.

    Sessions that expired earlier are not searched: nothing would be kept of them.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, tombstones: Tombstones, expiry: Expiry | None
    ) -> None:
        """Learn the session of each file."""
        self._tombstones = tombstones
        self._expiring = frozenset[str]() if expiry is None else expiry.sessions
        self.files: dict[int, str | None] = {}
        self._answered: dict[int, str] = {}
        # The expired sessions for which rows were found.
        self.expired: set[str] = set()
        for file_id, kind, path, logical_path in connection.execute(
            "select file_id, kind, path, logical_path from raw.source_file"
        ).fetchall():
            self.files[file_id] = session_of_file(kind, path)
            self._answered[file_id] = responses_session(logical_path)

    def why_file(self, file_id: int) -> str | None:
        """Why a file is removed with all its content, None where it stays."""
        session = self.files[file_id]
        if self._tombstones.has(SESSION, session):
            return FORGOTTEN
        return self._expires(session)

    def why_line(self, file_id: int, text: str, table: str) -> str | None:
        """Why a line is removed, None where it stays."""
        if self._tombstones.why_line(text, table) == FORGOTTEN:
            return FORGOTTEN
        if not self._expiring:
            return None
        value = parsed(text)
        named = list(sessions_named(text) if value is None else sessions_of(value, table, with_forked=False))
        if table == TRANSCRIPT_TABLE:
            # As in staging: a line belongs to the session of its file, except in an event stream.
            is_of_file = value is None or value.get("sessionId") or not value.get("session_id")
            if is_of_file and (session := self.files.get(file_id)):
                named = [session]
        elif table == RESPONSE_TABLE and not named:
            named = [self._answered.get(file_id, "")]
        for session in named:
            if self._expires(session):
                return EXPIRED
        return EXPIRED if self._tombstones.is_copy(value, text, table) else None

    def _expires(self, session: str | None) -> str | None:
        if session not in self._expiring or session is None:
            return None
        self.expired.add(session)
        return EXPIRED


def _archive(connection: duckdb.DuckDBPyConnection, table: str, condition: str, folder: Path) -> None:
    """Write the rows that meet a condition, with their files, into an archive."""
    of_table = (
        f"from raw.{table} as t inner join raw.source_file as files using (file_id) "
        f"where t.rowid in (select rowid from raw.{table} where {condition})"
    )
    found = connection.execute(f"select count(*) {of_table}").fetchone()
    if found and found[0]:
        with private_files():
            connection.execute(
                f"copy (select files.kind, files.root, files.path, t.* exclude (row_salt, row_hash) {of_table}) "
                f"to {_literal(folder / f'{RAW_PREFIX}{table}.parquet')} (format parquet, compression zstd)"
            )


def _keep(
    connection: duckdb.DuckDBPyConnection, expiry: Expiry, counts: Mapping[str, int], gone: Collection[str]
) -> None:
    """Keep the data that dashboards need of the removed sessions, and the amount removed."""
    # Rows that are not erased will be counted again.
    kept = [row for row in expiry.rows if row[1] in gone]
    sessions = {session for _, session, _ in kept}
    import pyarrow as pa

    columns = [pa.array(values, pa.string()) for values in zip(*kept, strict=True)] or [
        pa.array([], pa.string())
    ] * 3
    connection.register("kept_rows", pa.table(columns, names=["relation", "session_id", "row_json"]))
    # The rows of a resumed session cover both parts; a separate row records when each part took place.
    connection.execute(
        "delete from raw.expired_row where relation <> 'session' and session_id in (select session_id from kept_rows)"
    )
    connection.execute(
        "insert into raw.expired_row (relation, session_id, row_json, expired_at) "
        "select relation, session_id, row_json, ? from kept_rows",
        [expiry.expired_at],
    )
    connection.unregister("kept_rows")
    archive = None if expiry.archive is None else str(expiry.archive)
    connection.executemany(
        "insert into raw.expiry (expired_at, expired_before, kept_days, table_name, row_count, session_count, archive) "
        "values (?, ?, ?, ?, ?, ?, ?)",
        [
            [expiry.expired_at, expiry.expired_before, expiry.kept_days, table, count, len(sessions), archive]
            for table, count in (counts or {TRANSCRIPT_TABLE: 0}).items()
        ],
    )


def _forget_scans(connection: duckdb.DuckDBPyConnection, purged: Purged) -> None:
    """Remove scan results from removed lines, and folders that no remaining line names."""
    _delete(connection, purged, "contract_version", "origin = 'transcript'")
    _delete(
        connection,
        purged,
        "contract_field",
        "content_hash not in (select content_hash from raw.contract_version)",
    )
    connection.execute(
        r"""
        create or replace temp table gone_folders as
        select folder as id from raw.scan_folder
        where origin = 'project' and not exists (
            select 1 from (
                select distinct replace(replace(
                    regexp_extract(coalesce(repaired_line, line), '"cwd":\s?"([^"]+)"', 1), '\\', '\'), '\/', '/'
                ) as cwd
                from raw.transcript_line
            ) as named
            where named.cwd = folder or starts_with(named.cwd, folder || '/')
        )
        """
    )
    in_folder = "exists (select 1 from gone_folders where {0} = id or starts_with({0}, id || '/'))"
    for table in _COMPONENT_TABLES:
        _delete(connection, purged, table, in_folder.format("root"))
    for table in _CODE_TABLES:
        _delete(connection, purged, table, in_folder.format("repository"))
    _delete(connection, purged, "scan_folder", "folder in (select id from gone_folders)")
    # Ranges that agents read are read again from the remaining lines: a chunk may come from several.
    _delete(connection, purged, "code_read", "true")
    _drop_orphans(connection, purged)
    _hold(connection, "gone_memory", _SCANNED_MEMORY, "varchar")
    _delete(connection, purged, "scan_memory", "name in (select id from gone_memory)")


# --- a new policy


def apply_policy(connection: duckdb.DuckDBPyConnection) -> Purged:
    """Apply the policy in force to everything landed; in one transaction. Content removed earlier stays removed."""
    purged = Purged()
    policy = privacy.current()
    connection.begin()
    sessions = learn(connection)
    with amending(connection) as amendment:
        for table in LINE_TABLES:
            line = partial(policy.line, table=table, is_landed=True)
            columns: dict[str, _Change] = {
                "line": line, "repaired_line": line, "original_bytes": lambda raw, **_: policy.data(raw),
            }  # fmt: skip
            purged.add(table, _rewrite(connection, amendment, table, columns, sessions))
        documents = connection.execute(
            "select kind, list(file_id) from raw.source_file group by kind"
        ).fetchall()
        for kind, file_ids in documents:
            content: dict[str, _Change] = {"content": partial(policy.document, kind=kind, is_landed=True)}
            _hold(connection, "files_of_kind", file_ids)
            where = "file_id in (select id from files_of_kind)"
            purged.add("document", _rewrite(connection, amendment, "document", content, sessions, where))
    for table, holders in SCANNED_TEXTS.items():
        for column, holder in holders.items():
            purged.add(table, _update(connection, table, column, holder))
    purged.add("expired_row", _update_values(connection, "expired_row", "row_json", "''", policy.kept_row))
    _drop_code(connection, purged)
    note_policy(connection, is_applied=True)
    connection.commit()
    return purged


def _drop_code(connection: duckdb.DuckDBPyConnection, purged: Purged) -> None:
    """Remove repository files whose contents the policy drops: scans no longer read them."""
    policy = privacy.current().policy
    if not policy.dropped_files:
        return
    for table in _CODE_TABLES:
        rows = connection.execute(f"select rowid, repository, path from raw.{table}").fetchall()
        _hold(
            connection,
            "gone_rows",
            [row for row, folder, path in rows if policy.drops_file(f"{folder}/{path}")],
        )
        _delete(connection, purged, table, "rowid in (select id from gone_rows)")
    _drop_orphans(connection, purged)


def _drop_orphans(connection: duckdb.DuckDBPyConnection, purged: Purged) -> None:
    """Remove chunks, symbols and vectors of contents that no file or read refers to any more."""
    kept = " union all ".join(
        f"select blob_id from raw.{table}" for table in ("code_document", "code_file", "code_read")
    )
    for table in ("code_chunk", "code_symbol"):
        _delete(connection, purged, table, f"blob_id not in ({kept})")
    _delete(connection, purged, "code_vector", "true")


def _rewrite(
    connection: duckdb.DuckDBPyConnection,
    amendment: Amendment,
    table: str,
    columns: dict[str, _Change],
    sessions: Mapping[int, str | None],
    where: str = "true",
) -> int:
    """Replace the values of some columns of a chained table where they change; returns the number of changed rows.

    The function that computes a new value gets the session of its file.
    """
    count = 0
    names = list(columns)
    # Only the current rows: rows rewritten meanwhile are not read again.
    last = connection.execute(f"select coalesce(max(rowid), -1) from raw.{table}").fetchone()
    order = "file_id, line_number, part_number" if table in LINE_TABLES else "file_id, rowid"
    connection.execute(
        f"create or replace temp table to_look_at as select rowid as row, row_number() over (order by {order}) as place "
        f"from raw.{table} where rowid <= {last[0] if last else -1} and {where}"
    )
    place = 0
    while True:
        rows = connection.execute(
            f"select place, t.rowid, file_id, {', '.join(names)} from raw.{table} as t "
            "inner join to_look_at on to_look_at.row = t.rowid where place > ? order by place limit ?",
            [place, _ROWS_AT_ONCE],
        ).fetchall()
        if not rows:
            break
        place = rows[-1][0]
        changed = []
        for _, row, file_id, *values in rows:
            made = [
                None if old is None else columns[name](old, session=sessions.get(file_id))
                for name, old in zip(names, values, strict=True)
            ]
            if made != values:
                changed.append((row, *made))
        if changed:
            _register(connection, ["row", *names], changed)
            count += amendment.rewrite(table, "rewritten_values", POLICY)
            connection.unregister("rewritten_values")
    return count


def _update(
    connection: duckdb.DuckDBPyConnection, table: str, column: str, holder: tuple[str, ...] | None
) -> int:
    """Apply the policy to a column of a scanned table; returns the number of changed rows."""
    policy = privacy.current()
    if holder is None:
        return _update_values(connection, table, column, "''", partial(policy.text, is_landed=True))
    place = f"concat_ws('/', {', '.join(holder)})" if holder else "''"
    return _update_values(connection, table, column, place, partial(policy.content, is_landed=True))


def _update_values(
    connection: duckdb.DuckDBPyConnection, table: str, column: str, given: str, change: _Change
) -> int:
    """Replace the values of a column where they change; returns the number of changed rows. `change` gets the value,
    and `given`.
    """
    changed = []
    for row, text, more in connection.execute(
        f"select rowid, {column}, {given} from raw.{table} where {column} is not null"
    ).fetchall():
        made = change(text, more) if more else change(text)
        if made != text:
            changed.append((row, made))
    if changed:
        _register(connection, ["row", column], changed)
        connection.execute(
            f"update raw.{table} set {column} = given.{column} from rewritten_values as given "
            f"where given.row = raw.{table}.rowid"
        )
        connection.unregister("rewritten_values")
    return len(changed)


def _register(connection: duckdb.DuckDBPyConnection, names: Sequence[str], rows: list[Any]) -> None:
    import pyarrow as pa

    types = {"row": pa.int64(), "original_bytes": pa.binary()}
    arrays = [
        pa.array(values, types.get(name, pa.string()))
        for name, values in zip(names, zip(*rows, strict=True), strict=True)
    ]
    connection.register("rewritten_values", pa.table(arrays, names=list(names)))


# --- the file


def compact(warehouse: Path) -> None:
    """Write the raw tables into a new file that replaces the warehouse: no freed block keeps a byte.

    Everything except raw is left out: it is rebuilt from raw. Nobody may have the warehouse open.
    """
    import duckdb

    fresh = warehouse.with_name(f"{warehouse.name}.fresh")
    remove_database(fresh)
    try:
        _copy_raw(warehouse, fresh)
    except duckdb.Error:
        remove_database(fresh)  # a full disk needs the space
        raise
    with fresh.open("rb") as written:
        os.fsync(written.fileno())
    log_of(warehouse).unlink(missing_ok=True)
    fresh.replace(warehouse)


def _copy_raw(warehouse: Path, fresh: Path) -> None:
    import duckdb

    with private_files(), duckdb.connect() as connection:
        connection.execute("set autoinstall_known_extensions = false; set autoload_known_extensions = false")
        connection.execute("set threads = 1")
        connection.execute(
            f"set temp_directory = {_literal(fresh.with_suffix('.tmp'))}"
        )  # not in the folder of the caller
        connection.execute(f"attach {_literal(warehouse)} as old")
        connection.execute(
            "checkpoint old"
        )  # its log is removed before the new file takes its place; nothing is lost with it
        connection.execute(
            f"attach {_literal(fresh)} as fresh (storage_version '{STORAGE_VERSION}', block_size {BLOCK_BYTES})"
        )
        connection.execute(f"use fresh; begin; {SCHEMA} commit;")
        for table in TABLES:
            columns = connection.execute(
                "select string_agg(column_name, ', ' order by column_index) from duckdb_columns() "
                "where database_name = 'fresh' and schema_name = 'raw' and table_name = ?",
                [table],
            ).fetchone()
            names = columns[0] if columns else "*"
            connection.execute(f"insert into fresh.raw.{table} ({names}) select {names} from old.raw.{table}")
        connection.execute("checkpoint fresh")
        connection.execute("use memory; detach fresh; detach old")


def _literal(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


# --- helpers


def _texts(connection: duckdb.DuckDBPyConnection, table: str, column: str) -> Iterator[tuple[Any, ...]]:
    cursor = connection.execute(f"select rowid, {column} from raw.{table}")
    while rows := cursor.fetchmany(_ROWS_AT_ONCE):
        yield from rows


def _hold(
    connection: duckdb.DuckDBPyConnection, name: str, values: Sequence[object], data_type: str = "bigint"
) -> None:
    """Put values into a temporary table of one column, `id`."""
    connection.execute(f"create or replace temp table {name} (id {data_type})")
    if values:
        connection.execute(f"insert into {name} select unnest(?::{data_type}[])", [list(values)])


def _delete(connection: duckdb.DuckDBPyConnection, purged: Purged, table: str, condition: str) -> None:
    found = connection.execute(f"delete from raw.{table} where {condition}").fetchone()
    purged.add(table, int(found[0]) if found else 0)
