"""Event streams of the Messages API: bytes become events, and events become the message that they describe.

The client wrapper reads live streams with this, landing reads the dumps of finished ones. Nothing here raises:
unreadable parts are skipped, and a message without its end is incomplete.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

MESSAGE_START: Final = "message_start"
BLOCK_START: Final = "content_block_start"
BLOCK_DELTA: Final = "content_block_delta"
MESSAGE_DELTA: Final = "message_delta"
MESSAGE_STOP: Final = "message_stop"
ERROR: Final = "error"
EVENT_TYPES: Final = frozenset(
    {
        MESSAGE_START,
        BLOCK_START,
        BLOCK_DELTA,
        "content_block_stop",
        MESSAGE_DELTA,
        MESSAGE_STOP,
        ERROR,
        "ping",
    }
)
# A longer event is skipped, to limit memory.
MOST_EVENT_BYTES: Final = 64 * 1024 * 1024
_MOST_BLOCKS: Final = 10_000
_BOUNDARY: Final = re.compile(rb"\r?\n\r?\n|\r\r")
_BOUNDARY_BYTES: Final = 4
# A tool's input arrives as pieces of JSON; if it is cut off, it stays in this field.
_PARTIAL: Final = "partial_json"
# Deltas that add text to a block: the delta's type → the field that holds the text, in the delta and in the block.
_PIECES: Final = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "signature",
    "compaction_delta": "content",
    "input_json_delta": _PARTIAL,
}


class Event(NamedTuple):
    """One event: its name (empty if it has none) and its data, which should be JSON."""

    name: str
    data: bytes


class EventReader:
    """Cuts the bytes of a stream, in portions of any size, into events."""

    def __init__(self, *, without: bytes = b"") -> None:
        """Begin at the start of a stream. Only events that do not begin with the bytes `without` are returned."""
        self._without = without
        self._rest = bytearray()
        self._searched = 0
        self._is_overlong = False

    def feed(self, data: bytes) -> list[Event]:
        """Take some bytes; return the events that they complete."""
        self._rest += data
        events: list[Event] = []
        start = 0
        for boundary in _BOUNDARY.finditer(self._rest, self._searched):
            is_wanted = not (self._without and self._rest.startswith(self._without, start))
            if is_wanted and not self._is_overlong:
                event = event_of(bytes(self._rest[start : boundary.start()]))
                events += [event] if event is not None else []
            self._is_overlong = False
            start = boundary.end()
        del self._rest[:start]
        if len(self._rest) > MOST_EVENT_BYTES:
            self._is_overlong = True
        if self._is_overlong:
            del self._rest[:-_BOUNDARY_BYTES]
        self._searched = max(len(self._rest) - _BOUNDARY_BYTES, 0)
        return events

    def close(self) -> Event | None:
        """Return the event that the end of the stream left without its boundary, if it is complete."""
        rest, self._rest = bytes(self._rest), bytearray()
        return None if self._is_overlong else event_of(rest)


def event_of(block: bytes) -> Event | None:
    """Return the event in the lines of a block; None if they have no data."""
    name = b""
    data: list[bytes] = []
    for line in block.splitlines():
        if line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))
        elif line.startswith(b"event:"):
            name = line[6:].strip()
    return Event(name.decode("ascii", "replace"), b"\n".join(data)) if data else None


def json_object(data: bytes | str) -> dict[str, Any] | None:
    """Return the object that a text encodes; None if it is not an object."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


class _Block:
    """One block of a message: its start, and the pieces added to it."""

    def __init__(self, start: Mapping[str, Any]) -> None:
        self._start = start
        self._pieces: dict[str, list[str]] = {}
        self._citations: list[Any] = []

    def add(self, delta: Mapping[str, Any]) -> None:
        """Add the content of a delta."""
        kind = delta.get("type")
        field = _PIECES.get(kind) if isinstance(kind, str) else None
        if field is not None and isinstance(piece := delta.get(field), str):
            self._pieces.setdefault(field, []).append(piece)
        elif kind == "citations_delta" and "citation" in delta:
            self._citations.append(delta["citation"])

    def whole(self) -> dict[str, Any]:
        """Return the block as a response that was not streamed would have it."""
        block = dict(self._start)
        for field, pieces in self._pieces.items():
            before = block.get(field)
            block[field] = "".join([before, *pieces] if isinstance(before, str) else pieces)
        if _PARTIAL in self._pieces and (whole := json_object(block[_PARTIAL] or "{}")) is not None:
            del block[_PARTIAL]
            block["input"] = whole
        if self._citations:
            before = block.get("citations")
            block["citations"] = [*(before if isinstance(before, list) else []), *self._citations]
        return block


class MessageFold:
    """The message that a stream has described so far."""

    def __init__(self, *, keeps_content: bool = True) -> None:
        """Begin without a message. If the content is not kept, the message has no blocks."""
        self.message: dict[str, Any] = {}
        self.error: dict[str, Any] | None = None
        self.is_complete = False
        self._keeps_content = keeps_content
        self._blocks: dict[int, _Block] = {}

    def add(self, event: Mapping[str, Any]) -> None:
        """Apply an event. An event of an unknown type, or with an unexpected value in a field, is ignored."""
        kind = event.get("type")
        if kind == MESSAGE_START:
            self._begin(event.get("message"))
        elif kind == MESSAGE_DELTA:
            self._merge(event)
        elif kind == MESSAGE_STOP:
            self.is_complete = bool(self.message)
        elif kind == ERROR:
            error = event.get("error")
            self.error = error if isinstance(error, dict) else {}
        elif self._keeps_content:
            self._add_to_block(kind, event)

    def whole(self) -> dict[str, Any]:
        """Return the message with the blocks received so far."""
        if not self._keeps_content:
            return self.message
        return {**self.message, "content": [self._blocks[index].whole() for index in sorted(self._blocks)]}

    def _begin(self, message: object) -> None:
        self.message = dict(message) if isinstance(message, dict) else {}
        blocks = self.message.pop("content", None)
        if self._keeps_content and isinstance(blocks, list):
            self._blocks = {n: _Block(block) for n, block in enumerate(blocks) if isinstance(block, dict)}

    def _merge(self, event: Mapping[str, Any]) -> None:
        """Merge a message delta: its fields, the usage so far (null fields are ignored), other changes."""
        for name, value in event.items():
            if name == "delta" and isinstance(value, dict):
                self.message.update((key, one) for key, one in value.items() if one is not None)
            elif name == "usage" and isinstance(value, dict):
                before = self.message.get("usage")
                news = {key: one for key, one in value.items() if one is not None}
                self.message["usage"] = {**before, **news} if isinstance(before, dict) else news
            elif name not in {"type", "delta", "usage"} and value is not None:
                self.message[name] = value

    def _add_to_block(self, kind: object, event: Mapping[str, Any]) -> None:
        index = event.get("index")
        if not isinstance(index, int) or (index not in self._blocks and len(self._blocks) >= _MOST_BLOCKS):
            return
        if kind == BLOCK_START and isinstance(start := event.get("content_block"), dict):
            self._blocks[index] = _Block(start)
        elif kind == BLOCK_DELTA and isinstance(delta := event.get("delta"), dict):
            self._blocks.setdefault(index, _Block({})).add(delta)
