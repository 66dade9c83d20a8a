"""UserPromptSubmit: names the strategy that has clearly worked better for such tasks, once per session."""

import os

from agent_store.record.hooks.hook import BRIEFS, Hook, Record, records_of, text_of


def answer(hook: Hook) -> "Record | None":
    """The advice for this kind of task. Off by AGENT_STORE_STRATEGY_HINTS=0."""
    advice = records_of(hook.brief_of_all.get("advice"))
    if not advice or os.environ.get("AGENT_STORE_STRATEGY_HINTS", "").strip() == "0":
        return None
    from agent_store.record.hooks import task_type

    kind = task_type.of_text(text_of(hook.event.get("prompt")), hook.home + "/" + BRIEFS)
    for one in advice:
        if one.get("task_type") != kind or hook.has_noted(noted="advised", task_type=kind):
            continue
        text = text_of(one.get("advice"))
        hook.note(noted="advised", task_type=kind)
        hook.suggest("strategy", text, strategy_name=one.get("strategy_name"), task_type=kind)
        return hook.context("From earlier tasks of this kind, as Agent Store counted them: " + text)
    return None
