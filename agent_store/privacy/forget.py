"""Forgetting: permanently remove a session, a project, a user, a time or a file from the store.

The published store identifies the sessions; the landed lines give the ids by which their lines and all copies are
recognised. Then the hashes of these ids are stored, and the next build removes everything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agent_store.build.lock import build_lock
from agent_store.errors import StoreError
from agent_store.library import building
from agent_store.privacy import archive, forgotten, landing_policy, purge
from agent_store.privacy.salt import read_salt
from agent_store.serve.export import known
from agent_store.store import open_store
from ingest.privacy.fields import EVENT_TABLE, HISTORY_TABLE, LINE_TABLES, RESPONSE_TABLE, TRANSCRIPT_TABLE
from ingest.privacy.policy import is_below
from ingest.privacy.tombstones import (
    MESSAGE,
    SESSION,
    TEXT,
    Tombstones,
    hash_of,
    hashes_of,
    message_of,
    names_to_forget,
    parsed,
    session_of_file,
    sessions_named,
    sessions_of,
)
from ingest.warehouse import has_table, reading

if TYPE_CHECKING:
    from agent_store.paths import StorePaths

SESSIONS, PROJECT, USER, BEFORE, FILE = "session", "project", "user", "before", "file"
_SESSIONS: Final = """
    select session_id, title, project_name, project_path, user_id, started_at, ended_at, coalesce(working_dir, '')
    from dim_session
