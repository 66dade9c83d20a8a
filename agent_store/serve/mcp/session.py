"""Which session a call comes from."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from agent_store.record import spool

if TYPE_CHECKING:
    from agent_store.paths import StorePaths

_VARIABLE: Final = "CLAUDE_CODE_SESSION_ID"
# The hook of the call has just written its line.
_TAIL_BYTES: Final = 256 * 1024
_FILES: Final = 8


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks: the session, and the subagent in it."""

    session_id: str | None = None
    agent_id: str | None = None


def asking(paths: StorePaths, tool_use_id: object) -> Asking:
    """Who asks, by the hook that the client ran before this call; else the session that started the server.

    A server outlives `/clear`, which begins another session: only the hook knows of it.
    """
    if isinstance(tool_use_id, str) and tool_use_id and (told := _told_by_hook(paths, tool_use_id)):
        return told
    return Asking(os.environ.get(_VARIABLE, "").strip() or None)


def _told_by_hook(paths: StorePaths, tool_use_id: str) -> Asking | None:
    sign = tool_use_id.encode()
    with suppress(OSError):
        files = sorted(paths.spool.glob(f"{spool.HOOKS}-*"), key=lambda file: file.stat().st_mtime)
        for file in files[: -_FILES - 1 : -1]:
            with file.open("rb") as opened:
                size = opened.seek(0, os.SEEK_END)
                opened.seek(max(0, size - _TAIL_BYTES))
                lines = opened.read().split(b"\n")
            for line in reversed(lines):
                if sign not in line:
                    continue
                with suppress(ValueError):
                    event = json.loads(line).get("payload")
                    if isinstance(event, dict) and event.get("tool_use_id") == tool_use_id:
                        session, agent = event.get("session_id"), event.get("agent_id")
                        return Asking(
                            session if isinstance(session, str) else None,
                            agent if isinstance(agent, str) else None,
                        )
    return None
