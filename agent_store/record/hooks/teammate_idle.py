"""TeammateIdle: offers open work that suits the teammate, each piece once."""

from agent_store.record.hooks.hook import Hook, Record, records_of, text_of


def answer(hook: Hook) -> "Record | None":
    """Keep the teammate at work with the first piece that it can do."""
    teammate = text_of(hook.event.get("teammate_name"))
    for work in records_of(hook.brief.get("open_work")):
        suits = work.get("suits")
        if isinstance(suits, list) and suits and teammate not in suits:
            continue
        work_id = work.get("work_id")
        if hook.has_noted(noted="offered", work=work_id):
            continue
        text = (
            f"Open work in this project that nobody has finished: {text_of(work.get('description'))} "
            f"({work.get('work_type')}, handed out {work.get('at')} UTC in session {text_of(work.get('session'))[:8]}). "
            "Take it if it is still open."
        )
        hook.note(noted="offered", work=work_id)
        hook.suggest("work", text, work_id=work_id, teammate_name=teammate)
        return {"decision": "block", "reason": text}
    return None
