"""Classifies a file that may hold API responses by its beginning.

Four things count as responses: a message as returned by the Messages API (or an error), by itself or one level down
in a wrapper object; a result of a message batch; a line printed by `claude -p` with `--output-format json` or
`stream-json`; an event stream.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from ingest.landing.found import ARCHIVE_SUFFIX
from ingest.responses.event_streams import EVENT_TYPES
from ingest.text import is_binary

# This much of a file is examined.
HEAD_BYTES: Final = 64 * 1024
LINES_SUFFIXES: Final = (".jsonl", ".ndjson")
_ZLIB_OR_GZIP: Final = 32 + zlib.MAX_WBITS
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_BOM: Final = b"\xef\xbb\xbf"
_EVENT = re.compile(
    rb'^(?:event: ?(?:%b)\r?$|data: ?\{ ?"type" ?: ?"(?:%b)")'
    % ((b"|".join(map(str.encode, sorted(EVENT_TYPES))),) * 2),
    re.MULTILINE,
)
# For an object that ends beyond the head.
_HINT = re.compile(rb'"type"\s*:\s*"(?:message|result|assistant|stream_event)"|"custom_id"\s*:')
_TRANSCRIPT = re.compile(rb'"sessionId"\s*:')
_CLIENT_TYPES: Final = frozenset({"system", "assistant", "user", "result", "stream_event"})


class Kind(StrEnum):
    """How the responses of a file are read."""

    # One response per line: appended lines are read on.
    LINES = "response_lines"
    # JSON of any structure, and dumps of event streams: read whole whenever they change.
    DOCUMENT = "response_document"
    EVENT_STREAM = "response_stream"


def plain_head(head: bytes, name: str) -> bytes:
    """Return the beginning of a file as UTF-8, decompressed; empty if it cannot be unpacked."""
    if name.endswith(ARCHIVE_SUFFIX):
        try:
            head = zlib.decompressobj(_ZLIB_OR_GZIP).decompress(head, HEAD_BYTES)
        except zlib.error:
            return b""
    return as_utf8(head)


def as_utf8(data: bytes) -> bytes:
    """Return text without a byte order mark; UTF-16 from Windows becomes UTF-8."""
    if data.startswith(_UTF16):
        return data.decode("utf-16", "replace").encode("utf-8", "replace")
    return data.removeprefix(_BOM)


def classify(head: bytes, name: str) -> Kind | None:
    """Classify a file by its first `HEAD_BYTES` and its name; None if it seems to hold no responses."""
    is_utf16 = head.startswith(_UTF16)
    is_cut = len(head) >= HEAD_BYTES or name.endswith(ARCHIVE_SUFFIX)
    text = plain_head(head, name)
    if is_binary(text):
        return None
    start = text.lstrip()
    if not start.startswith((b"{", b"[")) and _EVENT.search(text):
        return Kind.EVENT_STREAM
    lines = [line for line in text.split(b"\n")[: -1 if is_cut else None] if line.strip()]
    has_suffix = name.removesuffix(ARCHIVE_SUFFIX).endswith(LINES_SUFFIXES)
    has_first = bool(lines) and _object(lines[0]) is not None
    if has_first or has_suffix:
        if any(is_response(value) for line in lines if (value := _object(line)) is not None):
            # Lines in UTF-16 cannot be read on; as a document they are consecutive objects.
            return Kind.DOCUMENT if is_utf16 else Kind.LINES
        if has_first:
            return None
    if start.startswith((b"{", b"[")) and _HINT.search(start) and not _TRANSCRIPT.search(start):
        return Kind.LINES if has_suffix and not is_utf16 else Kind.DOCUMENT
    return None


def is_response(value: Mapping[str, Any]) -> bool:
    """Whether an object is a response, or contains one. A transcript line also contains one, but does not count."""
    if "sessionId" in value:
        return False
    if is_message(value) or ("custom_id" in value and isinstance(value.get("result"), Mapping)):
        return True
    if value.get("type") in _CLIENT_TYPES and "session_id" in value:
        return True
    return any(isinstance(inner, Mapping) and is_message(inner) for inner in value.values())


def is_message(value: Mapping[str, Any]) -> bool:
    """Whether an object is a message with its usage, or an error, as returned by the Messages API."""
    kind = value.get("type")
    if kind == "error":
        return isinstance(value.get("error"), Mapping)
    return (kind == "message" or "model" in value) and isinstance(value.get("usage"), Mapping)


def _object(line: bytes) -> dict[str, Any] | None:
    if not line.lstrip().startswith(b"{"):
        return None
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
