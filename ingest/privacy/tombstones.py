"""Hashes of the ids of forgotten and expired items, which are recognised when they come again, from any folder.

A line belongs to a session by its own `sessionId`, by the session it was forked from, or by its file. Copies in other
sessions are recognised by the line's `uuid`. Lines of the prompt history, of the spool and of API responses are also
recognised by their whole text.

For an expired session, only the lines up to a time are left out: somebody may resume it. A document has no time, so
it is recognised by its content.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b, md5
from typing import Any, Final

from ingest.privacy.fields import EVENT_TABLE, HISTORY_TABLE, RESPONSE_TABLE, TRANSCRIPT_TABLE

_DIGITS: Final = 16
SESSION: Final = "session"
LINE: Final = "line"
MESSAGE: Final = "message"
PROMPT: Final = "prompt"
TEXT: Final = "text"
DOCUMENT: Final = "document"
FILE: Final = "file"
# Why a line is left out, as recorded in raw.erased_row.
FORGOTTEN: Final = "forgotten"
EXPIRED: Final = "retention"
_MILLISECONDS: Final = 1000
# A clock may be wrong by this much; a later timestamp is ignored.
_AHEAD: Final = timedelta(days=1)
# Staging derives a file's session in the same way: `stg_transcripts__file`.
_ENDINGS: Final = (".jsonl.gz", ".jsonl", ".meta.json", ".json", ".txt")
_FOLDERS: Final = frozenset({"subagents", "tool-results", "workflows"})
_OF_FOLDER: Final = frozenset({"custom-title.json", "audit.jsonl", "audit.jsonl.gz"})
# For damaged lines; inside a text the quotes would be escaped.
_NAMED_SESSION: Final = r'"(?:sessionId|session_id)"\s*:\s*"([^"\\]{1,256})"'
_ENVIRONMENT: Final = "session_environment"
_OWN_FILES: Final = frozenset({"session", "other", _ENVIRONMENT})


def session_of_file(kind: str, path: str) -> str | None:
    """The session that a transcript file belongs to."""
    *folders, name = path.split("/")
    if kind in _OWN_FILES:
        ending = next((one for one in _ENDINGS if name.endswith(one) and name != one), "")
        return name.removesuffix(ending) or None
    for place, folder in enumerate(folders):
        if folder in _FOLDERS and place:
            return folders[place - 1] or None
    return folders[-1] if folders and name in _OF_FOLDER else None


def responses_session(logical_path: str) -> str:
    """The session that staging assigns to responses without one: `stg_api_responses__line`."""
    return f"responses-{md5(logical_path.encode(), usedforsecurity=False).hexdigest()[:12]}"


def hash_of(purpose: str, value: str, salt: bytes) -> str:
    """A salted hash of an id."""
    data = f"{purpose}\0{value}".encode("utf-8", "surrogatepass")
    return blake2b(data, key=salt[:64], digest_size=_DIGITS // 2).hexdigest()


@dataclass(frozen=True)
class Tombstones:
    """The hashes of everything in a home that has been forgotten or has expired."""

    hashes: frozenset[str] = frozenset()
    salt: bytes = b""
    # The hashes of expired items, with the time up to which their lines are left out: UTC, without zone.
    expired: Mapping[str, datetime] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether anything has been forgotten, or has expired."""
        return bool(self.hashes or self.expired)

    def has(self, purpose: str, value: object) -> bool:
        """Whether an item with that id has been forgotten."""
        return isinstance(value, str) and bool(value) and hash_of(purpose, value, self.salt) in self.hashes

    def expired_at(self, purpose: str, value: object) -> datetime | None:
        """When an item with that id expired; None if it has not."""
        if not self.expired or not isinstance(value, str) or not value:
            return None
        return self.expired.get(hash_of(purpose, value, self.salt))

    def why_file(self, kind: str, path: str, size: int, mtime_ns: int) -> str | None:
        """Why a file is left out: its session has been forgotten, or has expired and the file has not changed since.

        A folder of which only the name is landed says nothing new when it changes, and a copy of it has another time.
        """
        session = session_of_file(kind, path)
        if self.has(SESSION, session):
            return FORGOTTEN
        if kind == _ENVIRONMENT and self.expired_at(SESSION, session) is not None:
            return EXPIRED
        return EXPIRED if self.expired_at(FILE, file_name(session, size, mtime_ns)) is not None else None

    def has_expired_document(self, session: str | None, content_hash: str) -> bool:
        """Whether a session document has expired: its file may be a copy, so its time proves nothing."""
        return self.expired_at(DOCUMENT, document_name(session, content_hash)) is not None

    def why_line(self, text: str, table: str, file_session: str | None = None) -> str | None:
        """Why a line is left out, None if it is not; `text` is its landed form.

        `file_session` is the session of its file, which also applies to lines that name no session.
        """
        value = parsed(text)
        sessions = list(sessions_named(text) if value is None else sessions_of(value, table))
        if self._is_forgotten(value, sessions, text, table):
            return FORGOTTEN
        if not sessions and file_session is not None:
            sessions.append(file_session)
        if self.expired and (
            self._is_before_expiry(value, sessions, table) or self.is_copy(value, text, table)
        ):
            return EXPIRED
        return None

    def _is_forgotten(self, value: dict[str, Any] | None, sessions: list[str], text: str, table: str) -> bool:
        if any(self.has(SESSION, session) for session in sessions):
            return True
        if value is not None and any(self.has(purpose, one) for purpose, one in _names_of(value, table)):
            return True
        return table != TRANSCRIPT_TABLE and self.has(TEXT, text)

    def _is_before_expiry(self, value: dict[str, Any] | None, sessions: list[str], table: str) -> bool:
        written_at = time_of(value, table)
        if written_at is not None and written_at > datetime.now(UTC).replace(tzinfo=None) + _AHEAD:
            written_at = None
        untils = [until for one in sessions if (until := self.expired_at(SESSION, one)) is not None]
        return any(written_at is None or written_at < until for until in untils)

    def is_copy(self, value: dict[str, Any] | None, text: str, table: str) -> bool:
        """Whether a line has expired, or is a copy of an expired one in a session with another id: its cost has been
        counted.
        """
        if value is not None and self.expired_at(MESSAGE, message_of(value)):
            return True
        return table != TRANSCRIPT_TABLE and self.expired_at(TEXT, text) is not None


