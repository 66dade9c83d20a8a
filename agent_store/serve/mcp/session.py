"""The session that a call comes from."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from agent_store.library.live import last_lines
from agent_store.record import spool

if TYPE_CHECKING:
    from agent_store.paths import StorePaths

# The variables that the client sets for its servers.
_SESSION: Final = "CLAUDE_CODE_SESSION_ID"
_PROJECT: Final = "CLAUDE_PROJECT_DIR"
# The hook of the call has just written its line, so it is near the end.
_TAIL_BYTES: Final = 256 * 1024
_FILES: Final = 8


@dataclass(frozen=True, slots=True)
class Asking:
    """The caller: the session, its subagent, and the folder that the session works in."""

    session_id: str | None = None
    agent_id: str | None = None
    project_path: str | None = None


def asking(paths: StorePaths, tool_use_id: object) -> Asking:
    """The caller, from the hook that the client ran before this call; else the session that started the server.

    A server outlives `/clear`, which starts another session: only the hook knows about it.
    """
    session_id, agent_id = _variable(_SESSION), None
    if isinstance(tool_use_id, str) and tool_use_id and (event := _hook_of(paths, tool_use_id)):
        session_id, agent_id = (_text(event.get(name)) for name in ("session_id", "agent_id"))
    return Asking(session_id, agent_id, _variable(_PROJECT))


def _variable(name: str) -> str | None:
    return os.environ.get(name, "").strip() or None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _hook_of(paths: StorePaths, tool_use_id: str) -> dict[str, Any] | None:
    """The event that the client passed to the hook before a call."""
    sign = tool_use_id.encode()
    with suppress(OSError):
        files = sorted(paths.spool.glob(f"{spool.HOOKS}-*"), key=lambda file: file.stat().st_mtime)
        for file in files[: -_FILES - 1 : -1]:
            for line in reversed(last_lines(file, _TAIL_BYTES)):
                if sign not in line:
                    continue
                with suppress(ValueError):
                    event = json.loads(line).get("payload")
                    if isinstance(event, dict) and event.get("tool_use_id") == tool_use_id:
                        return event
    return None
