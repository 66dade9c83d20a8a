"""Retention of sessions: sessions older than the policy allows are removed from the store, and their costs per day are
kept.

This happens before a build lands, based on what the last build published: rows that dashboards need are kept in
raw.expired_row, the others are archived or dropped, and the build that follows rebuilds everything.
Sessions that share lines expire together, because lines repeated by a fork are counted in the original session.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from agent_store.build.state import read_state
from agent_store.build.warehouse import raw_summary
from agent_store.errors import StoreError
from agent_store.paths import STAR
from agent_store.privacy import archive, expiring, forgotten, purge
from agent_store.privacy.policy import read_policy
from agent_store.privacy.salt import read_salt
from agent_store.sql import literal
from agent_store.store import open_store
from ingest.privacy.fields import EVENT_TABLE, HISTORY_TABLE, RESPONSE_TABLE, TRANSCRIPT_TABLE
from ingest.privacy.tombstones import (
    DOCUMENT,
    FILE,
    MESSAGE,
    SESSION,
    TEXT,
    document_name,
    file_name,
    hash_of,
    parsed,
    responses_session,
    session_of_file,
    sessions_of,
    time_of,
)
from ingest.purge import Expiry
from ingest.warehouse import LandingError, has_table, reading

if TYPE_CHECKING:
    import duckdb

    from agent_store.paths import StorePaths

# Everything is rebuilt after it, so it is done only once in this many days.
EVERY: Final = timedelta(days=7)
_ROWS_AT_ONCE: Final = 2_000
# Titles are texts, so they are dropped. Of v_cost only the kinds that are not made from v_spending are kept.
_KEPT: Final = {
    "spending": "select session_id, to_json(t) "
    "from (select * replace (null as session_title) from agent_store.main.v_spending) as t",
    "cost": "select session_id, to_json(t) from agent_store.main.v_cost as t "
    "where kind in ('component', 'tool', 'mcp', 'skill', 'plugin', 'file')",
    "session": "select session_id, to_json(t) from (select session_id, project_name, project_path, user_id, started_at, "
    "ended_at from agent_store.main.dim_session) as t",
}


def carry_out(paths: StorePaths, say: Callable[[str], None], now: datetime | None = None) -> None:
    """Remove sessions older than the policy allows, if there are any and it is time.

    The build lock must be held, and neither database open. A failure is reported, and the next build tries again.
    """
    if paths.purge_journal.exists():
        return
    rule = read_policy(paths).retention if paths.privacy.exists() else None
    _agree(paths, is_on=rule is not None and rule.sessions is not None)
    if rule is None or rule.sessions is None or not _is_whole(paths):
        return
    import duckdb

    expired_at = (now or datetime.now(UTC).replace(tzinfo=None)).replace(microsecond=0)
    before = datetime.combine(expired_at.date() - timedelta(days=rule.sessions), datetime.min.time())
    try:
        with reading(paths.warehouse) as connection:
            if connection is None:
                return
            last = connection.execute("select max(expired_at) from raw.expiry").fetchone()
            if last and last[0] and last[0] >= expired_at - EVERY:
                return
            connection.execute(f"attach {literal(str(paths.star))} as {STAR} (read_only)")
            sessions = _older(connection, before)
            if not sessions:
                return
            salt = read_salt(paths)
            hashes = set(_hashes(connection, sessions, before, salt))
            ends = {hash_of(SESSION, one, salt): end for one, end in _ends(connection, sessions, before)}
            rows = tuple(_kept(connection, sessions))
            folder = archive.folder_of(paths, expired_at) if rule.expired == "archive" else None
            # The journal comes first: if the process is killed after it, the next build knows everything that is left
            # to do.
            purge.begin(paths, expires=True)
            expiring.write(paths, Expiry(expired_at, before, rule.sessions, folder, rows))
            if folder is not None:
                archive.write(connection, STAR, sorted(sessions), folder)
        _note(paths, hashes, len(sessions), expired_at, before, ends)
    except (OSError, duckdb.Error, LandingError) as error:
        purge.call_off(paths)
        say(_still_there(rule.sessions, str(error)))
        return
    purge.resume(paths)
    done = purge.read(paths)
    count = purge.landed_count(done.rows) if done else 0
    if not count:
        say(_still_there(rule.sessions, "their rows could not be archived."))
        return
    where = f"archived in {folder}" if folder else "dropped"
    say(
        f"{len(sessions):,} session{'' if len(sessions) == 1 else 's'} older than {rule.sessions} days {where}: "
        f"{count:,} landed rows. Their costs per day are kept."
    )


def _still_there(days: int, why: str) -> str:
    reason = (why.strip().splitlines() or [""])[0]
    return f"Sessions older than {days} days could not be removed: {reason} The next build tries again."


def _agree(paths: StorePaths, *, is_on: bool) -> None:
    """Make the records of expired sessions agree with what the warehouse has of them.

    If this is not the warehouse that they expired from, the data kept from them is gone too: their lines are landed
    again, and expire after the build. If the record is gone, it is restored, because lines would count twice.
    """
    noted = {entry.forgotten_at for entry in forgotten.read(paths).entries if entry.until}
    if not noted and not is_on:
        return
    import duckdb

    try:
        with reading(paths.warehouse) as connection:
            rows = [] if connection is None else connection.execute(
                "select expired_at, any_value(expired_before), (select list(distinct session_id) from raw.expired_row "
                "where expired_row.expired_at = expiry.expired_at) from raw.expiry group by expired_at order by expired_at"
            ).fetchall()  # fmt: skip
    except (OSError, duckdb.Error, LandingError):
        return  # landing reports what is wrong with the warehouse
    forgotten.call_off(paths, (expired_at for expired_at, *_ in rows))
    salt = read_salt(paths)
    for expired_at, before, sessions in rows:
        if sessions and forgotten.stamp(expired_at) not in noted:
            hashes = (hash_of(SESSION, session, salt) for session in sessions)
            _note(paths, hashes, len(sessions), expired_at, before)


def _note(
    paths: StorePaths,
    hashes: Iterable[str],
    session_count: int,
    expired_at: datetime,
    before: datetime,
    ends: Mapping[str, datetime] | None = None,
) -> None:
    """Record the hashes by which expired sessions are recognised. Their lines are counted in raw.expiry."""
    forgotten.add(
        paths, "retention", hashes, sessions=session_count, lines=0, expired_at=expired_at, until=before, ends=ends
    )


def _is_whole(paths: StorePaths) -> bool:
    """Whether the last build published everything landed, because the data to keep is read from it."""
    import duckdb

    state = read_state(paths)
    if (
        not state.tables_fingerprint
        or state.green_fingerprint != state.tables_fingerprint
        or state.rebuilding
    ):
        return False
    try:
        with open_store(paths) as connection:
            published = connection.execute("select last_batch_key from store_build").fetchone()
    except (StoreError, duckdb.Error):
        return False
    return published is not None and published[0] == raw_summary(paths).batch_key and paths.star.is_file()


def _older(connection: duckdb.DuckDBPyConnection, before: datetime) -> set[str]:
    """The sessions that ended before a time, if all sessions that share lines with them did too."""
    found = {
        session
        for (session,) in connection.execute(
            "select session_id from agent_store.main.dim_session where coalesce(ended_at, started_at) < ? "
            "and session_id <> 'unknown'",
            [before],
        ).fetchall()
    }
    found -= _mixed(connection)
    ties = connection.execute(
        "select session_id, tied_session_id from intermediate.int_session_tie where session_id <> tied_session_id"
    ).fetchall()
    while kept := {one for one, other in ties if one in found and other not in found}:
        found -= kept
    return found


def _mixed(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Sessions with lines in another session's file, and the sessions of such files, as in damaged logs: they stay.

    A file is removed whole, with its own session. Lines of another session in it would be lost without being kept.
    """
    if not has_table(connection, "stg_transcripts__line", "staging"):
        return set()
    rows = connection.execute(
        "select distinct lines.session_id, files.kind, files.path from staging.stg_transcripts__line as lines "
        "inner join raw.source_file as files using (file_id) where not lines.is_event_stream"
    ).fetchall()
    return {
        one
        for session, kind, path in rows
        if (owner := session_of_file(kind, path)) is not None and owner != session
        for one in (session, owner)
    }


