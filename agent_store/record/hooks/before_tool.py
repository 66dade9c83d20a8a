"""PreToolUse: measures a skill, forecasts a workflow, and warns about a call that has just failed in the same way.

Nothing is blocked.
"""

import time

from agent_store.record.hooks import calls, skill
from agent_store.record.hooks.hook import Hook, Record, record_of, records_of, text_of

_SKILL = "Skill"
_WORKFLOW = "Workflow"
# After this many failures of one kind on one target, a changed input gets a warning too.
_REPEATED = 2


def answer(hook: Hook) -> "Record | None":
    """What the model should know before it makes the call."""
    if hook.event.get("tool_name") == _SKILL:
        tool_input = record_of(hook.event.get("tool_input"))
        return skill.measured(hook, text_of(tool_input.get("skill")), "agent")
    expected: Record | None = None
    if hook.event.get("tool_name") == _WORKFLOW:
        from agent_store.record.hooks import workflow

        expected = workflow.forecast(hook)
    found = _failed_in_this_session(hook) or _failed_in_another(hook)
    if found is None:
        return expected
    text, failure = found
    hook.note(
        noted="warned", signature=calls.signature_of(hook.event), of=failure.get("call") or failure.get("at")
    )
    hook.warn(
        "repeated_failure", text, tool_name=hook.event.get("tool_name"), target=calls.target_of(hook.event),
        prior_error=failure.get("error"), prior_at=failure.get("at"),
    )  # fmt: skip
    return {**(expected or {}), **hook.context(text)}


def _failed_in_this_session(hook: Hook) -> "tuple[str, Record] | None":
    """The same call failed and nothing has changed since; or the target has failed repeatedly in the same way."""
    notes = hook.notes
    tool, target, signature = (
        hook.event.get("tool_name"),
        calls.target_of(hook.event),
        calls.signature_of(hook.event),
    )
    failures = [
        (place, note) for place, note in enumerate(notes)
        if note.get("noted") == "failed" and note.get("tool") == tool and note.get("target") == target
    ]  # fmt: skip
    if not failures:
        return None
    place, last = failures[-1]
    if hook.has_noted(noted="warned", of=last.get("call") or last.get("at")):
        return None
    later = [note for note in notes[place:] if note.get("noted") == "worked"]
    if any(note.get("tool") == tool and note.get("target") == target for note in later):
        return None
    alike = [note for _, note in failures if note.get("error") == last.get("error")]
    is_same = last.get("signature") == signature and not later
    if not is_same and len(alike) < _REPEATED:
        return None
    times = "" if len(alike) == 1 else f" {len(alike)} times"
    text = (
        f"{_what(hook)} has failed{times} in this session: {last.get('error')} ({_time(last.get('at'))} UTC)."
    )
    text += " Nothing has been changed since." if is_same else ""
    worked = [note for note in later if note.get("tool") == tool]
    if worked:
        text += f" Afterwards this worked: {worked[0].get('target')}"
    return text, last


def _failed_in_another(hook: Hook) -> "tuple[str, Record] | None":
    """The same call, or one on the same file, failed in earlier sessions and has not succeeded since."""
    tool, target = hook.event.get("tool_name"), calls.target_of(hook.event)
    if not target:
        return None
    for failure in records_of(hook.brief.get("failures")):
        if failure.get("tool") == tool and failure.get("target") == target:
            if hook.has_noted(noted="warned", of=failure.get("at")) or hook.has_noted(
                tool=tool, target=target
            ):
                return None
            times = "" if failure.get("count") == 1 else f" {failure.get('count')} times"
            text = (
                f"{_what(hook)} failed{times} recently and has not worked since: {failure.get('error')} "
                f"(session {text_of(failure.get('session'))[:8]}, {failure.get('at')} UTC)."
            )
            if failure.get("worked"):
                text += f" Afterwards this worked: {failure.get('worked')}"
            return text, failure
    return None


def _what(hook: Hook) -> str:
    target = calls.target_of(hook.event)
    return f"{hook.event.get('tool_name')} {target[:200]}".strip()


def _time(at: object) -> str:
    return time.strftime("%H:%M", time.gmtime(at / 1000)) if isinstance(at, int) else "earlier"
