"""What can be recorded: each kind of event of the spool, the modules it belongs to, and which of its fields is its id."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """A kind of event; recorded where one of its modules is selected."""

    modules: frozenset[str]
    # The fields that name what is recorded, the first that is given counts.
    own_ids: tuple[str, ...] = ()
    # Whether the first of them is made up where none is given, because other records point to it.
    needs_id: bool = False


def _event(modules: str, *own_ids: str, needs_id: bool = False) -> Event:
    return Event(frozenset(modules.split()), own_ids, needs_id)


EVENTS = {
    "session": _event("core", "session_id"),
    "action": _event("core workflow", "action_id", "tool_use_id", needs_id=True),
    "api_call": _event("core cost token_budget", "call_id", "message_id", "request_id"),
    "component": _event("core token_budget"),
    "warning": _event("core"),
    "prompt": _event("audit", "prompt_id", needs_id=True),
    "response": _event("audit"),
    "feedback": _event("audit quality"),
    "task_outcome": _event("core memory improvement", "task_id"),
    "decision": _event("memory"),
    "validation": _event("quality"),
    "test_run": _event("quality"),
    "quality_measurement": _event("core quality"),
    "work_item": _event("coordination", "work_id", needs_id=True),
    "claim": _event("coordination"),
    "handoff": _event("coordination"),
    "strategy_outcome": _event("improvement"),
    "suggestion": _event("improvement coordination"),
    "dependency_check": _event("dependencies"),
    "retrieval": _event("retrieval"),
    "document_update": _event("retrieval"),
    "skill_load": _event("token_budget workflow", "tool_use_id"),
    "context_drop": _event("token_budget"),
}