def time_of(line: Mapping[str, Any] | None, table: str) -> datetime | None:
    """The time in a line itself: UTC, without zone."""
    stamp = None if line is None else line.get("received_at_ms" if table == EVENT_TABLE else "timestamp")
    try:
        if isinstance(stamp, str):
            moment = datetime.fromisoformat(stamp)
            return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
        if isinstance(stamp, (int, float)):
            return datetime.fromtimestamp(stamp / _MILLISECONDS, UTC).replace(tzinfo=None)
    except (ValueError, OverflowError, OSError):
        return None
    return None


NOTHING_FORGOTTEN: Final = Tombstones()


def document_name(session: str | None, content_hash: str) -> str:
    """The name by which a session document is recognised."""
    return f"{session or ''}\0{content_hash}"


def file_name(session: str | None, size: int, mtime_ns: int) -> str:
    """The name by which a session file is recognised until somebody writes to it."""
    return f"{session or ''}\0{size}\0{mtime_ns}"


def parsed(text: str) -> dict[str, Any] | None:
    """A line as an object; None if it is not one."""
    import orjson

    try:
        value = orjson.loads(text)
    except (orjson.JSONDecodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def sessions_named(text: str) -> Iterator[str]:
    """The sessions named in a line that is not a JSON object, as far as it can be read."""
    yield from (found[1] for found in re.finditer(_NAMED_SESSION, text))


def sessions_of(line: Mapping[str, Any], table: str, *, with_forked: bool = True) -> Iterator[str]:
    """The sessions that a line claims to belong to; `with_forked`: also the one that it was copied from."""
    payload = line.get("payload")
    names = [line.get("sessionId"), line.get("session_id")]
    if with_forked and isinstance(forked := line.get("forkedFrom"), dict):
        names.append(forked.get("sessionId"))
    if table == EVENT_TABLE and isinstance(payload, dict):
        names.append(payload.get("session_id"))
    yield from (name for name in names if isinstance(name, str) and name)


def _names_of(line: Mapping[str, Any], table: str) -> Iterator[tuple[str, str]]:
    """The other names by which a line, or its subject, is known."""
    data = line.get("data")
    nested = data.get("message") if isinstance(data, dict) else None
    names: list[tuple[str, object]] = [(LINE, line.get("uuid"))]
    if isinstance(nested, dict):
        names.append((LINE, nested.get("uuid")))
    if line.get("type") == "summary":
        names.append((LINE, line.get("leafUuid")))
    if table == HISTORY_TABLE and not line.get("sessionId"):
        names.append((PROMPT, _prompt(line.get("project"), line.get("display"))))
    if table in {RESPONSE_TABLE, EVENT_TABLE}:
        names.append((MESSAGE, message_of(line)))
    yield from ((purpose, name) for purpose, name in names if isinstance(name, str) and name)


def names_to_forget(line: Mapping[str, Any], text: str, table: str) -> Iterator[tuple[str, str]]:
    """The names by which a line and its copies are recognised after it has been forgotten."""
    if table != TRANSCRIPT_TABLE:
        yield TEXT, text
    if table == EVENT_TABLE:
        return
    for purpose, name in _names_of(line, table):
        if not (purpose == LINE and line.get("type") == "summary" and name == line.get("leafUuid")):
            yield purpose, name
    message = line.get("message")
    if not isinstance(message, dict) or message.get("role") != "user":
        return
    content = message.get("content")
    if isinstance(content, str):
        yield PROMPT, _prompt(line.get("cwd"), content)
    for block in content if isinstance(content, list) else ():
        if isinstance(block, dict) and block.get("type") == "text" and isinstance(block.get("text"), str):
            yield PROMPT, _prompt(line.get("cwd"), block["text"])


def _prompt(folder: object, text: object) -> str:
    """The key of a prompt in an old history, which names no session: the folder in which it was typed, and its text.
    """
    return f"{folder}\0{text}"


def message_of(line: Mapping[str, Any]) -> object:
    """The id of the API response that a line is, or is about."""
    payload = line.get("payload")
    for holder in (line, line.get("message"), payload, line.get("result")):
        if isinstance(holder, dict):
            if isinstance(holder.get("message_id"), str):
                return holder["message_id"]
            if holder.get("type") == "message" and isinstance(holder.get("id"), str):
                return holder["id"]
            inner = holder.get("message")
            if isinstance(inner, dict) and isinstance(inner.get("id"), str):
                return inner["id"]
    return None


def hashes_of(names: Iterable[tuple[str, str]], salt: bytes) -> set[str]:
    """The hashes of names."""
    return {hash_of(purpose, name, salt) for purpose, name in names}