"""
_MILLISECONDS: Final = 1000
# Kinds of files whose place does not make their sessions be selected.
_NOT_BY_PLACE: Final = frozenset({"events", "session_environment"})
_USER_ID: Final = r'"user_id"\s*:\s*"([^"\\]+)"'


@dataclass(frozen=True, slots=True)
class Wish:
    """A request to forget: the criterion, and its value."""

    by: str
    value: str

    @property
    def before(self) -> datetime:
        """The moment before which everything is removed. Raises StoreError if the value is not a date."""
        try:
            return datetime.combine(date.fromisoformat(self.value), datetime.min.time())
        except ValueError as error:
            raise StoreError(f"{self.value!r} is not a date.", "Write it as 2026-03-01.") from error


@dataclass(slots=True)
class Selection:
    """Everything that would be removed."""

    wish: Wish
    # Session id → title, project, when it ended.
    sessions: dict[str, tuple[str | None, str | None, datetime | None]] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    hashes: set[str] = field(default_factory=set)
    # Logs that contain it: the user's own, which are never removed.
    sources: list[str] = field(default_factory=list)
    # Sessions that stay, and keep lines that were copied from them.
    kept_in: list[str] = field(default_factory=list)
    # Patterns of files whose contents are removed.
    files: tuple[str, ...] = ()

    @property
    def line_count(self) -> int:
        """How many landed lines would be removed."""
        return sum(self.lines.values())

    def __bool__(self) -> bool:
        """Whether anything would be removed."""
        return bool(self.lines or self.files)


def select(paths: StorePaths, wish: Wish) -> Selection:
    """Everything that a request covers. The store must be up to date; nothing is changed."""
    found = Selection(wish)
    _select_sessions(paths, found)
    if wish.by == FILE:
        found.files = (wish.value,)
    collect(paths, found)
    return found


def collect(paths: StorePaths, found: Selection) -> None:
    """Add the lines of the selected sessions, and lines requested by themselves, with the ids that identify them."""
    with reading(paths.warehouse) as connection:
        if connection is not None:
            _select_lines(connection, paths, found)


def _select_sessions(paths: StorePaths, found: Selection) -> None:
    wish = found.wish
    policy = landing_policy(paths)
    users = {wish.value, policy.user(wish.value)}
    before = wish.before if wish.by == BEFORE else None
    with open_store(paths) as connection:
        rows = connection.execute(_SESSIONS).fetchall()
    for session, title, name, path, user, started, ended, folder in rows:
        last = ended or started
        if (
            (wish.by == SESSIONS and session == wish.value)
            or (wish.by == PROJECT and (name == wish.value or _is_in(wish.value, path, folder)))
            or (wish.by == USER and user in users)
            or (before is not None and last is not None and last < before)
        ):
            found.sessions[session] = (title, name, ended)
    _select_expired(paths, found, users, before)
    if wish.by == SESSIONS:  # also one that is landed, but not in the store
        found.sessions.setdefault(wish.value, (None, None, None))


def _select_expired(paths: StorePaths, found: Selection, users: set[str], before: datetime | None) -> None:
    """Add expired sessions: their lines are gone, but their costs and an archive remain."""
    wish = found.wish
    with reading(paths.warehouse) as connection:
        rows = [] if connection is None or not has_table(connection, "expired_row") else connection.execute(
            "select session_id, row_json from raw.expired_row where relation = 'session'"
        ).fetchall()  # fmt: skip
    count = 0
    for session, text in rows:
        of_session = parsed(text) or {}
        name, path, ended = (of_session.get(one) for one in ("project_name", "project_path", "ended_at"))
        last = datetime.fromisoformat(ended) if ended else None
        if (
            (wish.by == SESSIONS and session == wish.value)
            or (wish.by == PROJECT and (name == wish.value or _is_in(wish.value, path)))
            or (wish.by == USER and of_session.get("user_id") in users)
            or (before is not None and last is not None and last < before)
        ):
            found.sessions.setdefault(session, (None, name, last))
            count += 1
    if count:
        found.lines["expired_row"] = count


def _is_in(pattern: str, *folders: str | None) -> bool:
    return any(is_below(folder, pattern) for folder in folders if folder)


def _select_lines(connection: Any, paths: StorePaths, found: Selection) -> None:  # noqa: ANN401 - DuckDB's connection
    salt = read_salt(paths)
    files: dict[int, str | None] = {}
    places: dict[int, str] = {}
    for file_id, kind, root, path in connection.execute(
        "select file_id, kind, root, path from raw.source_file"
    ).fetchall():
        session = session_of_file(kind, path)
        if (
            found.wish.by == FILE
            and kind not in _NOT_BY_PLACE
            and is_below(f"{root}/{path}", found.wish.value)
            and session
        ):
            found.sessions.setdefault(session, (None, None, None))
        files[file_id] = session
        places[file_id] = f"{root.rstrip('/')}/{path}"
    _select_set_aside(connection, found)
    found.hashes |= {hash_of(SESSION, session, salt) for session in found.sessions}
    copies = _Copies(connection, found)
    users = {found.wish.value, landing_policy(paths).user(found.wish.value)}
    messages: dict[bool, set[str]] = {True: set(), False: set()}
    for table in LINE_TABLES:
        landed = ((files.get(file_id), text) for file_id, text in _lines(connection, table))
        for session, text in chain(landed, archive.lines(paths, table)):
            value = parsed(text)
            named = sessions_named(text) if value is None else sessions_of(value, table)
            of_session = session in found.sessions or any(one in found.sessions for one in named)
            is_copy = value is not None and copies.is_of_another(value, of_session=of_session)
            message = message_of(value) if value is not None and table == TRANSCRIPT_TABLE else None
            if isinstance(message, str) and not is_copy:
                messages[of_session].add(message)
            if not of_session and not _is_wanted_line(found.wish, users, value, text, table):
                continue
            if value is None:
                found.hashes |= {hash_of(TEXT, text, salt)} if table != TRANSCRIPT_TABLE else set()
            elif not is_copy:
                found.hashes |= hashes_of(names_to_forget(value, text, table), salt)
    # A response is identified by its message; an id that others share identifies nothing.
    found.hashes |= {hash_of(MESSAGE, one, salt) for one in messages[True] - messages[False]}
    found.kept_in = sorted(copies.owners)
    holders = _count(connection, found, files, Tombstones(frozenset(found.hashes), salt))
    if holders and not found.lines:  # a session of which only the name of a file or folder was landed
        found.lines["source_file"] = len(holders)
    found.sources = sorted(_sources(connection, holders, places, paths))


def _select_set_aside(connection: Any, found: Selection) -> None:  # noqa: ANN401
    """Add sessions that the store leaves out because they failed a guard: their lines were landed anyway."""
    wish = found.wish
    for (session,) in connection.execute("select session_id from raw.set_aside_session").fetchall():
        rows = connection.execute(
            f"select coalesce(repaired_line, line) from raw.{TRANSCRIPT_TABLE} where contains(line, ?)",
            [session],
        ).fetchall()
        lines = [
            value
            for (text,) in rows
            if (value := parsed(text)) and session in sessions_of(value, TRANSCRIPT_TABLE)
        ]
        folders = {str(line["cwd"]) for line in lines if line.get("cwd")}
        ended = max((str(line["timestamp"]) for line in lines if line.get("timestamp")), default="")
        if (wish.by == PROJECT and _is_in(wish.value, *folders)) or (
            wish.by == BEFORE and ended and ended < wish.before.isoformat()
        ):
            found.sessions.setdefault(session, (None, None, None))


def _count(
    connection: Any,  # noqa: ANN401
    found: Selection,
    files: dict[int, str | None],
    tombstones: Tombstones,
) -> set[int]:
    """Count the lines to remove, by the same rule as the removal; return the files that contain them."""
    holders = {file_id for file_id, session in files.items() if session in found.sessions}
    for table in LINE_TABLES:
        for file_id, text in _lines(connection, table):
            if (file_id in holders and files[file_id] in found.sessions) or tombstones.why_line(text, table):
                found.lines[table] = found.lines.get(table, 0) + 1
                holders.add(file_id)
    return holders


class _Copies:
    """Lines of the selected sessions that were copied from another session, which keeps them: a fork starts with such
    lines."""

    def __init__(self, connection: Any, found: Selection) -> None:  # noqa: ANN401
        """Look up in the last build which session owns each line that several sessions share."""
        self._sessions = found.sessions
        self._owners: dict[str, str] = {}
        # Sessions that are not selected and keep the lines copied from them.
        self.owners: set[str] = set()
        if has_table(connection, "int_line_copy", "intermediate"):
            self._owners = dict(connection.execute(
                "select line_uuid, any_value(owner_session_id) from intermediate.int_line_copy "
                "where line_uuid is not null and is_copy and session_id <> owner_session_id group by line_uuid"
            ).fetchall())  # fmt: skip

    def is_of_another(self, line: dict[str, Any], *, of_session: bool) -> bool:
        """Whether a line is a copy: in a selected session, a copy from one that stays; elsewhere, a copy from a
        selected one."""
        forked = line.get("forkedFrom")
        owner = self._owners.get(str(line.get("uuid")))
        if owner is None and isinstance(forked, dict):
            owner = forked.get("sessionId")
        if not isinstance(owner, str) or (owner in self._sessions) == of_session:
            return False
        if of_session:
            self.owners.add(owner)
        return True


def _sources(connection: Any, holders: set[int], places: dict[int, str], paths: StorePaths) -> Iterator[str]:  # noqa: ANN401
    """The log files that still exist, including copies; not those in the home."""
    known = {places[file_id] for file_id in holders if file_id in places}
    rows = connection.execute(
        "select file_id, root, path from raw.file_location where vanished_at is null and file_id is not null"
    ).fetchall()
    known |= {f"{root.rstrip('/')}/{path}" for file_id, root, path in rows if file_id in holders}
    yield from (name for name in known if not Path(name).is_relative_to(paths.home) and Path(name).exists())


def _lines(connection: Any, table: str) -> Iterator[tuple[int, str]]:  # noqa: ANN401
    cursor = connection.cursor().execute(f"select file_id, coalesce(repaired_line, line) from raw.{table}")
    while rows := cursor.fetchmany(2_000):
        yield from ((file_id, text) for file_id, text in rows if text)


def _is_wanted_line(wish: Wish, users: set[str], value: dict[str, Any] | None, text: str, table: str) -> bool:
    """Whether a line without a session is requested by itself: from the prompt history, the spool, API responses."""
    if value is None or table == TRANSCRIPT_TABLE:
        return False
    if wish.by == USER:
        return any(found[1] in users for found in re.finditer(_USER_ID, text))
    if table == RESPONSE_TABLE:
        return False
    given = value.get("payload")
    payload: dict[str, Any] = given if isinstance(given, dict) else {}
    if wish.by == PROJECT:
        folders = (value.get("project"), payload.get("cwd"), payload.get("working_dir"))
        return any(isinstance(one, str) and is_below(one, wish.value) for one in folders)
    if wish.by == BEFORE:
        stamp = value.get("timestamp") if table == HISTORY_TABLE else value.get("received_at_ms")
        return (
            isinstance(stamp, (int, float))
            and stamp < wish.before.replace(tzinfo=UTC).timestamp() * _MILLISECONDS
        )
    if wish.by == SESSIONS and table == EVENT_TABLE:
        return wish.value in json.dumps(payload.get("sql") or "")  # a question about the session
    return False


def refresh(paths: StorePaths) -> None:
    """Build recent recordings, so that the store knows everything the request may refer to."""
    if not paths.store.exists() and not paths.warehouse.exists():
        raise StoreError("There is no store yet: nothing to forget.", "agent-store build makes it.")
    building.build(paths, only_recorded=True)


def forget(paths: StorePaths, wish: Wish, database: Path | None = None) -> dict[str, Any]:
    """Forget without asking. `database` is a copy of the store, which is rebuilt too.

    Returns `session_count`, `row_count` (rows removed from raw), `exports` (removed) and `sources` (logs that have it).
    """
    refresh(paths)
    found = select(paths, wish)
    return carry_out(paths, found, database) if found else {
        "session_count": 0, "row_count": 0, "exports": [], "sources": [],
    }  # fmt: skip


def carry_out(paths: StorePaths, found: Selection, database: Path | None = None) -> dict[str, Any]:
    """Forget the selection; see `forget`."""
    note(paths, found)
    exports = known.remove_all(paths)
    rows = purge.rebuild(paths, database)
    return {
        "session_count": len(found.sessions),
        "row_count": purge.landed_count(rows),
        "exports": [str(place) for place in exports], "sources": found.sources,
    }  # fmt: skip


def note(paths: StorePaths, found: Selection) -> None:
    """Record that the selection is forgotten; the next holder of the build lock removes it."""
    with build_lock(paths):
        # The journal comes first: if the process is killed after it, everything recorded is still removed.
        purge.begin(paths, forgets=True, applies=bool(found.files))
        forgotten.add(
            paths,
            found.wish.by,
            found.hashes,
            sessions=len(found.sessions),
            lines=found.line_count,
            files=found.files,
        )
