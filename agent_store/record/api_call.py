"""The record of one HTTP attempt to the Messages API: request, response and duration.

No SDK is needed here: the wrapper (`sdk`) passes in what it sees. Request headers are never kept, and text of prompts
and answers only on request.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from ingest.responses.event_streams import BLOCK_DELTA, EventReader, MessageFold, json_object

Payload = dict[str, Any]
# Longer bodies are not parsed.
MOST_BODY_BYTES: Final = 64 * 1024 * 1024
_ERROR_CHARACTERS: Final = 500
_PATH: Final = re.compile(r"/v1/messages(?P<rest>/.*)?$")
_RESULTS: Final = re.compile(r"/batches/(?P<batch_id>[^/]+)/results$")
_CLIENT_ERROR: Final = 400
_DELTA: Final = BLOCK_DELTA.encode()
_READ_BYTES: Final = 256 * 1024
# Reasons why a response broke off, where the name of an exception would be less clear.
CLOSED: Final = "closed"  # the caller stopped reading
CUT: Final = "cut"  # it ended without its last event
ERROR_EVENT: Final = "error"  # the last event is an error
_REASONS: Final = {"GeneratorExit": CLOSED, "CancelledError": "cancelled"}


def api_of(url: str) -> str | None:
    """Return the part of the Messages API that a request goes to; None if it goes elsewhere."""
    try:
        found = _PATH.search(urlsplit(url).path)
    except ValueError:
        return None
    if found is None:
        return None
    rest = found["rest"] or ""
    if rest.startswith("/batches"):
        return "batch"
    return "count_tokens" if rest == "/count_tokens" else "messages"


def batch_of(url: str) -> str | None:
    """Return the batch whose results are requested; None for other requests."""
    found = _RESULTS.search(urlsplit(url).path)
    return found["batch_id"] if found else None


def text_of_prompt(body: Mapping[str, Any]) -> str | None:
    """Return the user's text in a request; None if it only continues with tool results."""
    messages = body.get("messages")
    last = messages[-1] if isinstance(messages, Sequence) and messages else None
    if not isinstance(last, Mapping) or last.get("role") != "user":
        return None
    content = last.get("content")
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, Sequence) else ()
    texts = [str(one.get("text")) for one in blocks if isinstance(one, Mapping) and one.get("type") == "text"]
    return "\n".join(texts) if texts else None


