"""What a file that may hold API responses is, told by its beginning.

Four things are responses here: a message as the Messages API answers it (or an error), by itself or one level down in an
object that somebody wrapped around it; a result of a message batch; a line of what `claude -p` prints with
`--output-format json` or `stream-json`; an event stream.
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

# So much of a file is looked at.
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
# In an object whose end is not in the head.
_HINT = re.compile(rb'"type"\s*:\s*"(?:message|result|assistant|stream_event)"|"custom_id"\s*:')
_TRANSCRIPT = re.compile(rb'"sessionId"\s*:')
_CLIENT_TYPES: Final = frozenset({"system", "assistant", "user", "result", "stream_event"})


class Kind(StrEnum):
    """How the responses of a file are read."""

    # A response a line: what is appended is read on.
    LINES = "response_lines"
    # JSON of any shape, and dumps of event streams: read whole whenever they change.
    DOCUMENT = "response_document"
    EVENT_STREAM = "response_stream"


def plain_head(head: bytes, name: str) -> bytes:
    """Return the beginning of a file as UTF-8, without its compression; what cannot be unpacked is empty."""
    if name.endswith(ARCHIVE_SUFFIX):
        try:
            head = zlib.decompressobj(_ZLIB_OR_GZIP).decompress(head, HEAD_BYTES)
        except zlib.error:
            return b""
    return as_utf8(head)


def as_utf8(data: bytes) -> bytes:
    """Return text without its mark; what Windows has written in UTF-16 becomes UTF-8."""
    if data.startswith(_UTF16):
        return data.decode("utf-16", "replace").encode("utf-8", "replace")
    return data.removeprefix(_BOM)


def classify(head: bytes, name: str) -> Kind | None:
    """Say what a file is by its first `HEAD_BYTES` and its name; None if it holds no responses as far as one can see."""
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
            # Written in UTF-16 lines cannot be read on; as a document they are objects one after the other.
            return Kind.DOCUMENT if is_utf16 else Kind.LINES
        if has_first:
            return None
    if start.startswith((b"{", b"[")) and _HINT.search(start) and not _TRANSCRIPT.search(start):
        return Kind.LINES if has_suffix and not is_utf16 else Kind.DOCUMENT
    return None


def is_response(value: Mapping[str, Any]) -> bool:
    """Whether an object is a response, or has one in it. A line of a transcript has one too, and is none."""
    if "sessionId" in value:
        return False
    if is_message(value) or ("custom_id" in value and isinstance(value.get("result"), Mapping)):
        return True
    if value.get("type") in _CLIENT_TYPES and "session_id" in value:
        return True
    return any(isinstance(inner, Mapping) and is_message(inner) for inner in value.values())


def is_message(value: Mapping[str, Any]) -> bool:
    """Whether an object is a message with its usage, or an error, as the Messages API answers."""
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
