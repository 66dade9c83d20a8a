"""What hooks and programs would have recorded of some transcripts, as lines of a spool. Deterministic.

Half of it says of things in the transcripts what they cannot say (how long a tool ran, why a session ended); half is of
things that only a program knows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

HOST = "recorder"


def epoch_ms(timestamp: str) -> int:
    """A time of a transcript in milliseconds since 1970."""
    return int(datetime.fromisoformat(timestamp.replace("Z", "+00:00")).timestamp() * 1000)


BAND = {"low_usd": 0.5, "median_usd": 1, "high_usd": 4}


class Spool:
    """Lines as the recorders write them."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, kind: str, session: str | None, at_ms: int, payload: dict[str, Any]) -> None:
        """Add a record."""
        self.lines.append(
            json.dumps(
                {
                    "schema_version": 1,
                    "kind": kind,
                    "received_at_ms": at_ms,
                    "host": HOST,
                    "pid": 1,
                    "sequence": len(self.lines),
                    "session_id": session,
                    "payload": payload,
                }
            )
        )

    def hook(self, event: str, session: str, at_ms: int, **fields: Any) -> None:
        """Add an event of the client."""
        shape = {"session_id": session, "cwd": "/home/dev/shop", "hook_event_name": event}
        self.add("hook", session, at_ms, shape | fields)

    @property
    def content(self) -> bytes:
        """The file."""
        return "".join(f"{line}\n" for line in self.lines).encode()


def lines_of(files: Iterable[Path]) -> Iterator[dict[str, Any]]:
    """The lines of transcripts that are JSON objects with a session and a time."""
    for file in files:
        for text in file.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                line = json.loads(text)
            except ValueError:
                continue
            if isinstance(line, dict) and line.get("sessionId") and line.get("timestamp"):
                yield line


