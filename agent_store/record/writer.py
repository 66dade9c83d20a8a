"""A writer of records that a program can rely on: it never raises, and never waits for a build.

It keeps no file or connection open, so threads and forked processes can share one independently.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import md5
from itertools import count
from threading import Lock
from typing import TYPE_CHECKING, Any

import orjson

from agent_store.errors import StoreError, cause_of
from agent_store.record import spool
from agent_store.record.events import EVENTS, FIELDS
from agent_store.record.home import spool_for

if TYPE_CHECKING:
    from agent_store.paths import StorePaths

logger = logging.getLogger(__name__)

# One counter per process for all writers, so that no two lines of a millisecond are the same.
_SEQUENCE = count(1)
_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_UTC_Z
_MOST_DEPTH = 50
_LARGEST_INTEGER = 2**63
_MILLISECONDS = 1000


class Writer:
    """Appends events to the spool of a home. Errors are counted by kind, and each kind is reported once as a
    warning."""

    def __init__(self, paths: StorePaths, name: str, modules: frozenset[str] | None = None) -> None:
        """A writer of the kind `name` (see `spool`), only for events of the given modules, if any.

        Nothing is created or opened before the first event.
        """
        self.paths = paths
        self.name = name
        self.errors: Counter[str] = Counter()
        self._modules = modules
        self._folder = ""
        self._counting = Lock()

    def write(self, kind: str, fields: Mapping[str, Any]) -> str | None:
        """Append an event; return its id, or None if it could not be recorded. Never raises.

        The id is the caller's own if one of the fields is an id, else the key of the event: the md5 of its line.
        """
        try:
            return self._write(kind, {name: value for name, value in fields.items() if value is not None})
        except Exception as error:
            with suppress(Exception):
                self._failed(kind, error)
            return None

    def _write(self, kind: str, fields: dict[str, Any]) -> str:
        event = EVENTS.get(kind)
        if event is not None and self._modules is not None and not event.modules & self._modules:
            raise StoreError(
                f"the module {min(event.modules)} is not selected: nothing of kind {kind} is recorded",
                f"add it: schema_modules=[…, '{min(event.modules)}']",
            )
        own_id = None
        if event is not None:
            own_id = next((fields[name] for name in event.own_ids if name in fields), None)
        session = fields.pop("session_id", None)
        if "occurred_at" in fields:
            fields["occurred_at_ms"] = _milliseconds(fields.pop("occurred_at"))
        if other := fields.keys() - FIELDS:
            _into_metadata(fields, sorted(other))
        payload = encoded(fields)
        is_too_large = len(payload) > spool.MOST_BYTES
        if is_too_large:
            payload = b'{"dropped_bytes":%d}' % len(payload)
        line = spool.envelope(
            kind, payload, None if session is None else str(session), sequence=next(_SEQUENCE)
        )
        self._append(line)
        if is_too_large:
            raise StoreError(f"a record of more than {spool.MOST_BYTES:,} bytes lost its content")
        if own_id is not None:
            return str(own_id)
        return (event.prefix if event is not None else "") + md5(line, usedforsecurity=False).hexdigest()

    def _append(self, line: bytes) -> None:
        if not self._folder:
            self._folder = spool_for(self.paths)
        spool.append(self._folder, self.name, line)

    def _failed(self, kind: str, error: Exception) -> None:
        """Count the error; report the first of its kind."""
        what = error.message if isinstance(error, StoreError) else cause_of(error) or type(error).__name__
        # A forked process may inherit a lock held by a thread of its parent: do not wait for it forever.
        is_held = self._counting.acquire(timeout=1)
        try:
            self.errors[what] += 1
            is_first = self.errors[what] == 1
        finally:
            if is_held:
                self._counting.release()
        if is_first:
            more = error.hint if isinstance(error, StoreError) else str(error)
            logger.warning(
                "Agent Store could not record an event of kind %s: %s%s. Further errors like it are only counted.",
                kind, what, f" ({more})" if more else "",
            )  # fmt: skip


def _into_metadata(fields: dict[str, Any], names: list[str]) -> None:
    """Move fields that the reader does not know into the one that is stored unchanged."""
    given = fields.get("metadata", {})
    metadata = dict(given) if isinstance(given, Mapping) else {"metadata": given}
    fields["metadata"] = metadata | {name: fields.pop(name) for name in names}


def _milliseconds(moment: object) -> object:
    """A time as milliseconds since the epoch: a datetime (UTC if it has no zone), ISO text, or seconds."""
    if isinstance(moment, str):
        with suppress(ValueError):
            moment = datetime.fromisoformat(moment)
    if isinstance(moment, datetime):
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if isinstance(moment, int | float) and not isinstance(moment, bool):
        return round(moment * _MILLISECONDS)
    return moment


def encoded(fields: dict[str, Any]) -> bytes:
    """Fields as one line of JSON. Values that JSON does not support become text."""
    try:
        return orjson.dumps(fields, default=_plain, option=_OPTIONS)
    except (TypeError, ValueError, RecursionError):
        # Numbers beyond 64 bits, lone surrogates, odd keys, objects that contain themselves: rare, so it may take
        # longer.
        return orjson.dumps(_tidied(fields))


def _plain(value: object) -> Any:  # noqa: ANN401 - whatever JSON can hold
    """Convert a value that orjson does not support."""
    if isinstance(value, set | frozenset):
        return list(value)
    if isinstance(value, float | Decimal):
        return float(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "replace")
    dumped = getattr(value, "model_dump", None)  # objects of the Messages API's SDK
    return dumped() if callable(dumped) else _text(value)


def _text(value: object) -> str:
    try:
        text = str(value)
    except Exception:
        return f"<{type(value).__name__}>"
    return text.encode("utf-8", "replace").decode()


def _tidied(value: object, above: tuple[int, ...] = ()) -> Any:  # noqa: ANN401 - whatever JSON can hold
    """The same value, limited to what JSON supports, without parts that are nested too deeply or contain themselves."""
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return int(value) if -_LARGEST_INTEGER <= value < _LARGEST_INTEGER else str(value)
    if len(above) > _MOST_DEPTH or id(value) in above:
        return "…"
    above = (*above, id(value))
    if isinstance(value, dict):
        return {_text(key): _tidied(item, above) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_tidied(item, above) for item in value]
    return _tidied(_plain(value), above)
