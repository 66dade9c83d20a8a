"""PreToolUse of Workflow: forecasts the run, and warns the user if it may cost much."""

from agent_store.record.hooks.hook import Hook, Record, record_of, text_of
from agent_store.record.hooks.spending import number

# The type of a workflow's agents, as the client names it, and the key of the band that holds for agents of any type.
_AGENT = "workflow-subagent"
_ANY = ""
# Each further warning of a session is of at least so many times the last one.
_FURTHER = 2
_MOST_AGENTS = 1000
# Less than that is an error of rounding.
_HARDLY = 1e-9


def forecast(hook: Hook) -> "Record | None":
    """The message that tells the user what the workflow should cost, or what each of its agents should."""
    # What the run that it goes on with has cost is not known here.
    if record_of(hook.event.get("tool_input")).get("resumeFromRunId"):
        return None
    brief = record_of(hook.brief_of_all.get("forecasts"))
    warn_usd = number(brief.get("warn_usd"))
    band = record_of(hook.brief.get("workflow_band")) or record_of(brief.get("workflow_band"))
    text = _of_workflows(hook, band, warn_usd) if band else _of_its_agents(hook, record_of(brief.get("bands")), warn_usd)
    if not text:
        return None
    hook.warn("cost_forecast", text)
    return {"systemMessage": "Agent Store: " + text}


def _of_workflows(hook: Hook, band: Record, warn_usd: float) -> str:
    """Record the forecast; the warning if the workflows of the session should cost much together."""
    hook.record("forecast", {**band, "work_kind": "workflow_run", "work_count": 1, "interface": "hook"})
    call = text_of(hook.event.get("tool_use_id"))
    hook.note(noted="workflow_forecast", call=call, low=band.get("low_usd"), high=band.get("high_usd"))
    # A hook that is registered twice has noted each call twice. A call that failed has started nothing.
    calls = {text_of(note.get("call")): note for note in hook.notes if note.get("noted") == "workflow_forecast"}
    for note in hook.notes:
        if note.get("noted") == "failed" and note.get("call") != call:
            calls.pop(text_of(note.get("call")), None)
    # Without a session, there are no notes.
    bands = list(calls.values()) or [{"low": band.get("low_usd"), "high": band.get("high_usd")}]
    low, high = (sum(number(one.get(end)) for one in bands) for end in ("low", "high"))
    told = max((number(note.get("high")) for note in hook.notes if note.get("noted") == "workflow_told"), default=0.0)
    if high < max(warn_usd, _FURTHER * told):
        return ""
    hook.note(noted="workflow_told", high=high)
    of_how_many = f"{number(band.get('past_count')):,.0f} earlier ones"
    if len(bands) == 1:
        return f"this workflow should cost ${low:,.2f} to ${high:,.2f}: four of five such workflows did, of {of_how_many}."
    return (
        f"{len(bands)} workflows of this session should cost ${low:,.2f} to ${high:,.2f} together: each has a band that "
        f"four of five such workflows were in, of {of_how_many}."
    )


def _of_its_agents(hook: Hook, bands: Record, warn_usd: float) -> str:
    """Where too few workflows are known: from how many agents on it may cost much. Told once a session."""
    band = record_of(bands.get(_AGENT) or bands.get(_ANY))
    high = number(band.get("high_usd"))
    if high <= 0 or warn_usd <= 0 or hook.has_noted(noted="workflow_agents_told"):
        return ""
    agents = int(warn_usd / high + _HARDLY) + 1
    if agents > _MOST_AGENTS:
        return ""
    hook.note(noted="workflow_agents_told")
    together = "even one" if agents == 1 else f"{agents:,} together"
    return (
        f"an agent of this workflow should cost ${number(band.get('low_usd')):,.2f} to ${high:,.2f} (four of five such "
        f"runs did, of {number(band.get('past_count')):,.0f} earlier ones); {together} may cost more than ${warn_usd:,.2f}."
    )
