"""How lines are cut out of files, and what becomes of those that are not plain JSON objects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.landing import lines
from ingest.landing.lines import Chunk, LineFile, Part, parts_of, tail_of

FULL = '{"type":"user","uuid":"u2","sessionId":"s","message":{"content":"second"}}'


def read_all(path: Path, offset: int = 0) -> list[Chunk]:
    """All chunks of a file."""
    with LineFile(str(path), is_archive=False) as source:
        return list(source.chunks(offset))


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1}',
        ' {"a":1} ',
        '{"a":"\\ud83d\\ude00"}',
        '{"a":"\\\\ud83d"}',
        '{"a":"x\\u0000y"}',
        "{}",
        '{"a":"\u2028\x85"}',
    ],
)
def test_good_lines_are_left_alone(text: str) -> None:
    assert parts_of(text.encode(), 7) == [Part(0, 7, text)]


@pytest.mark.parametrize("raw", [b"", b" ", b"\r", b"\t ", b"\xef\xbb\xbf"])
def test_empty_lines_are_nothing(raw: bytes) -> None:
    assert parts_of(raw, 0) == []


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ('{"a":"\\ud83d"}', {"a": "\ufffd"}),
        ('{"a":"\\udc00 \\ud83d\\ude00 \\\\ud83d \\uD83D\\n"}', {"a": "\ufffd \U0001f600 \\ud83d \ufffd\n"}),
        ('\ufeff{"a":1}', {"a": 1}),
        ('\0\0\0{"a":1}\0', {"a": 1}),
        ('{"a":"x\0y"}', {"a": "x y"}),
        ('{"a":"x\ty\x01"}', {"a": "x\ty\x01"}),
        ('\ufeff{"a":"\\udead\ty"}', {"a": "\ufffd\ty"}),
    ],
)
def test_what_parsers_refuse_is_repaired_beside_the_text(text: str, parsed: dict[str, Any]) -> None:
    (part,) = parts_of(text.encode(), 0)
    assert part.line == text
    assert part.set_aside_reason is None
    assert part.repaired_line is not None
    assert json.loads(part.repaired_line) == parsed


def test_bytes_that_are_not_utf8_are_kept() -> None:
    raw = b'{"a":"caf\xe9"}'
    assert parts_of(raw, 3) == [Part(0, 3, '{"a":"caf\ufffd"}', None, raw)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("nonsense", lines.NOT_JSON),
        ('{"a":', lines.TORN),
        ('{"a":"b', lines.TORN),
        ('{"a":{"type":"x","uuid":"y"},"b', lines.TORN),
        ('{"a" 1}', lines.NOT_JSON),
        ("[1]", lines.NOT_AN_OBJECT),
        ("null", lines.NOT_AN_OBJECT),
        ("[" * 100_000, lines.TOO_DEEP),
        ("\0\0\0", lines.NOT_JSON),
        ("1" * 5_000, lines.NOT_JSON),
        ('[{"type":"x","uuid":"y"}]', lines.NOT_AN_OBJECT),
    ],
)
def test_bad_lines_are_set_aside_with_a_reason(text: str, reason: str) -> None:
    assert parts_of(text.encode(), 0) == [Part(0, 0, text, None, None, reason)]


def test_glued_objects_are_split() -> None:
    text = '{"a":"é"}{"b":2} {"c":3}'
    assert parts_of(text.encode(), 100) == [
        Part(0, 100, '{"a":"é"}'),
        Part(1, 110, '{"b":2}'),
        Part(2, 118, '{"c":3}'),
    ]


def test_a_whole_line_behind_a_torn_one_is_saved() -> None:
    torn = '{"type":"user","uuid":"u1","message":{"type":"text","uuid":"in'
    assert parts_of((torn + FULL).encode(), 0) == [
        Part(0, 0, torn, None, None, lines.NOT_JSON),
        Part(1, len(torn), FULL),
    ]
    first, second, third = parts_of((FULL + torn + FULL).encode(), 0)
    assert (first.line, second.line, third.line) == (FULL, torn, FULL)
    assert [part.set_aside_reason for part in (first, second, third)] == [None, lines.NOT_JSON, None]


def test_rubbish_behind_an_object_is_set_aside_alone() -> None:
    assert parts_of(b'{"a":1} rubbish', 0) == [
        Part(0, 0, '{"a":1}'),
        Part(1, 8, "rubbish", None, None, lines.NOT_JSON),
    ]


def test_glued_objects_with_a_lone_surrogate() -> None:
    first, second = parts_of(b'{"a":"\\ud800"}{"b":2}', 0)
    assert (first.line, first.repaired_line) == ('{"a":"\\ud800"}', '{"a":"\\ufffd"}')
    assert second == Part(1, 14, '{"b":2}')


def test_a_torn_line_full_of_beginnings_ends_soon() -> None:
    text = '{"a":' * 50_000 + '{"b": "' + 'x{"y"' * 50_000
    assert parts_of(text.encode(), 0)[0].set_aside_reason is not None


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_are_too_bad(raw: bytes) -> None:
    raw = raw.replace(b"\n", b"")
    parts = parts_of(raw, 0)
    assert [part.part_number for part in parts] == list(range(len(parts)))
    for part in parts:
        part.line.encode()
        if part.set_aside_reason is None:
            assert isinstance(json.loads(part.repaired_line or part.line), dict)
    assert parts or not raw.decode("utf-8", "replace").strip(" \t\r\n\ufeff")


@settings(deadline=None)
@given(
    st.lists(st.binary(max_size=9).map(lambda raw: raw.replace(b"\n", b"")), max_size=12),
    st.binary(max_size=5).map(lambda raw: raw.replace(b"\n", b"")),
    st.integers(1, 7),
)
def test_chunks_of_any_size_hold_all_complete_lines(
    tmp_path_factory: pytest.TempPathFactory, complete: list[bytes], rest: bytes, read_bytes: int
) -> None:
    path = tmp_path_factory.mktemp("chunks") / "x.jsonl"
    data = b"".join(line + b"\n" for line in complete)
    path.write_bytes(data + rest)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "READ_BYTES", read_bytes)
        chunks = read_all(path)
    assert [line for chunk in chunks for line in chunk.lines] == complete
    position, tail = 0, b""
    for chunk in chunks:
        assert chunk.offset == position
        position += chunk.size
        tail = tail_of(tail, chunk.lines)
        assert tail == data[:position][-lines.TAIL_BYTES :]
    assert position == len(data)


def test_only_line_feeds_end_a_line(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes("a\u2028b\x0bc\x0cd\x1ce\u0085f\rg\n".encode())
    (chunk,) = read_all(path)
    assert len(chunk.lines) == 1


def test_an_overlong_line_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "READ_BYTES", 10)
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 50)
    monkeypatch.setattr(lines, "KEPT_OF_OVERLONG_BYTES", 5)
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"one\n" + b"0123456789" * 20 + b"\n" + b"three\n")
    first, second, third = read_all(path)
    assert (first.lines, second.lines, third.lines) == ([b"one"], [b"01234"], [b"three"])
    assert (second.offset, second.size, third.offset) == (4, 201, 205)
    assert second.overlong_ending == (b"0123456789" * 20 + b"\n")[-len(second.overlong_ending) :]
