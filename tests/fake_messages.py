"""A small Messages API for the tests of the wrapper: the text of the last message says what it answers.

    with FakeMessages() as api:
        client = InstrumentedClient(api_key="k", base_url=api.url)
        client.messages.create(model="claude-opus-5-5", max_tokens=9, messages=[{"role": "user", "content": "busy twice"}])
        api.answers  # how many requests came, and the usage that was told

Behaviours are words in that text: see `Handler.post`.
"""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

USAGE = {
    "input_tokens": 11,
    "output_tokens": 7,
    "cache_read_input_tokens": 1000,
    "cache_creation_input_tokens": 300,
    "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
    "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 0},
    "service_tier": "standard",
    "inference_geo": "us",
    "speed": "standard",
    "iterations": [{"type": "message", "input_tokens": 11, "output_tokens": 7}],
}
ANSWER = "Paris is the capital of France."
TOOL = {"type": "tool_use", "id": "toolu_1", "name": "add", "input": {"a": 1, "b": 2}}


def last_text(body: dict[str, Any]) -> str:
    """The text of the last message; where it only has results of tools, "results"."""
    content = body["messages"][-1]["content"]
    if isinstance(content, str):
        return content
    return " ".join(block.get("text", "results") for block in content)


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: FakeServer

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def send(self, status: int, data: bytes, kind: str = "application/json", **headers: str) -> None:
        """Send a whole body."""
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("request-id", self.request_id)
        self.send_header("content-length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def send_json(self, status: int, value: object, **headers: str) -> None:
        """Send a body of JSON."""
        self.send(status, json.dumps(value).encode(), **headers)

    def begin(self) -> int:
        """Count the request and name it."""
        with self.server.lock:
            self.server.count += 1
            number = self.server.count
        self.request_id = f"req_{number}"
        return number

    def do_GET(self) -> None:
        """Batches, and models: a request that is none of a message."""
        self.begin()
        path = self.path.partition("?")[0]
        if path.endswith("/results"):
            self.send(
                200,
                "".join(json.dumps(one) + "\n" for one in batch_results()).encode(),
                "application/x-jsonl",
            )
        elif "/batches/" in path:
            host = self.headers["host"]
            self.send_json(
                200,
                {
                    "id": "msgbatch_1", "type": "message_batch", "processing_status": "ended",
                    "request_counts": {"processing": 0, "succeeded": 2, "errored": 1, "canceled": 0, "expired": 1},
                    "created_at": "2026-01-01T00:00:00Z", "expires_at": "2026-01-02T00:00:00Z",
                    "results_url": f"http://{host}/v1/messages/batches/msgbatch_1/results",
                },
            )  # fmt: skip
        else:
            self.send_json(200, {"data": [], "has_more": False, "first_id": None, "last_id": None})

    def do_POST(self) -> None:
        """A message, a count of tokens, a batch."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        number = self.begin()
        try:
            self.post(body, number)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def post(self, body: dict[str, Any], number: int) -> None:
        """Answer as the text says."""
        if self.path.endswith("/count_tokens"):
            return self.send_json(200, {"input_tokens": 42})
        if self.path.partition("?")[0].endswith("/batches"):
            return self.send_json(
                200, {"id": "msgbatch_1", "type": "message_batch", "processing_status": "in_progress"}
            )
        text = last_text(body)
        if "invalid" in text:
            return self.send_error_json(400, "invalid_request_error", "max_tokens: too many")
        if "busy" in text and number <= self.server.busy_until:
            return self.send_error_json(529, "overloaded_error", "Overloaded", retry_after_ms="1")
        if "hang" in text:
            time.sleep(1)
        content: list[dict[str, Any]] = [{"type": "text", "text": ANSWER}]
        if "tool" in text:
            content = [TOOL]
        if "json" in text:
            content = [{"type": "text", "text": '{"city": "Paris"}'}]
        message = {
            "id": f"msg_{number}", "type": "message", "role": "assistant", "model": body["model"], "content": content,
            "stop_reason": "tool_use" if content == [TOOL] else "end_turn", "stop_sequence": None, "usage": USAGE,
        }  # fmt: skip
        is_zipped = "zipped" in text
        if not body.get("stream"):
            data = json.dumps(message).encode()
            encoding = {"content_encoding": "gzip"} if is_zipped else {}
            return self.send(200, gzip.compress(data) if is_zipped else data, **encoding)
        return self.stream(message, text, is_zipped=is_zipped)

    def send_error_json(self, status: int, kind: str, message: str, **headers: str) -> None:
        """Send an error as the API tells it."""
        self.send_json(status, {"type": "error", "error": {"type": kind, "message": message}}, **headers)

    def stream(self, message: dict[str, Any], text: str, *, is_zipped: bool) -> None:
        """Send a stream, in chunks: whole, slowly, cut, or with an error in it."""
        self.send_response(200)
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.send_header("request-id", self.request_id)
        self.send_header("transfer-encoding", "chunked")
        if is_zipped:
            self.send_header("content-encoding", "gzip")
        self.end_headers()
        packed = bytearray()
        for place, event in enumerate(events_of(message)):
            data = f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
            if place == 4 and "cut" in text:
                self.close_connection = True
                if "politely" in text:  # the body ends as it should, only too early
                    self.wfile.write(b"0\r\n\r\n")
                return
            if place == 4 and "failing" in text:
                error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
                self.chunk(f"event: error\ndata: {json.dumps(error)}\n\n".encode())
                break
            if "slowly" in text:
                time.sleep(0.02)
            if is_zipped:
                packed += data
            else:
                self.chunk(data)
        if is_zipped:
            whole = gzip.compress(bytes(packed))
            for start in range(0, len(whole), 50):
                self.chunk(whole[start : start + 50])
        self.wfile.write(b"0\r\n\r\n")

    def chunk(self, data: bytes) -> None:
        """Send one portion."""
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self.wfile.flush()


def events_of(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The events that tell of a message: usage is told in part at the start, and completed at the end."""
    usage = message["usage"]
    begun = {**usage, "output_tokens": 1}
    del begun["iterations"]
    yield {
        "type": "message_start",
        "message": {**message, "content": [], "stop_reason": None, "usage": begun},
    }
    yield {"type": "ping"}
    for index, block in enumerate(message["content"]):
        if block["type"] == "text":
            yield {
                "type": "content_block_start",
                "index": index,
                "content_block": {"type": "text", "text": ""},
            }
            pieces = [{"type": "text_delta", "text": word + " "} for word in block["text"].split()]
            pieces[-1]["text"] = pieces[-1]["text"].rstrip()
        else:
            yield {"type": "content_block_start", "index": index, "content_block": {**block, "input": {}}}
            text = json.dumps(block["input"])
            pieces = [{"type": "input_json_delta", "partial_json": one} for one in (text[:5], text[5:])]
        for piece in pieces:
            yield {"type": "content_block_delta", "index": index, "delta": piece}
        yield {"type": "content_block_stop", "index": index}
    delta = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    last = {key: usage[key] for key in ("input_tokens", "output_tokens", "server_tool_use", "iterations")}
    yield {"type": "message_delta", "delta": delta, "usage": {**last, "cache_read_input_tokens": None}}
    yield {"type": "message_stop"}


def batch_results() -> Iterator[dict[str, Any]]:
    """The results of a batch: two messages, an error, and one that came too late."""
    for number in (1, 2):
        message = {
            "id": f"msg_b{number}", "type": "message", "role": "assistant", "model": "claude-opus-5-5",
            "content": [{"type": "text", "text": ANSWER}], "stop_reason": "end_turn", "stop_sequence": None,
            "usage": {**USAGE, "service_tier": "batch"},
        }  # fmt: skip
        yield {"custom_id": f"c{number}", "result": {"type": "succeeded", "message": message}}
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": "bad"}}
    yield {"custom_id": "c3", "result": {"type": "errored", "error": error}}
    yield {"custom_id": "c4", "result": {"type": "expired"}}


class FakeServer(ThreadingHTTPServer):
    """The server, and what it remembers."""

    daemon_threads = True
    request_queue_size = 64  # so many may knock at once

    def __init__(self) -> None:
        """Listen at a free port."""
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.count = 0
        self.busy_until = 0

    def handle_error(self, *_: object) -> None:
        """A caller that leaves is no error."""


class FakeMessages:
    """The API while it runs."""

    def __init__(self) -> None:
        """Start when it is entered."""
        self.server = FakeServer()
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self._thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def count(self) -> int:
        """How many requests have come."""
        return self.server.count

    def be_busy(self, times: int) -> None:
        """Refuse the next requests."""
        self.server.busy_until = self.server.count + times

    def __enter__(self) -> Self:
        """Start."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()
