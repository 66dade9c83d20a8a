"""API responses in files: what a file is, what is a response in it, and that no damage is more than set aside."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from fake_messages import ANSWER, TOOL, USAGE, events_of
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.landing.lines import NOT_AN_OBJECT, NOT_JSON, TORN, Part
from ingest.responses.discover import NO_RESPONSES, scan
from ingest.responses.documents import NO_BEGINNING, responses_of
from ingest.responses.event_streams import EventReader, MessageFold, event_of
from ingest.responses.kinds import HEAD_BYTES, Kind, classify

MESSAGE: dict[str, Any] = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-opus-5-5",
    "content": [{"type": "text", "text": ANSWER}, TOOL], "stop_reason": "tool_use", "stop_sequence": None, "usage": USAGE,
}  # fmt: skip
BATCH = {"custom_id": "c1", "result": {"type": "succeeded", "message": MESSAGE}}
RESULT = {
    "type": "result",
    "subtype": "success",
    "session_id": "s1",
    "result": ANSWER,
    "usage": USAGE,
    "total_cost_usd": 1,
}
CLIENT = [
    {"type": "system", "subtype": "init", "session_id": "s1", "model": "claude-opus-5-5"},
    {"type": "assistant", "message": MESSAGE, "session_id": "s1", "uuid": "u1"},
    {"type": "user", "message": {"role": "user", "content": []}, "session_id": "s1"},
    RESULT,
]
ERROR = {
    "type": "error",
    "error": {"type": "overloaded_error", "message": "Overloaded"},
    "request_id": "req_1",
}
TRANSCRIPT = {"type": "assistant", "message": MESSAGE, "sessionId": "s1", "uuid": "u1"}


def line(value: object) -> bytes:
    return json.dumps(value).encode()


def lines(*values: object) -> bytes:
    return b"".join(line(value) + b"\n" for value in values)


def pretty(value: object) -> bytes:
    return json.dumps(value, indent=2).encode()


def stream(message: dict[str, Any] = MESSAGE) -> bytes:
    """The events of a message, as they are sent."""
    return b"".join(
        f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode() for one in events_of(message)
    )


def told(data: bytes, kind: str) -> list[dict[str, Any]]:
    """What is landed and readable."""
    return [
        json.loads(part.repaired_line or part.line)
        for parts in responses_of(data, kind)
        for part in parts
        if part.set_aside_reason is None
    ]


def reasons(data: bytes, kind: str) -> list[str | None]:
    return [part.set_aside_reason for parts in responses_of(data, kind) for part in parts]


# --- what a file is


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a.jsonl", lines(MESSAGE), Kind.LINES),
        ("a.json", lines(MESSAGE), Kind.LINES),  # an object on one line is a file of lines
        ("a.json", line(MESSAGE), Kind.LINES),
        ("a.json", pretty(MESSAGE), Kind.DOCUMENT),
        ("a.json", pretty([MESSAGE]), Kind.DOCUMENT),
        ("a.json", line([MESSAGE]), Kind.DOCUMENT),
        ("a.json", pretty(RESULT), Kind.DOCUMENT),
        ("a.json", line(RESULT), Kind.LINES),
        ("a.json", line(CLIENT), Kind.DOCUMENT),
        ("a.jsonl", lines(*CLIENT), Kind.LINES),
        ("a.log", lines(*CLIENT), Kind.LINES),
        ("a.jsonl", lines({"response": MESSAGE, "timestamp": "2026-01-01"}), Kind.LINES),
        ("a.jsonl", lines({"request": {}, "body": ERROR}), Kind.LINES),
        ("a.jsonl", lines(ERROR, MESSAGE), Kind.LINES),
        ("results.jsonl", lines(BATCH), Kind.LINES),
        ("a.jsonl", b"a torn li\n" + lines(MESSAGE), Kind.LINES),
        ("a.jsonl", line({**MESSAGE, "content": [{"type": "text", "text": "x" * HEAD_BYTES}]}), Kind.LINES),
        ("a.json", line({**MESSAGE, "content": [{"type": "text", "text": "x" * HEAD_BYTES}]}), Kind.DOCUMENT),
        ("a.jsonl.gz", gzip.compress(lines(MESSAGE), mtime=0), Kind.LINES),
        ("a.json.gz", gzip.compress(pretty(MESSAGE), mtime=0), Kind.DOCUMENT),
        ("a.json", b"\xef\xbb\xbf" + pretty(MESSAGE), Kind.DOCUMENT),
        ("a.json", json.dumps(RESULT).encode("utf-16"), Kind.DOCUMENT),
        ("a.jsonl", lines(MESSAGE, MESSAGE).decode().encode("utf-16"), Kind.DOCUMENT),
        ("a.sse", stream(), Kind.EVENT_STREAM),
        ("a.txt", b"< HTTP/2 200\r\n\r\n" + stream().replace(b"\n", b"\r\n"), Kind.EVENT_STREAM),
        ("a", b"\n".join(row for row in stream().split(b"\n") if row.startswith(b"data")), Kind.EVENT_STREAM),
        ("a.jsonl", lines(TRANSCRIPT), None),
        ("a.jsonl", lines({"role": "user", "content": "hi"}), None),
        ("a.json", pretty({"name": "package", "type": "module"}), None),
        ("a.json", pretty({"content": [{"type": "text"}], "model": "x"}), None),
        ("a.txt", b"event: a party\n", None),
        ("a.md", b"# Notes\n", None),
        ("a.bin", b"\0\1\2", None),
        ("a.gz", b"\0\1\2", None),
        ("a.jsonl", b"", None),
    ],
)
def test_a_file_is_told_by_its_beginning(name: str, data: bytes, kind: Kind | None) -> None:
    assert classify(data[:HEAD_BYTES], name) == kind


def test_files_are_found_where_they_were_named(tmp_path: Path) -> None:
    folder = tmp_path / "answers"
    (folder / "sub").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    (folder / "b.jsonl").write_bytes(lines(MESSAGE))
    (folder / "sub" / "a.sse").write_bytes(stream())
    (folder / "notes.md").write_text("notes", encoding="utf-8")
    (folder / ".hidden" / "c.jsonl").write_bytes(lines(MESSAGE))
    (folder / "link.jsonl").symlink_to(folder / "b.jsonl")
    found = scan([folder, folder / "b.jsonl", folder / "notes.md", tmp_path / "gone"])
    assert [(file.root, file.path, file.kind, file.split is None) for file in found.files] == [
        (str(tmp_path), "answers/b.jsonl", Kind.LINES, True),
        (str(tmp_path), "answers/sub/a.sse", Kind.EVENT_STREAM, False),
    ]
    assert found.roots == ()
    assert [(problem.path, problem.message) for problem in found.problems] == [
        (str(folder / "notes.md"), NO_RESPONSES),
        (str(tmp_path / "gone"), "No such file or directory"),
    ]


def test_a_named_link_is_followed_and_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    import os

    (tmp_path / "a.jsonl").write_bytes(lines(MESSAGE))
    (tmp_path / "link").symlink_to(tmp_path / "a.jsonl")
    os.mkfifo(tmp_path / "pipe.jsonl")
    found = scan([tmp_path / "link", tmp_path / "pipe.jsonl"])
    assert [file.path for file in found.files] == ["link"]
    assert [problem.message for problem in found.problems] == ["not a regular file"]


# --- what is a response in it


def test_the_text_of_a_response_is_kept_as_it_stands() -> None:
    data = b'[\n  {"id": "a",\n   "n": 1.0},\n  {"id": "b"}\n]\n'
    assert responses_of(data, Kind.DOCUMENT) == [
        [Part(0, 4, '{"id": "a",    "n": 1.0}')],
        [Part(0, 32, '{"id": "b"}')],
    ]


@pytest.mark.parametrize("form", [line, pretty])
def test_a_list_and_values_one_after_the_other_are_cut_alike(form: Any) -> None:
    assert told(form(CLIENT), Kind.DOCUMENT) == CLIENT
    assert told(b"\n".join(map(form, CLIENT)), Kind.DOCUMENT) == CLIENT
    assert told(form(MESSAGE), Kind.DOCUMENT) == [MESSAGE]


def test_what_windows_writes_is_read() -> None:
    text = "\r\n".join(json.dumps(one, ensure_ascii=False) for one in ({**MESSAGE, "x": "äöü"}, RESULT))
    assert told(text.encode("utf-16"), Kind.DOCUMENT) == [{**MESSAGE, "x": "äöü"}, RESULT]


def test_a_cut_list_gives_what_stands_before_the_cut() -> None:
    data = line([MESSAGE, MESSAGE])
    assert told(data[:-20], Kind.DOCUMENT) == [MESSAGE]
    assert reasons(data[:-20], Kind.DOCUMENT) == [None, TORN]
    assert reasons(b'[{"a": 1}, 7, "x", {"b": 2} nonsense', Kind.DOCUMENT) == [
        None,
        NOT_AN_OBJECT,
        NOT_AN_OBJECT,
        None,
        NOT_JSON,
    ]


def test_a_message_is_folded_from_its_events() -> None:
    assert told(stream(), Kind.EVENT_STREAM) == [
        {"source": "event_stream", "is_complete": True, "message": MESSAGE}
    ]


def test_thinking_and_citations_are_folded_too() -> None:
    fold = MessageFold()
    deltas = [
        {"type": "thinking_delta", "thinking": "Well"}, {"type": "thinking_delta", "thinking": "..."},
        {"type": "signature_delta", "signature": "sig"}, {"type": "of tomorrow", "x": 1},
    ]  # fmt: skip
    fold.add(
        {
            "type": "message_start",
            "message": {"id": "m", "usage": {"input_tokens": 1, "cache_read_input_tokens": 5}},
        }
    )
    fold.add(
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "thinking", "thinking": "", "signature": ""},
        }
    )
    for delta in deltas:
        fold.add({"type": "content_block_delta", "index": 0, "delta": delta})
    fold.add(
        {
            "type": "content_block_start",
            "index": 1,
            "content_block": {"type": "text", "text": "", "citations": []},
        }
    )
    fold.add(
        {
            "type": "content_block_delta",
            "index": 1,
            "delta": {"type": "citations_delta", "citation": {"n": 1}},
        }
    )
    fold.add(
        {
            "type": "content_block_start",
            "index": 2,
            "content_block": {"type": "tool_use", "id": "t", "input": {}},
        }
    )
    fold.add(
        {
            "type": "content_block_delta",
            "index": 2,
            "delta": {"type": "input_json_delta", "partial_json": '{"a": '},
        }
    )
    fold.add(
        {
            "type": "message_delta", "delta": {"stop_reason": "end_turn"}, "context_management": {"applied_edits": []},
            "usage": {"output_tokens": 3, "cache_read_input_tokens": None},
        }
    )  # fmt: skip
    assert not fold.is_complete
    assert fold.whole() == {
        "id": "m",
        "usage": {"input_tokens": 1, "cache_read_input_tokens": 5, "output_tokens": 3},
        "stop_reason": "end_turn",
        "context_management": {"applied_edits": []},
        "content": [
            {"type": "thinking", "thinking": "Well...", "signature": "sig"},
            {"type": "text", "text": "", "citations": [{"n": 1}]},
            {"type": "tool_use", "id": "t", "input": {}, "partial_json": '{"a": '},
        ],
    }


def test_a_dump_holds_several_streams_and_each_tells_whether_it_is_complete() -> None:
    second = {**MESSAGE, "id": "msg_2"}
    dump = stream() + stream(second)[:900] + b"\n\n" + stream({**MESSAGE, "id": "msg_3"})
    found = told(dump, Kind.EVENT_STREAM)
    assert [(one["message"]["id"], one["is_complete"]) for one in found] == [
        ("msg_1", True), ("msg_2", False), ("msg_3", True)
    ]  # fmt: skip
    assert reasons(dump, Kind.EVENT_STREAM).count(TORN) == 1  # the event in which the second was cut


def test_a_last_line_without_its_end_waits() -> None:
    whole = stream()
    for cut in range(1, 120):
        assert set(reasons(whole[:-cut], Kind.EVENT_STREAM)) == {None}
        (found,) = told(whole[:-cut], Kind.EVENT_STREAM)
        assert found["message"]["id"] == "msg_1"
    assert found["is_complete"] is False


def test_errors_of_streams_are_told() -> None:
    error = b"event: error\ndata: " + line(ERROR) + b"\n\n"
    assert told(error, Kind.EVENT_STREAM) == [
        {"source": "event_stream", "is_complete": False, "error": ERROR["error"]}
    ]
    (found,) = told(stream()[:600].rpartition(b"\n\n")[0] + b"\n\n" + error, Kind.EVENT_STREAM)
    assert (found["is_complete"], found["error"], found["message"]["id"]) == (False, ERROR["error"], "msg_1")


def test_a_stream_without_its_beginning_is_set_aside() -> None:
    _, _, rest = stream().partition(b"event: content_block_start")
    found = reasons(b"event: content_block_start" + rest, Kind.EVENT_STREAM)
    assert set(found) == {NO_BEGINNING}


def test_data_may_go_on_in_a_second_line() -> None:
    data = stream().replace(b'data: {"type": "message_start", ', b'data: {"type": "message_start",\ndata: ')
    assert told(data, Kind.EVENT_STREAM)[0]["message"] == MESSAGE


# --- damage

_PIECES = st.one_of(
    st.binary(max_size=30),
    st.sampled_from([
        line(MESSAGE), pretty(MESSAGE), line([MESSAGE, ERROR]), stream(), line(BATCH), b"\n", b"\n\n", b"[", b"]",
        b",", b"{",
        b'{"type":"message_start","message":7}', b"data: ", b"event: message_start\n", b"data: {\n", b"data: [DONE]\n\n",
        b'data: {"type":"message_start","message":null}\n\n',
        b'data: {"type":"content_block_delta","index":[],"delta":{}}\n\n',
        b'data: {"type":"message_delta","usage":[],"delta":7}\n\n', b'"\\ud800"', b"\xff\xfe", b"\xef\xbb\xbf", b"[" * 3000,
        b'{"a":' * 3000, b"1" * 5000, b'{"a":NaN}',
    ]),
)  # fmt: skip


@given(st.lists(_PIECES, max_size=8), st.integers(0, 2000), st.sampled_from(Kind))
@settings(max_examples=400, deadline=None)
def test_no_damage_raises_and_what_cannot_be_read_says_why(pieces: list[bytes], cut: int, kind: Kind) -> None:
    data = b"".join(pieces)
    for one in (data, data[:-cut] if cut else data):
        classify(one[:HEAD_BYTES], "a.jsonl")
        classify(one[:HEAD_BYTES], "a.json.gz")
        for parts in responses_of(one, kind):
            assert parts
            for part in parts:
                part.line.encode()
                assert part.line
                if part.set_aside_reason is None:
                    assert isinstance(json.loads(part.repaired_line or part.line), dict)


@given(st.lists(st.integers(1, 400), min_size=1, max_size=60), st.booleans())
@settings(max_examples=200, deadline=None)
def test_the_portions_of_a_stream_do_not_matter(portions: list[int], has_returns: bool) -> None:
    data = stream().replace(b"\n", b"\r\n") if has_returns else stream()
    reader, fold, place = EventReader(), MessageFold(), 0
    for portion in [*portions, len(data)]:
        for event in reader.feed(data[place : place + portion]):
            fold.add(json.loads(event.data))
        place += portion
    assert reader.close() is None
    assert (fold.whole(), fold.is_complete) == (MESSAGE, True)


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_any_bytes_may_be_fed(first: bytes, second: bytes) -> None:
    reader = EventReader()
    for event in [*reader.feed(first), *reader.feed(second), event_of(first), reader.close()]:
        assert event is None or isinstance(event.data, bytes)


@given(st.lists(st.dictionaries(
    st.sampled_from(["type", "index", "delta", "content_block", "message", "usage", "error"]),
    st.recursive(
        st.none() | st.integers() | st.sampled_from(["message_start", "content_block_start", "content_block_delta",
            "message_delta", "error", "text_delta", "input_json_delta", "citations_delta", "message_stop"]),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(
            st.sampled_from(["type", "text", "partial_json", "citation", "content", "usage", "stop_reason"]),
            inner, max_size=3),
        max_leaves=5,
    ), max_size=5), max_size=8), st.booleans())  # fmt: skip
def test_any_events_may_be_folded(events: list[dict[str, Any]], keeps_content: bool) -> None:
    fold = MessageFold(keeps_content=keeps_content)
    for event in events:
        fold.add(event)
    json.dumps(fold.whole())
