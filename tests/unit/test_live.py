"""What the ends of transcripts tell of now."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent_store.library import live


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The client's home, with one project."""
    folder = tmp_path / "projects" / "-home-dev-shop"
    folder.mkdir(parents=True)
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path))
    return folder


def edit(session: str, path: str, minutes_ago: float = 1, **more: Any) -> dict[str, Any]:
    asked = {"type": "tool_use", "id": "t", "name": more.pop("tool", "Edit"), "input": {"file_path": path}}
    return {
        "type": "assistant", "sessionId": session, "cwd": "/home/dev/shop",
        "timestamp": (datetime.now(UTC) - timedelta(minutes=minutes_ago)).isoformat().replace("+00:00", "Z"),
        "message": {"role": "assistant", "model": "claude-opus-5-5", "content": [asked], "usage": more.pop("usage", {})},
        **more,
    }  # fmt: skip


def write(file: Path, *lines: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))


def test_edits_of_others_in_the_last_minutes(root: Path) -> None:
    write(root / "mine.jsonl", edit("mine", "/home/dev/shop/a.py"))
    write(root / "old.jsonl", edit("old", "/home/dev/shop/b.py", minutes_ago=90))
    write(
        root / "other.jsonl",
        "not json",
        edit("other", "c.py", minutes_ago=5),
        edit("other", "/home/dev/shop/c.py", minutes_ago=2),
        edit("other", "/home/dev/shop/d.py", tool="Read"),
    )
    write(
        root / "mine" / "subagents" / "agent-a1.jsonl",
        edit("mine", "/home/dev/shop/e.py", agentId="a1", isSidechain=True),
    )
    found = {(one["session_id"], one["agent_id"], one["target_path"]) for one in live.edits(30, "mine")}
    assert found == {("other", None, "/home/dev/shop/c.py"), ("mine", "a1", "/home/dev/shop/e.py")}
    everyone = {one["target_path"] for one in live.edits(30)}
    assert "/home/dev/shop/a.py" in everyone
    assert not {one["target_path"] for one in live.edits(30, "mine", "a1")} & {"/home/dev/shop/e.py"}


def test_the_context_is_that_of_the_last_response_of_the_main_agent(root: Path) -> None:
    usage = {
        "input_tokens": 10,
        "cache_read_input_tokens": 900,
        "cache_creation_input_tokens": 80,
        "output_tokens": 10,
    }
    write(
        root / "s1.jsonl",
        edit("s1", "a", usage={"input_tokens": 1}),
        edit("s1", "a", usage=usage),
        edit("s1", "a", usage={"input_tokens": 5}, isSidechain=True),
        edit("s1", "a", usage={"input_tokens": 0, "output_tokens": 0}),
        {"type": "user", "message": {"content": "go on"}},
    )
    assert live.context_of("s1") == live.Context(1000, "claude-opus-5-5")
    assert live.context_of("unknown") is None
    write(root / "s2.jsonl", {"type": "user"})
    assert live.context_of("s2") is None


def test_half_a_character_and_numbers_of_any_length_are_no_text_and_no_count(root: Path) -> None:
    write(
        root / "s1.jsonl",
        edit("s1", "/home/dev/shop/\ud83d.py"),
        edit("s1", "/home/dev/shop/\U0001f469\\ud800.py"),
    )
    assert {one["target_path"] for one in live.edits(30)} == {
        "/home/dev/shop/\ufffd.py", "/home/dev/shop/\U0001f469\\ud800.py",
    }  # fmt: skip
    odd = edit("s2", "a", usage={"input_tokens": 10**40, "cache_read_input_tokens": -5, "output_tokens": 7})
    odd["message"]["model"] = "claude-\ud800"
    write(root / "s2.jsonl", odd)
    assert live.context_of("s2") == live.Context(7, "claude-\ufffd")


def test_only_the_end_of_a_long_transcript_is_read(root: Path) -> None:
    filling = [edit("long", f"/home/dev/shop/{number}.py", minutes_ago=2) for number in range(4000)]
    write(root / "long.jsonl", *filling)
    found = live.edits(30)
    assert 100 < len(found) < 4000
    assert "/home/dev/shop/3999.py" in {one["target_path"] for one in found}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "message",
                    "content",
                    "usage",
                    "timestamp",
                    "sessionId",
                    "agentId",
                    "cwd",
                    "name",
                    "input",
                    "file_path",
                    "input_tokens",
                ]
            ),
            inner | st.sampled_from(["assistant", "tool_use", "Edit", datetime.now(UTC).isoformat()]),
            max_size=6,
        )
    ),
    max_leaves=20,
)


@given(st.lists(_JSON | st.text(max_size=30), max_size=6))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
def test_whatever_stands_in_a_transcript_is_read_or_left_out(root: Path, lines: list[Any]) -> None:
    write(root / "wild.jsonl", *lines)
    assert isinstance(live.edits(30), list)
    assert live.context_of("wild") is None or live.context_of("wild")
