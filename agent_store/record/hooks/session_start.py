"""SessionStart: the brief of the project goes to the model, warnings (down or over a limit) go to the user."""

import time

from agent_store.record.hooks import spending
from agent_store.record.hooks.hook import Hook, Record, records_of, text_of

MOST_CHARACTERS = 2000
# A resumed or compacted session already has the conversation that a brief would describe.
_FRESH = frozenset({"startup", "clear"})
_COMPACTION = "compact"


def answer(hook: Hook) -> "Record | None":
    """The brief and the warnings, if there are any."""
    source = text_of(hook.event.get("source"))
    said: Record = {}
    text = text_of(hook.brief.get("context"))[:MOST_CHARACTERS]
    if text and source in _FRESH:
        hook.suggest("brief", text)
        said.update(hook.context(text))
    now = time.strftime("%Y-%m-%d %H:%M", time.gmtime())
    warnings = [
        warning
        for brief in (hook.brief_of_all, hook.brief)
        for warning in records_of(brief.get("warnings"))
        # What was true at the last build may have changed.
        if text_of(warning.get("until")) > now
    ]
    if warnings and source != _COMPACTION:
        for warning in warnings:
            hook.warn(
                text_of(warning.get("warning_type")),
                text_of(warning.get("text")),
                target=warning.get("target"),
            )
        spending.told(hook, warnings)
        said["systemMessage"] = "Agent Store: " + " ".join(
            text_of(warning.get("text")) for warning in warnings
        )
    return said or None
