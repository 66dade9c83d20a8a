"""A Messages API that plays scripts, on 127.0.0.1.

A script is a list of steps, one per answer of the model. The client says which one to play by `[[script:NAME]]` in a text
of the user; the step is the number of answers since. So the server keeps no state, and sessions side by side, subagents
and resumed sessions all find their place. A compaction is answered by a summary that carries the mark on.

A step: `text`, `thinking`, `tools` [(name, input), …], `usage` {…} in the place of what is counted, and `error`
{status, type, times}: sent for the first so many attempts. `{cwd}` in texts and inputs is the project's folder.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

Step = Mapping[str, Any]
_MARK = re.compile(r"\[\[script:([\w-]+)(?:@(\d+))?\]\]")
_COMPACTION = "detailed summary of"
_CHUNK = 40


def text_of(content: Any) -> str:
    """The text of a message, results of tools left out."""
    if isinstance(content, str):
        return content
    return "\n".join(block.get("text", "") for block in content or () if block.get("type") == "text")


def place_in_script(messages: Sequence[Mapping[str, Any]]) -> tuple[str, int]:
    """The script that the last mark names, and the step that is due."""
    for place in range(len(messages) - 1, -1, -1):
        if messages[place]["role"] == "user" and (
            found := _MARK.findall(text_of(messages[place]["content"]))
        ):
            name, start = found[-1]
            return name, int(start or 0) + sum(
                later["role"] == "assistant" for later in messages[place + 1 :]
            )
    return "", 0


@dataclass
class Request:
    """One request that arrived, and what it was answered."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    request_id: str
    status: int = 200
    usage: dict[str, Any] | None = None
    message_id: str = ""

    @property
    def text(self) -> str:
        """All that the model would have read."""
        return json.dumps([self.body.get("system"), self.body.get("messages")], ensure_ascii=False)


