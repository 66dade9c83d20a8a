"""Data from transcripts that no build has landed yet: the context of a running session, and the edits of the last
minutes.

Only the ends of files are read. Missing or invalid lines are skipped: the store has them after the next build.
"""

from __future__ import annotations

import json
import os
import posixpath
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from agent_store.errors import StoreError
from agent_store.paths import project_dir, resolve_roots
from agent_store.record.hooks.calls import CHANGING
from ingest.landing.lines import readable_json
from ingest.transcripts.discover import transcripts

_TAIL_BYTES: Final = 512 * 1024
# If a session writes to more files than this at once, only some of them are read.
_MOST_FILES: Final = 64
# The parameters in which tools name the file that they change.
_TARGETS: Final = ("file_path", "notebook_path")
_CONTEXT: Final = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens")
# More than any model has; DuckDB does not accept arbitrarily long numbers.
_MOST_TOKENS: Final = 10**12


@dataclass(frozen=True, slots=True)
class Context:
    """The context of a running session at its last response."""

    tokens: int
    model_name: str | None


def context_of(session_id: str) -> Context | None:
    """The context of a running session; None if its transcript is not found or has no response yet."""
    for path in _files(f"{session_id}.jsonl"):
        for line in reversed(list(_lines(path))):
            message = line.get("message")
            if line.get("type") != "assistant" or line.get("isSidechain") or not isinstance(message, dict):
                continue
            usage = message.get("usage")
            if not isinstance(usage, dict):
                continue
            tokens = sum(
                count
                for name in _CONTEXT
                if isinstance(count := usage.get(name), int) and 0 <= count <= _MOST_TOKENS
            )
            # The client writes its own lines in the form of a response; they used no tokens.
            if tokens:
                model = message.get("model")
                return Context(tokens, model if isinstance(model, str) else None)
    return None


def edits(minutes: float, but_of_session: object = None, but_of_agent: object = None) -> list[dict[str, Any]]:
    """The files that tools changed in the last minutes: one row for each session, agent and file, with the last time.

    `but_of_session` and `but_of_agent` identify the caller: the main agent of a session if no agent is named. Refused
    and failed changes are included too, because the tail does not contain every result.
    """
    since = time.time() - minutes * 60
    found: dict[tuple[str, str | None, str], dict[str, Any]] = {}
    for path in _files(newer_than=since):
        for line in _lines(path):
            at = _moment(line.get("timestamp"))
            session, agent = line.get("sessionId"), line.get("agentId")
            if at is None or at.timestamp() < since or not isinstance(session, str):
                continue
            if session == but_of_session and agent == but_of_agent:
                continue
            for tool, target in _edited(line):
                whole = posixpath.join(str(line.get("cwd") or ""), target)
                found[session, agent, whole] = {
                    "session_id": session, "agent_id": agent, "target_path": whole, "tool_name": tool,
                    "edited_at_ms": int(at.timestamp() * 1000),
                }  # fmt: skip
    return list(found.values())


def name_as_asked(path: str, rows: Sequence[dict[str, Any]]) -> None:
    """Name files at or below the path in the form that was asked for: links and `..` give a file many names."""
    if not posixpath.isabs(path) or "\0" in path:
        return
    real = os.path.realpath(path)
    folder_of = cache(os.path.realpath)
    for row in rows:
        target = row["target_path"]
        if not target or not posixpath.isabs(target) or "\0" in target:
            continue
        folder, name = posixpath.split(target)
        whole = os.path.realpath(target) if name == ".." else posixpath.join(folder_of(folder), name)
        if whole != real and Path(whole).is_symlink():
            whole = os.path.realpath(whole)
        if whole == real or whole.startswith(f"{real.rstrip('/')}/"):
            row["target_path"] = (path.rstrip("/") + whole[len(real.rstrip("/")) :]) or "/"
        elif "/../" in target:
            row["target_path"] = whole


def _edited(line: dict[str, Any]) -> Iterator[tuple[str, str]]:
    message = line.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    for block in content if isinstance(content, list) else ():
        if not isinstance(block, dict) or block.get("type") != "tool_use":
            continue
        tool, asked = block.get("name"), block.get("input")
        if isinstance(tool, str) and tool in CHANGING and isinstance(asked, dict):
            yield from (
                (tool, target) for name in _TARGETS if isinstance(target := asked.get(name), str) and target
            )


def _files(name: str | None = None, newer_than: float = 0.0) -> Sequence[str]:
    """The transcripts of a name, or written since a time; the newest first."""
    found: list[tuple[int, str]] = []
    with suppress(StoreError, OSError):
        for root in resolve_roots((), project_dir(), allow_sample=False).paths:
            for file in transcripts(root):
                if name is not None and Path(file.system_path).name != name:
                    continue
                if file.stamp.mtime_ns >= newer_than * 1e9:
                    found.append((file.stamp.mtime_ns, file.system_path))
    return [path for _, path in sorted(found, reverse=True)[:_MOST_FILES]]


def last_lines(path: Path, most_bytes: int) -> list[bytes]:
    """The whole lines in the last bytes of a file. Raises OSError."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - most_bytes))
        lines = file.read(most_bytes).split(b"\n")
    return lines[1:] if size > most_bytes else lines


def _lines(path: str) -> Iterator[dict[str, Any]]:
    """The lines at the end of a transcript that are JSON objects, in order."""
    try:
        lines = last_lines(Path(path), _TAIL_BYTES)
    except OSError:
        return
    for line in lines:
        with suppress(ValueError, RecursionError):
            found = json.loads(readable_json(line.decode("utf-8", "replace")))
            if isinstance(found, dict):
                yield found


def _moment(text: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
