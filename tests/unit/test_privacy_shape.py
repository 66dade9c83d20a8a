"""What is left of lines under a policy: their shape, the lengths of their texts, and nothing that was to be left out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.privacy.fields import EVENT_TABLE as EVENT
from ingest.privacy.fields import HISTORY_TABLE as HISTORY
from ingest.privacy.fields import TRANSCRIPT_TABLE as TRANSCRIPT
from ingest.privacy.marks import is_mark, mark, without_lengths
from ingest.privacy.policy import DROP, HASH, KEEP, Policy, Texts, is_below, user_id
from ingest.privacy.shape import Shape

NONE_KEPT = Policy(salt=b"salt", texts=Texts(DROP, DROP, DROP))


def user(content: Any, **more: Any) -> dict[str, Any]:
    return {
        "type": "user",
        "uuid": "u1",
        "cwd": "/home/ann/shop",
        "message": {"role": "user", "content": content},
        **more,
    }


def assistant(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"type": "assistant", "uuid": "a1", "message": {"role": "assistant", "content": list(blocks)}}


READ = {
    "type": "tool_use",
    "id": "t1",
    "name": "Read",
    "input": {"file_path": "/home/ann/shop/.env", "limit": 5},
}
WRITE = {
    "type": "tool_use",
    "id": "t2",
    "name": "Write",
    "input": {"file_path": "/a/b.py", "content": "PRIVATE body"},
}
RESULT = user(
    [{"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "PRIVATE output"}]}],
    toolUseResult={
        "type": "text",
        "file": {"filePath": "/home/ann/shop/.env", "content": "PRIVATE output", "numLines": 1},
    },
)
LINES: list[tuple[str, dict[str, Any], str]] = [
    ("prompts", user("PRIVATE prompt"), TRANSCRIPT),
    ("prompts", user([{"type": "text", "text": "PRIVATE prompt"}]), TRANSCRIPT),
    ("prompts", {"type": "queue-operation", "operation": "enqueue", "content": "PRIVATE"}, TRANSCRIPT),
    ("prompts", {"type": "last-prompt", "lastPrompt": "PRIVATE"}, TRANSCRIPT),
    ("prompts", {"attachment": {"type": "queued_command", "prompt": "PRIVATE"}}, TRANSCRIPT),
    ("prompts", {"display": "PRIVATE", "pastedContents": {"1": {"content": "PRIVATE"}}, "project": "/a"}, HISTORY),
    ("prompts", {"kind": "hook", "payload": {"prompt": "PRIVATE", "hook_event_name": "UserPromptSubmit"}}, EVENT),
    ("prompts", {"kind": "prompt", "payload": {"text": "PRIVATE"}}, EVENT),
    ("answers", assistant({"type": "text", "text": "PRIVATE"}, {"type": "thinking", "thinking": "PRIVATE"}), TRANSCRIPT),
    ("answers", {"type": "summary", "summary": "PRIVATE"}, TRANSCRIPT),
    ("answers", {"kind": "response", "payload": {"content": [{"type": "text", "text": "PRIVATE"}]}}, EVENT),
    ("contents", RESULT, TRANSCRIPT),
    ("contents", assistant(WRITE), TRANSCRIPT),
    ("contents", user("PRIVATE text of a skill", isMeta=True), TRANSCRIPT),
    ("contents", {"toolUseResult": "Error: PRIVATE", "message": {"role": "user", "content": []}}, TRANSCRIPT),
    ("contents", {"toolUseResult": {"stdout": "PRIVATE", "stderr": ""}}, TRANSCRIPT),
    ("contents", {"attachment": {"type": "file", "content": {"file": {"content": "PRIVATE"}}}}, TRANSCRIPT),
    ("contents", {"type": "progress", "data": {"type": "bash_progress", "fullOutput": "PRIVATE"}}, TRANSCRIPT),
    ("contents", {"type": "progress", "data": {"message": RESULT}}, TRANSCRIPT),
    ("contents", {"kind": "hook", "payload": {"tool_input": WRITE["input"], "tool_response": {"x": "PRIVATE"}}}, EVENT),
]  # fmt: skip


@pytest.mark.parametrize(("what", "line", "table"), LINES)
def test_a_text_goes_with_its_kind_and_with_no_other(what: str, line: dict[str, Any], table: str) -> None:
    kept = Policy(
        texts=Texts(**{name: KEEP if name == what else DROP for name in ("prompts", "answers", "contents")})
    )
    dropped = Policy(
        texts=Texts(**{name: DROP if name == what else KEEP for name in ("prompts", "answers", "contents")})
    )
    text = json.dumps(line)
    assert "PRIVATE" in Shape(kept).line(text, table)
    left = Shape(dropped).line(text, table)
    assert "PRIVATE" not in left
    assert Shape(dropped).line(left, table) == left, "once more changes nothing"


def test_ids_names_and_numbers_stay() -> None:
    left = json.loads(Shape(NONE_KEPT).line(json.dumps(RESULT), TRANSCRIPT))
    block = left["message"]["content"][0]
    assert (block["tool_use_id"], block["content"][0]["text"]) == ("t1", "[redacted:content](14)")
    assert left["toolUseResult"]["file"] == {
        "filePath": "/home/ann/shop/.env", "content": "[redacted:content](14)", "numLines": 1,
    }  # fmt: skip
    call = json.loads(Shape(NONE_KEPT).line(json.dumps(assistant(WRITE)), TRANSCRIPT))
    assert call["message"]["content"][0]["input"]["file_path"] == "/a/b.py"


def test_a_patch_keeps_its_signs_and_a_command_its_name() -> None:
    patch = {"toolUseResult": {"structuredPatch": [{"oldStart": 1, "lines": ["+new", "-old", " same", ""]}]}}
    left = json.loads(Shape(NONE_KEPT).line(json.dumps(patch), TRANSCRIPT))
    assert left["toolUseResult"]["structuredPatch"][0]["lines"] == [
        "+[redacted:content](3)", "-[redacted:content](3)", " [redacted:content](4)", "",
    ]  # fmt: skip
    typed = "<command-name>/ship</command-name>\n<command-args>to PRIVATE</command-args>"
    left = json.loads(Shape(NONE_KEPT).line(json.dumps(user(typed)), TRANSCRIPT))
    assert left["message"]["content"] == (
        "<command-name>/ship</command-name>\n<command-args>[redacted:prompt](10)</command-args>"
    )


def test_equal_prompts_are_equal_hashes_and_the_salt_decides() -> None:
    def hashed(text: str, salt: bytes) -> str:
        policy = Policy(salt=salt, texts=Texts(HASH, KEEP, KEEP))
        return str(json.loads(Shape(policy).line(json.dumps(user(text)), TRANSCRIPT))["message"]["content"])

    assert hashed("do it", b"1") == hashed("do it", b"1") != hashed("do it!", b"1")
    assert hashed("do it", b"1") != hashed("do it", b"2")
    assert is_mark(hashed("do it", b"1"))


def test_a_file_is_dropped_where_it_is_read_and_where_it_is_written() -> None:
    shape = Shape(Policy(dropped_files=(".env*",)))
    assert json.loads(shape.line(json.dumps(assistant(READ)), TRANSCRIPT)) == assistant(READ)
    bare = user([{"type": "tool_result", "tool_use_id": "t1", "content": "PRIVATE"}])
    assert "PRIVATE" not in shape.line(json.dumps(bare), TRANSCRIPT), "the result of the call that was seen"
    assert "PRIVATE" not in Shape(Policy(dropped_files=(".env*",))).line(json.dumps(RESULT), TRANSCRIPT)
    assert "PRIVATE" in shape.line(json.dumps(assistant(WRITE)), TRANSCRIPT), "another file"
    assert "PRIVATE" in shape.line(json.dumps(user("PRIVATE prompt")), TRANSCRIPT)


def test_a_project_has_rules_of_its_own() -> None:
    policy = Policy(
        projects=(("/home/*/shop", Texts(prompts=DROP)), ("/home/ann/shop/open", Texts(prompts=KEEP)))
    )
    assert "PRIVATE" not in Shape(policy).line(json.dumps(user("PRIVATE")), TRANSCRIPT)
    assert "PRIVATE" not in Shape(policy).line(
        json.dumps(user("PRIVATE", cwd="/home/ann/shop/src")), TRANSCRIPT
    )
    assert "PRIVATE" in Shape(policy).line(
        json.dumps(user("PRIVATE", cwd="/home/ann/shop/open/x")), TRANSCRIPT
    )
    assert "PRIVATE" in Shape(policy).line(json.dumps(user("PRIVATE", cwd="/home/ann/other")), TRANSCRIPT)


@pytest.mark.parametrize(
    ("path", "pattern", "fits"),
    [
        ("/home/me/a/b.txt", "/home/me/a", True),
        ("/home/me/ab", "/home/me/a", False),
        ("/home/me/.env.local", ".env*", True),
        ("/home/me/x/.env", "*.env", True),
        ("/home/me/secret/deep/file", "secret", True),
        (r"C:\Users\me\secret\file", "secret", True),
        ("/home/me/clients/one/src", "/home/me/clients/*", True),
        ("/home/me/clients", "/home/me/clients/*", False),
    ],
)
def test_a_pattern_fits_a_folder_and_what_is_below(path: str, pattern: str, fits: bool) -> None:
    assert is_below(path, pattern) is fits


def test_what_is_no_json_is_left_out_whole_where_texts_are() -> None:
    assert Shape(NONE_KEPT).line('{"torn": "PRIV', TRANSCRIPT) == "[redacted:line](14/14/17)"


def test_quoted_marks_say_nothing_about_lengths() -> None:
    own = mark("content", "é" * 10)
    assert own == "[redacted:content](10/20/10)"
    assert without_lengths(f"see {own} and [redacted:aws:0a1b2c3d](99)") == (
        "see [redacted:content] and [redacted:aws:0a1b2c3d]"
    )


def test_the_id_of_a_user_stays_the_same() -> None:
    assert user_id("ann", "s") == user_id(user_id("ann", "s"), "s") != user_id("bob", "s")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from(["type", "message", "content", "toolUseResult", "attachment", "input", "role", "text",
                                       "data", "payload", "structuredPatch", "lines", "file", "x"]), inner, max_size=5),
    max_leaves=25,
)  # fmt: skip


@given(
    st.dictionaries(
        st.text(max_size=8) | st.sampled_from(["message", "content", "data", "attachment"]), _JSON, max_size=6
    )
)
def test_whatever_a_line_holds_it_stays_an_object_and_settles(value: dict[str, Any]) -> None:
    shape = Shape(Policy(texts=Texts(DROP, HASH, DROP), dropped_files=("*.env",)))
    for table in (TRANSCRIPT, HISTORY, EVENT):
        left = shape.line(json.dumps(value), table)
        assert isinstance(json.loads(left), dict)
        assert shape.line(left, table) == left
