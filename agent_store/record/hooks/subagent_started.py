"""SubagentStart: forecasts the run, warns of what the agents of a prompt should cost together, and of what was spent."""

from agent_store.record.hooks import spending
from agent_store.record.hooks.hook import Hook, Record, record_of, text_of
from agent_store.record.hooks.spending import number

# The key of the band that holds for agents of any type.
ANY = ""
# Each further warning of a prompt is of at least so many times the last one.
_FURTHER = 2
_NAMED = 3


def answer(hook: Hook) -> "Record | None":
    """Tell the user what is expected, and which alerts are reached."""
    expected = _expected(hook)
    reached = spending.answer(hook)
    if not expected:
        return reached
    said = text_of((reached or {}).get("systemMessage")).removeprefix("Agent Store: ")
    return {"systemMessage": "Agent Store: " + (f"{expected} {said}" if said else expected)}


def _expected(hook: Hook) -> str:
    """Record the forecast of this run; the warning if the runs of its prompt should cost much together."""
    brief = record_of(hook.brief_of_all.get("forecasts"))
    bands = record_of(brief.get("bands"))
    agent_type, run = text_of(hook.event.get("agent_type")), text_of(hook.event.get("agent_id"))
    band = record_of(bands.get(agent_type) or bands.get(ANY))
    if not agent_type or not run or not band:
        return ""
    hook.record("forecast", {
        **band, "work_kind": "agent_run", "work_count": 1, "agent_id": run, "agent_type": agent_type, "interface": "hook",
    })  # fmt: skip
    prompt = text_of(hook.event.get("prompt_id"))
    hook.note(
        noted="forecast", prompt=prompt, run=run, agent_type=agent_type, low=band.get("low_usd"), high=band.get("high_usd")
    )  # fmt: skip
    # A hook that is registered twice has noted each run twice.
    runs = {
        text_of(note.get("run")): note
        for note in hook.notes
        if note.get("noted") == "forecast" and note.get("prompt") == prompt
    }
    high = sum(number(note.get("high")) for note in runs.values())
    before = [note for note in hook.notes if note.get("noted") == "forecast_told" and note.get("prompt") == prompt]
    told = max((number(note.get("high")) for note in before), default=0.0)
    if len(runs) < _FURTHER or high < max(number(brief.get("warn_usd")), _FURTHER * told):
        return ""
    hook.note(noted="forecast_told", prompt=prompt, high=high)
    low = sum(number(note.get("low")) for note in runs.values())
    text = (
        f"{len(runs)} subagents of this prompt ({_types(list(runs.values()))}) should cost ${low:,.2f} to ${high:,.2f} "
        f"together: four of five such runs did, of {number(band.get('past_count')):,.0f} earlier ones."
    )
    hook.warn("cost_forecast", text)
    return text


def _types(runs: "list[Record]") -> str:
    counts: dict[str, int] = {}
    for run in runs:
        name = text_of(run.get("agent_type"))
        counts[name] = counts.get(name, 0) + 1
    most = sorted(counts, key=lambda name: (-counts[name], name))
    said = [f"{counts[name]} {name}" for name in most[:_NAMED]]
    rest = sum(counts[name] for name in most[_NAMED:])
    return ", ".join([*said, f"{rest} others"] if rest else said)
