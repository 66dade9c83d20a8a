"""UserPromptExpansion: acknowledges feedback without calling the model, and measures a skill before it is loaded."""

from agent_store.record.hooks import skill
from agent_store.record.hooks.hook import Hook, Record, text_of

# The commands of the plugin. The event itself is the record: command_name and command_args have everything.
FEEDBACK_COMMANDS = ("agent-store:thumbs-up", "agent-store:thumbs-down", "agent-store:report-problem")


def answer(hook: Hook) -> "Record | None":
    """Block a feedback command, so that no API call is made."""
    name = text_of(hook.event.get("command_name"))
    if name in FEEDBACK_COMMANDS:
        return {"decision": "block", "reason": "Noted, thank you."}
    if hook.event.get("expansion_type") == "slash_command":
        return skill.measured(hook, name, "user")
    return None