class Attempt:
    """One attempt. It is recorded once, when its response has ended in any way."""

    def __init__(
        self,
        record: Callable[[Payload], object],
        url: str,
        api: str,
        body: object,
        *,
        keeps_content: bool = False,
    ) -> None:
        """Start now. `record` is called with the payload, and once more for each message of a batch."""
        self._record = record
        self._keeps_content = keeps_content
        self._began = time.perf_counter()
        self._batch_id = batch_of(url) if api == "batch" else None
        self._fold = MessageFold(keeps_content=keeps_content)
        self._events: EventReader | None = None
        self._portions: list[bytes] = []
        self._portions_size = 0
        self._lines = False
        self._body = bytearray()
        self._has_ended = False
        asked = body if isinstance(body, Mapping) else {}
        self.payload: Payload = {
            "api": api,
            "called_at_ms": time.time_ns() // 1_000_000,
            "model": asked.get("model"),
            "is_stream": bool(asked.get("stream")),
        }
        if self._batch_id:
            self.payload["batch_id"] = self._batch_id
        if isinstance(messages := asked.get("messages"), Sequence):
            self.payload["message_count"] = len(messages)
        if isinstance(tools := asked.get("tools"), Sequence):
            self.payload["tool_count"] = len(tools)
        if keeps_content and (prompt := text_of_prompt(asked)) is not None:
            self.payload["prompt"] = prompt

    @property
    def elapsed_ms(self) -> float:
        """Milliseconds since the attempt started."""
        return round((time.perf_counter() - self._began) * 1000, 1)

    def answered(self, status: int, request_id: str | None, content_type: str) -> None:
        """The head of the response has arrived."""
        self.payload["status"] = status
        self.payload["request_id"] = request_id
        if "event-stream" in content_type:
            self._events = EventReader(without=b"" if self._keeps_content else b"event: " + _DELTA)
            self.payload["is_stream"] = True
        else:
            self._lines = self._batch_id is not None and status < _CLIENT_ERROR

    def see(self, data: bytes) -> None:
        """Take some bytes of the body as they arrive."""
        if self._events is not None:
            # Parsing events takes longer than passing them on, so it waits for many of them, or for the end.
            self._portions.append(data)
            self._portions_size += len(data)
            if "first_token_ms" not in self.payload and _DELTA in data:
                self.payload["first_token_ms"] = self.elapsed_ms
            if self._portions_size >= _READ_BYTES:
                self._read_events()
            return
        if len(self._body) < MOST_BODY_BYTES:
            self._body += data
        if self._lines:
            *lines, rest = self._body.split(b"\n")
            for line in lines:
                self._take_result(bytes(line))
            self._body = bytearray(rest)

    def end(self, error: BaseException | str | None = None) -> None:
        """The response has ended: normally, with an error, or for another reason. Only the first end counts."""
        if self._has_ended:
            return
        self._has_ended = True
        self.payload["duration_ms"] = self.elapsed_ms
        try:
            self._finish(error)
        finally:
            self._record(_said(self.payload))

    def _finish(self, error: BaseException | str | None) -> None:
        if self._events is not None:
            self._read_events()
            if (event := self._events.close()) is not None:
                self._take(event.data)
            self._tell_message(self._fold.whole())
            if self._fold.error is not None:
                self.payload.update(error_fields(self._fold.error))
            if not self._fold.is_complete:
                self.payload["interrupted"] = (
                    ERROR_EVENT if self._fold.error is not None else _reason(error) or CUT
                )
        elif error is None:
            if self._lines:
                self._take_result(bytes(self._body))
            elif (body := json_object(bytes(self._body))) is not None:
                self._take_body(body)
        elif "status" in self.payload:
            self.payload["interrupted"] = _reason(error)
        if isinstance(error, Exception):
            self.payload["error_type"] = type(error).__name__
            self.payload["error"] = str(error)[:_ERROR_CHARACTERS]
        elif "status" not in self.payload:
            self.payload["interrupted"] = _reason(error)

    def _read_events(self) -> None:
        data = b"".join(self._portions)
        self._portions, self._portions_size = [], 0
        for event in self._events.feed(data) if self._events is not None else ():
            self._take(event.data)

    def _take(self, data: bytes) -> None:
        if (event := json_object(data)) is not None:
            self._fold.add(event)

    def _take_body(self, body: Mapping[str, Any]) -> None:
        """The body of a response that was not a stream."""
        kind = body.get("type")
        if kind == "error":
            self.payload.update(error_fields(body.get("error")))
        elif kind == "message":
            self._tell_message(body)
        elif kind == "message_batch":
            self.payload["batch_id"] = body.get("id")
            self.payload["processing_status"] = body.get("processing_status")
            self.payload["request_counts"] = body.get("request_counts")
        elif self.payload["api"] == "count_tokens":
            # No usage: nothing was used.
            self.payload["counted_tokens"] = body.get("input_tokens")

    def _tell_message(self, message: Mapping[str, Any]) -> None:
        asked = self.payload.get("model")
        fields = message_fields(message, keeps_content=self._keeps_content)
        if asked is not None and fields.get("model", asked) != asked:
            self.payload["requested_model"] = asked
        self.payload.update(fields)

    def _take_result(self, line: bytes) -> None:
        """One line of batch results: a separate message, whose usage is recorded nowhere else."""
        entry = json_object(line)
        if entry is None or not isinstance(result := entry.get("result"), dict):
            return
        self.payload["result_count"] = self.payload.get("result_count", 0) + 1
        # Without the request's id, which belongs to the reading, not to the message.
        one: Payload = {
            "api": "batch",
            "called_at_ms": self.payload["called_at_ms"],
            "batch_id": self._batch_id,
            "custom_id": entry.get("custom_id"),
            "is_stream": False,
        }
        if isinstance(message := result.get("message"), dict):
            one |= message_fields(message, keeps_content=self._keeps_content)
        else:
            one["error_type"] = result.get("type")  # canceled, expired, or errored; only the last has an error
            error = result.get("error")
            one |= error_fields(error.get("error", error) if isinstance(error, dict) else None)
        self._record(_said(one))


def message_fields(message: Mapping[str, Any], *, keeps_content: bool) -> Payload:
    """Return the recorded fields of a message; none for one that never started."""
    if not message.get("id"):
        return {}
    fields = {
        "message_id": message["id"],
        "model": message.get("model"),
        "stop_reason": message.get("stop_reason"),
        "usage": message.get("usage"),
    }
    if keeps_content:
        fields["content"] = message.get("content")
    return _said(fields)


def error_fields(error: object) -> Payload:
    """Return the recorded fields of an error from the API."""
    if not isinstance(error, Mapping):
        return {}
    message = error.get("message")
    return _said(
        {
            "error_type": error.get("type"),
            "error": None if message is None else str(message)[:_ERROR_CHARACTERS],
        }
    )


def _said(payload: Payload) -> Payload:
    return {key: value for key, value in payload.items() if value is not None}


def _reason(error: BaseException | str | None) -> str | None:
    name = type(error).__name__ if isinstance(error, BaseException) else error
    return _REASONS.get(name, name) if name is not None else None
