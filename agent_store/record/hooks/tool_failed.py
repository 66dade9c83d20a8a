"""PostToolUseFailure: notes the failure, so that a repetition can trigger a warning."""

import time

from agent_store.record.hooks import calls
from agent_store.record.hooks.hook import Hook, Record, text_of


def answer(hook: Hook) -> "Record | None":
    """Note the failure. An interrupted call says nothing about success."""
    if not hook.event.get("is_interrupt"):
        note_failure(hook, hook.event, text_of(hook.event.get("error")))
    return None


def note_failure(hook: Hook, call: Record, error: str) -> None:
    """Note that a call failed."""
    hook.note(
        noted="failed", at=time.time_ns() // 1_000_000, tool=call.get("tool_name"), target=calls.target_of(call),
        signature=calls.signature_of(call), error=calls.error_line(error), call=call.get("tool_use_id"),
    )  # fmt: skip
