"""Cuts a file without lines into its responses: JSON of any structure, and dumps of event streams.

A response in a JSON file is landed as its original text, one in an event stream as the object that its events
describe: `{"source": "event_stream", "is_complete": …, "message": {…}, "error": {…}}`. Unreadable parts are set
aside.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

from ingest.landing.lines import (
    KEPT_OF_OVERLONG_BYTES,
    MAX_LINE_BYTES,
    NOT_JSON,
    OVERLONG,
    TORN,
    Part,
    parts_of,
)
from ingest.responses.event_streams import ERROR, MESSAGE_START, MessageFold, json_object
from ingest.responses.kinds import Kind, as_utf8

NO_BEGINNING: Final = "event stream without its beginning"
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_DECODER: Final = json.JSONDecoder(strict=False)
# In JSON, line breaks have no meaning between tokens.
_ON_ONE_LINE: Final = bytes.maketrans(b"\r\n", b"  ")

# The unit landed as one line: one part, or several where objects are glued together.
Response = list[Part]


def responses_of(data: bytes, kind: str) -> list[Response]:
    """Return the responses of a whole file. Offsets refer to its text as UTF-8."""
    if len(data) > MAX_LINE_BYTES:
        return [
            [Part(0, 0, data[:KEPT_OF_OVERLONG_BYTES].decode("utf-8", "replace"), set_aside_reason=OVERLONG)]
        ]
    text = as_utf8(data)
    found = _of_events(text) if kind == Kind.EVENT_STREAM else _of_json(text)
    return [parts for parts in found if parts]


# --- JSON


def _of_json(data: bytes) -> Iterator[Response]:
    """The elements of a list, or all consecutive values."""
    # One character per byte: JSON syntax is ASCII, so positions in this text are positions in the file.
    text = data.decode("latin-1")
    end = len(text)
    position = _skip(text, 0)
    is_list = text.startswith("[", position)
    if is_list:
        position = _skip(text, position + 1)
    while position < end:
        if is_list and text[position] == "]":
            is_list = False
            position = _skip(text, position + 1)
            continue
        try:
            _, after = _DECODER.raw_decode(text, position)
        except (ValueError, RecursionError):
            # `parts_of` gives the reason, and finds whole objects after the damage.
            yield parts_of(data[position:].translate(_ON_ONE_LINE), position)
            return
        yield parts_of(data[position:after].translate(_ON_ONE_LINE), position)
        position = _skip(text, after)
        if is_list and text.startswith(",", position):
            position = _skip(text, position + 1)


def _skip(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position


# --- event streams


class _Dump:
    """Reads the lines of a dump: each `message_start` begins a response."""

    def __init__(self) -> None:
        self.fold = MessageFold()
        self.offset = 0
        self.has_begun = False
        # Data lines that are not a complete event yet: it may continue in the next line.
        self.pending: list[bytes] = []
        self.pending_offset = 0

    def data(self, line: bytes, offset: int) -> Iterator[Response]:
        """Take a line of data."""
        if not self.pending:
            self.pending_offset = offset
        self.pending.append(line)
        event = json_object(b"\n".join(self.pending))
        if event is None:
            return
        self.pending = []
        kind = event.get("type")
        is_alone = kind == ERROR and not self.has_begun
        if kind == MESSAGE_START or is_alone:
            yield self.response()
            self.fold, self.offset, self.has_begun = MessageFold(), offset, True
        if self.has_begun:
            self.fold.add(event)
        elif kind != "ping":
            yield _set_aside(line, offset, NO_BEGINNING)
        if is_alone:
            yield self.response()

    def boundary(self) -> Iterator[Response]:
        """The event ends here: data that is not an object by now never will be."""
        if self.pending:
            yield _set_aside(b"\n".join(self.pending), self.pending_offset, NOT_JSON)
        self.pending = []

    def response(self) -> Response:
        """Return the response described so far, if there is one."""
        if not self.has_begun:
            return []
        self.has_begun = False
        told: dict[str, object] = {"source": "event_stream", "is_complete": self.fold.is_complete}
        if self.fold.message:
            told["message"] = self.fold.whole()
        if self.fold.error is not None:
            told["error"] = self.fold.error
        return parts_of(json.dumps(told, separators=(",", ":")).encode(), self.offset)


def _of_events(data: bytes) -> Iterator[Response]:
    dump = _Dump()
    offset = 0
    for line in data.splitlines(keepends=True):
        text = line.rstrip(b"\r\n")
        # The last line may be incomplete: it is left to a later reading.
        if text == line and json_object(text.partition(b":")[2]) is None:
            break
        if text.startswith(b"data:"):
            value = text[5:].strip()
            if value != b"[DONE]":
                yield from dump.data(value, offset)
        elif not text or text.startswith(b"event:"):
            yield from dump.boundary()
        offset += len(line)
    yield from dump.boundary()
    yield dump.response()


def _set_aside(data: bytes, offset: int, reason: str) -> Response:
    text = data.translate(_ON_ONE_LINE).decode("utf-8", "replace").replace("\0", "\ufffd")
    if not text.strip():
        return []
    return [
        Part(
            0, offset, text, set_aside_reason=TORN if reason == NOT_JSON and text.startswith("{") else reason
        )
    ]
