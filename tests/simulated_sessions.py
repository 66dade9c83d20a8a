"""Transcripts of sessions whose prompt cache is simulated, so that the right answers about it are known.

A session is a list of requests. Each sends the whole context so far; of it the cache holds what the last request left, if
the pause is not longer than the lifetime, and what is new is written for that lifetime.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

SECONDS: Final = {"5m": 300, "1h": 3600}
START: Final = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Step:
    """One request of a session."""

    # Seconds since the request before it.
    pause: int
    # What it adds to the context, and what the model answers.
    new_tokens: int
    output_tokens: int


def random_steps(random: Random, count: int) -> list[Step]:
    """Steps with pauses below, between and beyond the two lifetimes."""
    return [
        Step(
            random.choice([5, 40, 200, 299, 301, 400, 1800, 3500, 3599, 3601, 5000]),
            random.randint(50, 9000),
            random.randint(1, 800),
        )
        for _ in range(count)
    ]


def _lines(session: str, folder: str, lifetime: str, model: str, steps: Sequence[Step]) -> Iterator[dict[str, Any]]:
    moment, context, parent = START, 0, None
    common = {
        "isSidechain": False, "userType": "external", "cwd": f"/home/dev/{folder}", "sessionId": session,
        "version": "2.1.200", "gitBranch": "main",
    }  # fmt: skip
    for number, step in enumerate(steps):
        moment += timedelta(seconds=step.pause)
        read = context if number and step.pause <= SECONDS[lifetime] else 0
        context += step.new_tokens
        written = {"5m": 0, "1h": 0, lifetime: context - read}
        prompt, answer = f"{session}-p{number}", f"{session}-a{number}"
        yield {
            **common, "parentUuid": parent, "type": "user", "uuid": prompt,
            "timestamp": _text(moment - timedelta(seconds=1)), "message": {"role": "user", "content": f"Question {number}"},
        }  # fmt: skip
        yield {
            **common, "parentUuid": prompt, "type": "assistant", "uuid": answer, "timestamp": _text(moment),
            "requestId": f"req_{session}_{number}",
            "message": {
                "id": f"msg_{session}_{number}", "type": "message", "role": "assistant", "model": model,
                "content": [{"type": "text", "text": "Done."}], "stop_reason": "end_turn", "stop_sequence": None,
                "usage": {
                    "input_tokens": 0, "cache_read_input_tokens": read, "cache_creation_input_tokens": context - read,
                    "cache_creation": {
                        "ephemeral_5m_input_tokens": written["5m"], "ephemeral_1h_input_tokens": written["1h"],
                    },
                    "output_tokens": step.output_tokens, "service_tier": "standard",
                },
            },
        }  # fmt: skip
        parent = answer


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def write_session(
    root: Path, session: str, folder: str, lifetime: str, steps: Sequence[Step], model: str = "claude-opus-5-5"
) -> None:
    """Write the transcript of a session below `root`, as Claude Code lays it out."""
    path = root / "projects" / f"-home-dev-{folder}" / f"{session}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(line, separators=(",", ":")) for line in _lines(session, folder, lifetime, model, steps))
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