def blocks_of(line: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The blocks of a line's message."""
    message = line.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    yield from (block for block in content if isinstance(block, dict)) if isinstance(content, list) else ()


def of_transcripts(files: Iterable[Path]) -> bytes:
    """What hooks and programs would have recorded of sessions whose transcripts are there."""
    spool = Spool()
    ends: dict[str, tuple[int, str]] = {}
    calls: dict[str, tuple[str, int, dict[str, Any]]] = {}
    begun: set[str] = set()
    runs: dict[tuple[str, str], list[int]] = {}
    for line in lines_of(sorted(files)):
        session, at = line["sessionId"], epoch_ms(line["timestamp"])
        if session not in begun:
            begun.add(session)
            spool.hook("SessionStart", session, at, source="startup")
            spool.hook(
                "InstructionsLoaded", session, at, file_path="/home/dev/shop/CLAUDE.md", memory_type="Project",
                load_reason="session_start",
            )  # fmt: skip
        ends[session] = max(ends.get(session, (0, "")), (at, session))
        prompt = {"prompt_id": line["promptId"]} if line.get("promptId") else {}
        run = {"agent_id": line["agentId"]} if line.get("agentId") else {}
        if run:
            runs.setdefault((session, line["agentId"]), []).append(at)
        for block in blocks_of(line):
            if block.get("type") == "tool_use" and block.get("id"):
                call = {"tool_name": block.get("name"), "tool_input": block.get("input")}
                calls[block["id"]] = session, at, call
                spool.hook("PreToolUse", session, at, tool_use_id=block["id"], **call, **prompt, **run)
                if len(calls) % 7 == 0:
                    spool.hook("PermissionRequest", session, at + 1, **call, **prompt, **run)
            elif block.get("type") == "tool_result" and block.get("tool_use_id") in calls:
                owner, called_at, call = calls[block["tool_use_id"]]
                failed = bool(block.get("is_error"))
                spool.hook(
                    "PostToolUseFailure" if failed else "PostToolUse", owner, at, tool_use_id=block["tool_use_id"],
                    duration_ms=max(at - called_at - 1, 0), **call, **prompt, **run,
                )  # fmt: skip
                asked = call["tool_input"] or {}
                if call["tool_name"] == "TaskUpdate" and asked.get("status") == "completed" and not failed:
                    spool.hook(
                        "TaskCompleted", owner, at, task_id=asked["taskId"], task_subject="a listed task"
                    )
        message = line.get("message")
        if (
            line.get("type") == "assistant"
            and isinstance(message, dict)
            and message.get("id")
            and "usage" in message
        ):
            # A program that wraps the client's API records the same message.
            spool.add(
                "api_call", "sdk-beside", at,
                {
                    "message_id": message["id"], "request_id": line.get("requestId"), "model": message.get("model"),
                    "called_at_ms": at - 900, "attempt": 1, "status": 200, "usage": message["usage"],
                    "stop_reason": message.get("stop_reason"), "duration_ms": 900, "first_token_ms": 300,
                },
            )  # fmt: skip
    for (session, agent), times in sorted(runs.items()):
        for event, at in (("SubagentStart", min(times) - 5), ("SubagentStop", max(times) + 5)):
            spool.hook(event, session, at, agent_id=agent, agent_type="general-purpose")
    for at, session in sorted(ends.values()):
        spool.hook("Notification", session, at, notification_type="idle_prompt", message="Waiting for you")
        spool.hook("SessionEnd", session, at + 1500, reason="prompt_input_exit")
    return spool.content


def message(message_id: str, text: str) -> dict[str, Any]:
    """A response of the Messages API."""
    usage = {
        "input_tokens": 10,
        "output_tokens": 20,
        "cache_read_input_tokens": 0,
        "cache_creation_input_tokens": 0,
    }
    content = [{"type": "text", "text": text}]
    return {
        "id": message_id, "type": "message", "role": "assistant", "model": "claude-opus-5-5", "content": content,
        "stop_reason": "end_turn", "usage": usage,
    }  # fmt: skip


def responses(files: Iterable[Path]) -> bytes:
    """API responses as a program would have kept them: two that transcripts show, and some that nothing else shows."""
    known: dict[str, dict[str, Any]] = {}
    for line in lines_of(sorted(files)):
        found = line.get("message")
        if (
            line.get("type") == "assistant"
            and isinstance(found, dict)
            and "usage" in found
            and found.get("id")
        ):
            known.setdefault(found["id"], found | {"type": "message"})
    session = "11111111-1111-4111-8111-111111111111"
    usage = message("", "")["usage"]
    cost = {"claude-haiku-4-5": {"costUSD": 0.001}, "claude-opus-5-5": {"costUSD": 0.1}}
    kept: list[dict[str, Any]] = [
        *list(known.values())[:2],
        {"response": message("msg-kept-1", "Kept."), "timestamp": "2026-11-01T10:00:00Z"},
        {"custom_id": "a", "result": {"type": "succeeded", "message": message("msg-kept-2", "In a batch.")}},
        {
            "custom_id": "b",
            "result": {"type": "errored", "error": {"type": "error", "error": {"type": "api_error"}}},
        },
        # The program that wraps the SDK has recorded this one.
        message("msg-sdk-2", "Hello."),
        # What the client prints: as a whole of one session, of another with its responses.
        {"type": "result", "session_id": session, "uuid": "u1", "usage": usage, "modelUsage": cost},
        {
            "type": "assistant",
            "session_id": "a-stream",
            "uuid": "u2",
            "message": message("msg-kept-3", "Printed."),
        },
        {"type": "result", "session_id": "a-stream", "uuid": "u3", "usage": usage, "modelUsage": cost},
    ]
    return "".join(f"{json.dumps(line)}\n" for line in kept).encode()


def _hooks_of_work(spool: Spool, later: Callable[[], int]) -> None:
    """What hooks tell of work whose transcript is gone."""
    thumb = {
        "expansion_type": "slash_command",
        "command_name": "agent-store:thumbs-up",
        "command_args": "clear",
    }
    for _ in range(2):
        # Two hooks that are registered for one event.
        spool.hook("UserPromptExpansion", "only-hooks", later(), prompt_id="own-prompt", **thumb)
    spool.hook("TaskCreated", "only-hooks", later(), task_id="1", task_subject="Write the docs")
    spool.hook(
        "TaskCompleted",
        "only-hooks",
        later(),
        task_id="1",
        task_subject="Write the docs",
        teammate_name="ann",
    )
    spool.add(
        "test_run", "only-hooks", later(),
        {
            "command": "make test", "framework": "pytest", "passed": 3, "failed": 1, "total": 4, "exit_code": 1,
            "task_id": "1",
        },
    )  # fmt: skip
    for event in ("SubagentStart", "SubagentStop"):
        spool.hook(event, "only-hooks", later(), agent_id="a0b1c2", agent_type="Explore")
    spool.hook("SubagentStop", "only-hooks", later(), agent_id="internal", agent_type="")


def _told_of_work(spool: Spool, later: Callable[[], int]) -> None:
    """What a program tells of work, each kind of it once or twice."""
    program: list[tuple[str, dict[str, Any]]] = [
        (
            "feedback",
            {"prompt_id": "p1", "feedback_type": "thumbs_down", "comment": "too short", "rating": 2},
        ),
        (
            "work_item",
            {
                "work_id": "w1",
                "description": "Tidy the till",
                "work_type": "file_edit",
                "required_capability": "refactor",
            },
        ),
        ("claim", {"work_id": "w1", "agent_id": "writer", "is_granted": True, "status": "claimed"}),
        (
            "claim",
            {
                "work_id": "w1",
                "agent_id": "other",
                "is_granted": False,
                "status": "claimed",
                "holder_agent_id": "writer",
            },
        ),
        ("handoff", {"work_id": "w1", "to_agent_id": 7, "reason": "timeout", "context": {"done": "half"}}),
        ("claim", {"work_id": "w1", "agent_id": 7, "status": "completed"}),
        (
            "task_outcome",
            {"task_id": "fix", "description": "Fix the login", "success": False, "error": "still broken"},
        ),
        (
            "task_outcome",
            {"task_id": "fix", "task_type": "debug", "success": True, "basis": "tests", "agent_id": "writer"},
        ),
        (
            "strategy_outcome",
            {"strategy_name": "test_first", "success": True, "task_id": "fix", "metrics": {"tries": 2}},
        ),
        (
            "decision",
            {"question": "Which parser?", "options": ["re", "ast"], "chosen": "ast", "rationale": "robust"},
        ),
        (
            "validation",
            {
                "component_name": "weigh",
                "component_type": "skill",
                "validator": "structure",
                "passed": False,
                "errors": ["no name"],
                "content_hash": "h2",
                "previous_hash": "h1",
                "previous_passed": True,
            },
        ),
        (
            "quality_measurement",
            {
                "metric_name": "coverage",
                "score": 87.5,
                "unit": "%",
                "artifact_path": "/home/dev/program/login.py",
            },
        ),
        (
            "retrieval",
            {
                "query": "login",
                "file_path": "/home/dev/program/login.py",
                "line_start": 1,
                "line_end": 9,
                "used_in_response": True,
            },
        ),
        (
            "component",
            {
                "component_name": "plan",
                "component_type": "system_prompt",
                "tokens": 900,
                "budget_tokens": 800,
            },
        ),
        (
            "skill_load",
            {
                "skill_name": "weigh",
                "characters": 900,
                "tokens": 300,
                "budget_tokens": 200,
                "trigger": "user",
            },
        ),
        (
            "dependency_check",
            {
                "dependency_name": "till-api",
                "is_available": False,
                "status_code": 503,
                "response_time_ms": 120,
            },
        ),
        ("forecast", {**BAND, "work_kind": "session", "past_count": 30, "interface": "cli"}),
        # No band: its ends are in the wrong order.
        ("forecast", {**BAND, "work_kind": "agent_run", "work_count": 3, "agent_type": "Explore", "low_usd": 5}),
        ("forecast", {**BAND, "work_kind": "weather"}),
        (
            "provider_usage",
            {"report": "usage", "report_key": "k1", "starts_at_ms": 1_780_272_000_000, "ends_at_ms": 1_780_358_400_000,
             "model": "claude-opus-5-5", "output_tokens": 500},
        ),
    ]
    for kind, payload in program:
        spool.add(kind, "a-program", later(), payload)
    for kind, payload in (
        ("feedback", {"feedback_type": "splendid"}),
        ("decision", {"question": "Which db?", "chosen": "duckdb"}),
        (
            "query",
            {
                "interface": "cli",
                "tool": "query",
                "sql": "select 1",
                "row_count": 1,
                "duration_ms": 3,
                "user_id": "ann",
            },
        ),
    ):
        spool.add(kind, None, later(), payload)


def of_programs(started_ms: int) -> bytes:
    """What only programs know: a session of hooks without a transcript, one of a library, one of the SDK."""
    spool = Spool()
    at = started_ms

    def later(milliseconds: int = 1000) -> int:
        nonlocal at
        at += milliseconds
        return at

    usage = {
        "input_tokens": 100, "output_tokens": 50, "cache_read_input_tokens": 1000, "cache_creation_input_tokens": 200,
        "cache_creation": {"ephemeral_5m_input_tokens": 200, "ephemeral_1h_input_tokens": 0},
    }  # fmt: skip
    spool.hook("SessionStart", "only-hooks", later(), source="startup")
    call = {"tool_name": "Bash", "tool_input": {"command": "make"}, "tool_use_id": "toolu_only_hooks"}
    spool.hook("PreToolUse", "only-hooks", later(), **call)
    spool.hook("PermissionRequest", "only-hooks", later(), tool_name="Bash", tool_input={"command": "make"})
    spool.hook("PostToolUse", "only-hooks", later(5000), duration_ms=1000, **call)
    spool.hook(
        "PreModelSwitch", "only-hooks", later(), from_model="claude-opus-5-5", to_model="claude-sonnet-5-5",
        requested_model="sonnet", source="command", context_tokens=2000, prompt_cache_warm=True, cache_ttl="5m",
        estimated_cache_write_usd=0.01, pricing="catalog",
    )  # fmt: skip
    spool.hook(
        "PostModelSwitch", "only-hooks", later(), from_model="claude-opus-5-5", to_model="claude-sonnet-5-5",
        requested_model="sonnet", source="command",
    )  # fmt: skip
    spool.hook("SessionStart", "only-hooks", later(), source="resume")
    spool.hook("PreCompact", "only-hooks", later(), trigger="manual")
    dropped = [{"component_type": "tool", "component_name": "Bash", "tokens": 900}]
    spool.add(
        "context_drop",
        "only-hooks",
        later(10),
        {"trigger": "manual", "context_tokens": 5000, "components": dropped},
    )
    _hooks_of_work(spool, later)
    spool.hook("SessionEnd", "only-hooks", later(), reason="clear")
    spool.add("session", "a-program", later(), {"event": "start", "working_dir": "/home/dev/program"})
    spool.add("prompt", "a-program", later(), {"prompt_id": "p1", "text": "Fix the login bug"})
    spool.add(
        "action", "a-program", later(),
        {
            "action_type": "tool_call", "tool_name": "Edit", "target_path": "/home/dev/program/login.py",
            "success": True, "duration_ms": 77, "metadata": {"lines_added": 10}, "agent_id": 1,
        },
    )  # fmt: skip
    spool.add(
        "response", "a-program", later(), {"text": "Fixed.", "model": "claude-opus-5-5", "latency_ms": 500}
    )
    spool.add(
        "api_call", "a-program", later(),
        {"model": 1, "usage": {"input_tokens": 1200, "output_tokens": 350}, "cost_usd": 0.018},
    )  # fmt: skip
    _told_of_work(spool, later)
    spool.add("session", "a-program", later(), {"event": "end", "end_reason": "done"})
    call_of_sdk = {"model": "claude-opus-5-5", "attempt": 1, "request_id": "req-sdk-1", "duration_ms": 20}
    spool.add(
        "api_call", "sdk-alone", later(), call_of_sdk | {"status": 529, "error_type": "overloaded_error"}
    )
    spool.add(
        "api_call", "sdk-alone", later(),
        call_of_sdk
        | {
            "attempt": 2, "request_id": "req-sdk-2", "message_id": "msg-sdk-2", "status": 200, "usage": usage,
            "stop_reason": "end_turn", "duration_ms": 1234, "first_token_ms": 321, "prompt": "Say hello",
            "content": [{"type": "text", "text": "Hello."}],
        },
    )  # fmt: skip
    return spool.content
