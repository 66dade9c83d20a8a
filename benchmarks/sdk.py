"""What the recording client costs per call, compared with the SDK's own: responses come from memory, so that no network
is measured.

The two alternate, call by call, and the median of the differences counts: a busy machine slows down both. Run it with
`python -m benchmarks.sdk [CALLS]`.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import anthropic
import httpx2

from agent_store import InstrumentedClient
from benchmarks.machine import machine

CALLS = 400
DELTAS = 200
CREATE_LIMIT_MS = 0.5
STREAM_LIMIT_MS = 5.0
_USAGE = {
    "input_tokens": 10, "output_tokens": 400, "cache_read_input_tokens": 20_000, "cache_creation_input_tokens": 500,
    "cache_creation": {"ephemeral_5m_input_tokens": 500, "ephemeral_1h_input_tokens": 0}, "service_tier": "standard",
}  # fmt: skip
_MESSAGE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-opus-5-5", "stop_reason": "end_turn",
    "stop_sequence": None, "usage": _USAGE, "content": [{"type": "text", "text": "word " * DELTAS}],
}  # fmt: skip


class _Portions(httpx2.SyncByteStream):
    def __iter__(self) -> Iterator[bytes]:
        begun = {**_MESSAGE, "content": [], "stop_reason": None}
        yield _event({"type": "message_start", "message": begun})
        yield _event(
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
        )
        delta = {"type": "text_delta", "text": "word "}
        for _ in range(DELTAS):
            yield _event({"type": "content_block_delta", "index": 0, "delta": delta})
        yield _event({"type": "content_block_stop", "index": 0})
        yield _event(
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 400}}
        )
        yield _event({"type": "message_stop"})


def _event(event: dict[str, object]) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


def _answer(request: httpx2.Request) -> httpx2.Response:
    if json.loads(request.content).get("stream"):
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=_Portions())
    return httpx2.Response(200, json=_MESSAGE, headers={"request-id": "req_1"})


def _create(client: anthropic.Anthropic) -> None:
    client.messages.create(
        model="claude-opus-5-5", max_tokens=500, messages=[{"role": "user", "content": "Say something."}]
    )


def _stream(client: anthropic.Anthropic) -> None:
    with client.messages.stream(
        model="claude-opus-5-5", max_tokens=500, messages=[{"role": "user", "content": "Say something."}]
    ) as stream:
        stream.get_final_message()


def _milliseconds(call: Callable[[anthropic.Anthropic], None], client: anthropic.Anthropic) -> float:
    started = time.process_time()
    call(client)
    return (time.process_time() - started) * 1000


def main(calls: int) -> int:
    """Measure, print, and check the limits."""
    print(machine())
    is_met = True
    with tempfile.TemporaryDirectory() as folder:
        transport = httpx2.Client(transport=httpx2.MockTransport(_answer))
        plain = anthropic.Anthropic(api_key="k", http_client=transport)
        recording = {
            "recorded": InstrumentedClient(
                api_key="k", http_client=transport, store_path=Path(folder, "a.duckdb")
            ),
            "with content": InstrumentedClient(
                api_key="k", http_client=transport, store_path=Path(folder, "b.duckdb"), record_content=True
            ),
        }
        for name, call, limit in (
            ("create", _create, CREATE_LIMIT_MS),
            (f"stream of {DELTAS} deltas", _stream, STREAM_LIMIT_MS),
        ):
            for kind, client in recording.items():
                pairs = [(_milliseconds(call, plain), _milliseconds(call, client)) for _ in range(calls)]
                before, after = (statistics.median(values) for values in zip(*pairs, strict=True))
                more = statistics.median(second - first for first, second in pairs)
                is_met &= more <= limit
                print(
                    f"{name:22s} {kind:13s} plain {before:6.2f} ms CPU, recording {after:6.2f} ms: "
                    f"{more:+.2f} ms per call (at most {limit})"
                )
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else CALLS))