def _hashes(
    connection: duckdb.DuckDBPyConnection, sessions: Iterable[str], before: datetime, salt: bytes
) -> Iterator[str]:
    """The hashes by which the sessions, and equally old lines without a session, are recognised."""
    wanted = set(sessions)
    for kind, path, size, mtime_ns in connection.execute(
        "select kind, source_file.path, file_location.size_bytes, mtime_ns "
        "from raw.file_location inner join raw.source_file using (file_id)"
    ).fetchall():
        if (session := session_of_file(kind, path)) in wanted:
            yield hash_of(FILE, file_name(session, size, mtime_ns), salt)
    files = connection.execute(
        "select kind, path, content_hash from raw.document inner join raw.source_file using (file_id)"
    ).fetchall()
    for kind, path, content_hash in files:
        if (session := session_of_file(kind, path)) in wanted:
            yield hash_of(DOCUMENT, document_name(session, content_hash), salt)
    for (message,) in connection.execute(
        "select distinct message_id from agent_store.main.fact_api_call "
        "where message_id is not null and session_id in (select unnest(?::varchar[]))",
        [list(wanted)],
    ).fetchall():
        yield hash_of(MESSAGE, message, salt)
    for table in (HISTORY_TABLE, EVENT_TABLE, RESPONSE_TABLE):
        for text, logical_path in connection.execute(
            "select coalesce(repaired_line, line), logical_path "
            f"from raw.{table} inner join raw.source_file using (file_id)"
        ).fetchall():
            line = parsed(text) if text else None
            if line is None or any(sessions_of(line, table)):
                continue
            if table == RESPONSE_TABLE:
                if responses_session(logical_path) in wanted:
                    yield hash_of(TEXT, text, salt)
                continue
            written_at = time_of(line, table)
            if written_at is not None and written_at < before:
                yield hash_of(TEXT, text, salt)


