"""PostToolBatch: the only event that reports calls refused by the client, such as an edit of a file that was not
read."""

from agent_store.record.hooks.hook import Hook, Record, records_of, text_of
from agent_store.record.hooks.tool_failed import note_failure

_REFUSED = "<tool_use_error>"


def answer(hook: Hook) -> "Record | None":
    """Note refused calls; other failures have their own event."""
    for call in records_of(hook.event.get("tool_calls")):
        response = text_of(call.get("tool_response"))
        if response.startswith(_REFUSED) and not hook.has_noted(noted="failed", call=call.get("tool_use_id")):
            note_failure(hook, call, response)
    return None