@dataclass
class FakeApi:
    """The server, for the time of a `with`."""

    scripts: Mapping[str, Sequence[Step]]
    variables: Mapping[str, str] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    def __enter__(self) -> FakeApi:
        """Start it on a free port."""
        self._lock = threading.Lock()
        self._attempts: Counter[str] = Counter()
        handler = type("Handler", (_Handler,), {"api": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it."""
        self._server.shutdown()
        self._server.server_close()

    @property
    def messages(self) -> list[Request]:
        """The requests for an answer of the model."""
        return [request for request in self.requests if request.path == "/v1/messages"]

    def received(self, path: str, headers: dict[str, str], body: dict[str, Any]) -> Request:
        """Keep a request, without what could be a secret."""
        kept = {
            name.lower(): value
            for name, value in headers.items()
            if name.lower() not in {"x-api-key", "authorization"}
        }
        with self._lock:
            request = Request(path, kept, body, f"req_fake_{len(self.requests) + 1:06d}")
            self.requests.append(request)
        return request

    def step(self, request: Request) -> Step:
        """What the script says to this request."""
        messages = request.body["messages"]
        if _COMPACTION in text_of(messages[-1]["content"]):
            name, place = place_in_script(messages[:-1])
            return {
                "text": f"<summary>\nA scripted conversation, now at [[script:{name}@{place}]].\n</summary>"
            }
        name, place = place_in_script(messages)
        steps = self.scripts.get(name, ())
        step = steps[place] if place < len(steps) else {"text": "Done."}
        return self._filled(step)  # type: ignore[no-any-return]

    def refusal(self, request: Request, step: Step) -> Mapping[str, Any] | None:
        """The error that is due before the answer, if any."""
        error = step.get("error")
        if error is None:
            return None
        with self._lock:
            key = f"{request.headers.get('x-claude-code-session-id')}{place_in_script(request.body['messages'])}"
            self._attempts[key] += 1
            return error if self._attempts[key] <= error.get("times", 1) else None

    def _filled(self, value: Any) -> Any:
        if isinstance(value, str):
            for name, text in self.variables.items():
                value = value.replace("{" + name + "}", text)
            return value
        if isinstance(value, Mapping):
            return {name: self._filled(held) for name, held in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._filled(held) for held in value]
        return value


def _blocks(step: Step, seed: str) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if thinking := step.get("thinking"):
        blocks.append({"type": "thinking", "thinking": thinking, "signature": "FAKE" + _hash(seed, thinking)})
    if text := step.get("text"):
        blocks.append({"type": "text", "text": text})
    for place, (name, tool_input) in enumerate(step.get("tools", ())):
        blocks.append(
            {"type": "tool_use", "id": f"toolu_{_hash(seed, str(place))}", "name": name, "input": tool_input}
        )
    return blocks


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


def _usage(body: Mapping[str, Any], blocks: Sequence[Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Plausible counts: four characters a token, all but the last message read from the cache."""
    read = len(json.dumps([body.get("system"), body.get("tools"), body["messages"][:-1]])) // 4
    written = len(json.dumps(body["messages"][-1])) // 4
    return {
        "input_tokens": 3,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
        "cache_creation": {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": 0},
        "output_tokens": max(1, len(json.dumps(blocks)) // 4),
        "service_tier": "standard",
        **given,
    }


class _Handler(BaseHTTPRequestHandler):
    api: FakeApi
    protocol_version = "HTTP/1.1"
    # Without it every answer waits for a delayed acknowledgement.
    disable_nagle_algorithm = True

    def log_message(self, *_: Any) -> None:
        """Nothing is printed."""

    def do_HEAD(self) -> None:
        """A probe of the client."""
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        """Count tokens, or answer as the model."""
        data = self.rfile.read(int(self.headers.get("content-length") or 0))
        path = self.path.partition("?")[0]
        request = self.api.received(path, dict(self.headers), json.loads(data or b"{}"))
        if path == "/v1/messages/count_tokens":
            self._send_json(request, 200, {"input_tokens": len(data) // 4})
            return
        if path != "/v1/messages":
            self._send_json(
                request, 404, {"type": "error", "error": {"type": "not_found_error", "message": path}}
            )
            return
        step = self.api.step(request)
        if error := self.api.refusal(request, step):
            kind, message = error.get("type", "overloaded_error"), error.get("message", "Overloaded")
            self._send_json(
                request, error["status"], {"type": "error", "error": {"type": kind, "message": message}}
            )
            return
        blocks = _blocks(step, request.request_id)
        request.usage = _usage(request.body, blocks, step.get("usage", {}))
        request.message_id = "msg_" + _hash(request.request_id, self.api.url)
        message = {
            "id": request.message_id,
            "type": "message",
            "role": "assistant",
            "model": step.get("model") or request.body.get("model"),
            "content": blocks,
            "stop_reason": "tool_use" if step.get("tools") else "end_turn",
            "stop_sequence": None,
            "usage": request.usage,
        }
        if request.body.get("stream"):
            self._stream(request, message)
        else:
            self._send_json(request, 200, message)

    def _send_json(self, request: Request, status: int, value: Any) -> None:
        request.status = status
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("request-id", request.request_id)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, request: Request, message: Mapping[str, Any]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.send_header("request-id", request.request_id)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        start = {
            **message,
            "content": [],
            "stop_reason": None,
            "usage": {**message["usage"], "output_tokens": 1},
        }
        self._event("message_start", message=start)
        for index, block in enumerate(message["content"]):
            first, deltas = _deltas(block)
            self._event("content_block_start", index=index, content_block=first)
            for delta in deltas:
                self._event("content_block_delta", index=index, delta=delta)
            self._event("content_block_stop", index=index)
        ending = {"stop_reason": message["stop_reason"], "stop_sequence": None}
        self._event("message_delta", delta=ending, usage=message["usage"])
        self._event("message_stop")
        self.wfile.write(b"0\r\n\r\n")

    def _event(self, name: str, **data: Any) -> None:
        raw = f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n".encode()
        self.wfile.write(b"%x\r\n%b\r\n" % (len(raw), raw))
        self.wfile.flush()


def _deltas(block: Mapping[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """How a block comes in a stream: its empty beginning, and its parts."""

    def parts(text: str) -> list[str]:
        return [text[place : place + _CHUNK] for place in range(0, len(text), _CHUNK)] or [""]

    match block["type"]:
        case "text":
            return {"type": "text", "text": ""}, [
                {"type": "text_delta", "text": part} for part in parts(block["text"])
            ]
        case "thinking":
            return {"type": "thinking", "thinking": "", "signature": ""}, [
                *({"type": "thinking_delta", "thinking": part} for part in parts(block["thinking"])),
                {"type": "signature_delta", "signature": block["signature"]},
            ]
        case _:
            return {**block, "input": {}}, [
                {"type": "input_json_delta", "partial_json": part}
                for part in parts(json.dumps(block["input"]))
            ]
