"""Sessions whose dollars are known with and without one part of their context: from a seed, by the rules of prompt caching.

A session is a list of steps: what enters the context before each request, what the answer adds, how long the pause is.
From it the usage of each request follows: it reads what the request before it left in the cache, unless the pause
outlasted the cache, and writes the rest. The session without a part is the same list of steps without its tokens:
everything that the API counts is worked out again from the start, so the difference of the two costs is what dropping the
part really saves.

Nothing here is shared with the models; prices are those of tests/independent_count.py.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from tests.independent_count import Price, find_price

TTL_SECONDS: Final = {"5m": 300, "1h": 3600}
FRAME, PER_TOKEN = 200, 3
MILLION = 1_000_000
MEMORY_PATH = "/home/dev/shop/CLAUDE.md"
NESTED_PATH = "/home/dev/shop/shop/CLAUDE.md"
SERVER_TOOL = "mcp__catalog__search"


@dataclass(frozen=True, slots=True)
class Step:
    """What happens up to the next request: a result or a prompt enters, and perhaps a nested memory file with it."""

    kind: str  # prompt | Bash | Read | mcp__catalog__search
    tokens: int
    nested_tokens: int
    output_tokens: int
    pause_seconds: int


@dataclass(frozen=True, slots=True)
class Simulated:
    """A session before it is written."""

    name: str
    model: str
    ttl: str
    # What the first request reads, cached by an earlier session: system prompt and tools, then the memory file.
    system_tokens: int
    memory_tokens: int
    # Input at the end of each request that is not cached.
    tail_tokens: int
    steps: Sequence[Step]

    def without(self, part: str) -> Simulated:
        """The same session without a part."""
        name = f"{self.name}-without-{part}"
        if part == "memory":
            return replace(self, name=name, memory_tokens=0)
        if part == "nested":
            return replace(self, name=name, steps=[replace(step, nested_tokens=0) for step in self.steps])
        return replace(
            self, name=name, steps=[replace(step, tokens=0) if step.kind == part else step for step in self.steps]
        )


@dataclass(frozen=True, slots=True)
class Usage:
    """What one request is billed for."""

    at: datetime
    read: int
    write: int
    fresh: int
    output: int


def usages(session: Simulated) -> list[Usage]:
    """The usage of each request, by the rules of prompt caching."""
    at = datetime(2026, 10, 20, 9, tzinfo=UTC)
    cached = session.system_tokens + session.memory_tokens
    context = cached
    found: list[Usage] = []
    for number, step in enumerate(session.steps):
        at += timedelta(seconds=step.pause_seconds)
        context += step.tokens + step.nested_tokens
        is_alive = number == 0 or step.pause_seconds <= TTL_SECONDS[session.ttl]
        read = min(cached, context) if is_alive else 0
        fresh = min(session.tail_tokens, context - read)
        found.append(Usage(at, read, context - read - fresh, fresh, step.output_tokens))
        cached = context - fresh
        context += step.output_tokens
    return found


def cost(session: Simulated, prices: dict[str, list[Price]]) -> float:
    """The dollars of a session."""
    total = 0.0
    for usage in usages(session):
        row = find_price(prices, session.model, usage.at.date(), usage.read + usage.write + usage.fresh, "standard")
        assert row is not None
        write = row.write_1h if session.ttl == "1h" else row.write_5m
        total += (
            usage.read * row.read + usage.write * write + usage.fresh * row.input + usage.output * row.output
        ) / MILLION
    return total


def simulate(seed: int, *, model: str, ttl: str, system_tokens: int, tail_tokens: int = 0, steps: int = 24) -> Simulated:
    """A session from a seed; about every tenth pause outlasts the cache."""
    random_of = random.Random(seed)
    made = [Step("prompt", random_of.randint(80, 400), 0, random_of.randint(60, 300), 5)]
    for number in range(1, steps):
        kind = random_of.choice(["Bash", "Read", "Read", SERVER_TOOL])
        pause = random_of.randint(4, 200)
        if random_of.random() < 0.1:
            pause = TTL_SECONDS[ttl] + random_of.randint(60, 4000)
        nested = random_of.randint(300, 900) if kind == "Read" and number % 5 == 0 else 0
        made.append(Step(kind, random_of.randint(300, 4000), nested, random_of.randint(40, 500), pause))
    return Simulated(
        f"s{seed:03}", model, ttl, system_tokens, random_of.randint(800, 3000), tail_tokens, made
    )


def write(session: Simulated, folder: Path, cwd: str = "/home/dev/shop") -> str:
    """Write the transcript of a session in a project; return its id."""
    session_id = f"00000000-0000-4000-8000-{hashlib.md5(session.name.encode()).hexdigest()[:12]}"
    lines: list[dict[str, Any]] = []

    def add(kind: str, at: datetime, **more: Any) -> None:
        number = len(lines)
        lines.append(
            {
                "type": kind, "uuid": f"{session.name}-{number}", "sessionId": session_id, "cwd": cwd,
                "parentUuid": f"{session.name}-{number - 1}" if number else None, "version": "2.1.340", "gitBranch": "main",
                "timestamp": at.isoformat().replace("+00:00", "Z"), "isSidechain": False, **more,
            }
        )  # fmt: skip

    used = usages(session)
    for number, (step, usage) in enumerate(zip(session.steps, used, strict=True)):
        before = usage.at - timedelta(seconds=1)
        if number == 0:
            add("system", before, subtype="context_usage", contextUsage=_counted(session), content="")
        _add_input(add, before, session, number, step)
        following = session.steps[number + 1] if number + 1 < len(session.steps) else None
        _add_answer(add, session, number, usage, following)
    folder.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    (folder / f"{session_id}.jsonl").write_text(text, encoding="utf-8")
    return session_id


def text_of(tokens: int) -> str:
    """A text that weighs as much as so many tokens."""
    return ("word " * tokens)[: max(tokens * PER_TOKEN - FRAME, 0)]


def _counted(session: Simulated) -> dict[str, Any]:
    categories = [{"name": "System prompt", "kind": "used", "tokens": session.system_tokens}]
    files = []
    if session.memory_tokens:
        categories.append({"name": "Memory files", "kind": "used", "tokens": session.memory_tokens})
        files.append({"path": MEMORY_PATH, "type": "Project", "tokens": session.memory_tokens})
    total = session.system_tokens + session.memory_tokens
    return {
        "model": session.model, "total_tokens": total, "raw_max_tokens": 1_000_000, "categories": categories,
        "memory_files": files,
    }  # fmt: skip


def _add_input(add: Any, at: datetime, session: Simulated, number: int, step: Step) -> None:
    if step.kind == "prompt":
        add("user", at, message={"role": "user", "content": text_of(step.tokens)})
        return
    call = f"toolu_{session.name}_{number}"
    result = {"type": "tool_result", "tool_use_id": call, "content": text_of(step.tokens)}
    add("user", at, message={"role": "user", "content": [result]}, toolUseResult={"stdout": ""})
    if step.nested_tokens:
        content = {"path": NESTED_PATH, "type": "Project", "content": text_of(step.nested_tokens)}
        add("attachment", at, attachment={"type": "nested_memory", "path": NESTED_PATH, "content": content})


def _add_answer(add: Any, session: Simulated, number: int, usage: Usage, following: Step | None) -> None:
    if following is None or following.kind == "prompt":
        content = [{"type": "text", "text": text_of(usage.output)}]
    else:
        given = {"path": "/home/dev/shop/a.txt"} if following.kind != "Read" else {"file_path": "/home/dev/shop/a.txt"}
        content = [{
            "type": "tool_use", "id": f"toolu_{session.name}_{number + 1}", "name": following.kind, "input": given,
        }]  # fmt: skip
    key = "ephemeral_1h_input_tokens" if session.ttl == "1h" else "ephemeral_5m_input_tokens"
    add(
        "assistant", usage.at, requestId=f"req_{session.name}_{number}",
        message={
            "id": f"msg_{session.name}_{number}", "role": "assistant", "model": session.model, "content": content,
            "stop_reason": "end_turn" if following is None else "tool_use",
            "usage": {
                "input_tokens": usage.fresh, "output_tokens": usage.output, "cache_read_input_tokens": usage.read,
                "cache_creation_input_tokens": usage.write, "cache_creation": {key: usage.write},
            },
        },
    )  # fmt: skip