def _ends(
    connection: duckdb.DuckDBPyConnection, sessions: Iterable[str], before: datetime
) -> Iterator[tuple[str, datetime]]:
    """Just after the last landed line of each session: later lines have not been landed yet, and must be."""
    ends = dict.fromkeys(sessions, datetime(1, 1, 1))  # noqa: DTZ001 - as raw has times: UTC, without zone
    for table in (TRANSCRIPT_TABLE, HISTORY_TABLE, EVENT_TABLE):
        cursor = connection.cursor().execute(
            f"select kind, path, coalesce(repaired_line, line) from raw.{table} inner join raw.source_file using (file_id)"
        )
        while rows := cursor.fetchmany(_ROWS_AT_ONCE):
            for kind, path, text in rows:
                line = parsed(text) if text else None
                if line is None or (written_at := time_of(line, table)) is None or written_at >= before:
                    continue
                for session in (session_of_file(kind, path), *sessions_of(line, table)):
                    if session in ends:
                        ends[session] = max(ends[session], written_at)
    yield from ((session, end + datetime.resolution) for session, end in ends.items())


def _kept(connection: duckdb.DuckDBPyConnection, sessions: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """The rows of the sessions that dashboards need: relation, session, row as JSON."""
    for relation, sql in _KEPT.items():
        rows = connection.execute(
            f"select session_id, row from ({sql}) as kept(session_id, row) "
            "where session_id in (select unnest(?::varchar[])) order by all",
            [list(sessions)],
        ).fetchall()
        yield from ((relation, session, row) for session, row in rows)
