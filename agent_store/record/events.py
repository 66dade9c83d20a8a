"""The events that can be recorded: each kind, the modules it belongs to, and which field is its id."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """A kind of event; recorded if one of its modules is selected."""

    modules: frozenset[str]
    # The fields that identify the event; the first one given counts.
    own_ids: tuple[str, ...] = ()
    # The prefix that facts put before the event's key if it has no id of its own.
    prefix: str = ""


def _event(modules: str, *own_ids: str, prefix: str = "") -> Event:
    return Event(frozenset(modules.split()), own_ids, prefix)


EVENTS = {
    "session": _event("core", "session_id"),
    "action": _event("core workflow", "tool_use_id", "action_id", prefix="recorded_"),
    "api_call": _event("core cost token_budget", "call_id", "message_id", "request_id"),
    "component": _event("core token_budget"),
    "warning": _event("core"),
    "prompt": _event("audit", "prompt_id"),
    "response": _event("audit"),
    "feedback": _event("audit quality"),
    "task_outcome": _event("core memory improvement", "task_id"),
    "decision": _event("memory"),
    "validation": _event("quality"),
    "test_run": _event("quality"),
    "quality_measurement": _event("core quality"),
    "work_item": _event("coordination", "work_id"),
    "claim": _event("coordination"),
    "handoff": _event("coordination"),
    "strategy_outcome": _event("improvement"),
    "suggestion": _event("improvement coordination"),
    "dependency_check": _event("dependencies"),
    "retrieval": _event("retrieval"),
    "document_update": _event("retrieval"),
    "skill_load": _event("token_budget workflow", "tool_use_id"),
    "context_drop": _event("token_budget"),
    "forecast": _event("cost"),
    "provider_usage": _event("cost"),
}

_FIELDS = """
action_id action_type agent_id agent_type amount_usd api api_key artifact_path attempt basis budget_tokens
cache_read_tokens cache_write_1h_tokens cache_write_5m_tokens call_id called_at_ms characters chosen command
comment component_name component_type components content content_hash context context_hash context_tokens
context_window cost_type cost_usd currency custom_id decision_type dependency_name dependency_type description
duration_ms end_reason ends_at_ms ends_on entrypoint error error_type errors event exit_code failed
feedback_type file_path first_token_ms framework from_agent_id git_branch high_tokens high_usd holder_agent_id
interface interrupted is_available is_granted is_stream latency_ms line_end line_start low_tokens low_usd
median_tokens median_usd message_id metadata metric_name metrics model occurred_at_ms options origin
output_tokens owner passed past_count plugin_name previous_hash previous_passed previous_tokens prior_error
project_name prompt prompt_id query question rank rating rationale reason report report_key request_id
required_capability response_time_ms row_count score service_tier session_id similar_count skill_name skipped
spent_usd sql sql_hash starts_at_ms status status_code stop_reason strategy_name success suggestion_type target
target_path task_id task_type template_name text timed_out title to_agent_id token_type tokens tool tool_name
tool_use_id total trigger uncached_input_tokens unit usage used_in_response user_id validator version_detected
warning_type warnings web_search_count work_count work_id work_kind work_type working_dir workspace
"""
# The fields that the reader knows (macros/staging/event_spec.sql). All others go into `metadata`, which is stored
# unchanged.
FIELDS = frozenset(_FIELDS.split())
