{#
    The fields read from a spooled event, as one nested specification for json_struct: the envelope, and as
    `payload` the fields of all kinds of events, each once whichever kind has it. The fields of a hook are
    those of the client (2.1.332), the others those of `agent_store/record`. Ids may be numbers or text: they
    become text.
#}
{% macro event_spec() -%}
{
    "schema_version": "COUNT", "kind": "VARCHAR", "received_at_ms": "BIGINT", "host": "VARCHAR", "pid": "BIGINT",
    "sequence": "BIGINT", "session_id": "VARCHAR", "payload": {
        "session_id": "VARCHAR", "occurred_at_ms": "BIGINT", "agent_id": "VARCHAR", "task_id": "VARCHAR",
        "prompt_id": "VARCHAR", "tool_use_id": "VARCHAR",
        "hook_event_name": "VARCHAR", "cwd": "VARCHAR", "permission_mode": "VARCHAR", "agent_type": "VARCHAR",
        "source": "VARCHAR", "model": "VARCHAR", "reason": "VARCHAR", "trigger": "VARCHAR", "prompt": "VARCHAR",
        "expansion_type": "VARCHAR", "command_name": "VARCHAR", "command_args": "VARCHAR",
        "file_path": "VARCHAR", "memory_type": "VARCHAR", "load_reason": "VARCHAR", "trigger_file_path": "VARCHAR",
        "parent_file_path": "VARCHAR", "globs": "JSON",
        "tool_name": "VARCHAR", "tool_input": "JSON", "error": "VARCHAR", "is_interrupt": "BOOLEAN",
        "duration_ms": "MS", "message": "VARCHAR", "title": "VARCHAR", "notification_type": "VARCHAR",
        "permission_suggestions": "JSON", "compact_summary": "VARCHAR", "error_details": "VARCHAR",
        "teammate_name": "VARCHAR", "team_name": "VARCHAR", "task_subject": "VARCHAR",
        "task_description": "VARCHAR", "from_model": "VARCHAR", "to_model": "VARCHAR",
        "requested_model": "VARCHAR", "context_tokens": "COUNT", "prompt_cache_warm": "BOOLEAN",
        "cache_ttl": "VARCHAR", "estimated_cache_write_usd": "DOUBLE", "pricing": "VARCHAR",
        "mcp_server_name": "VARCHAR", "mode": "VARCHAR", "action": "VARCHAR", "old_cwd": "VARCHAR",
        "new_cwd": "VARCHAR", "directory": "VARCHAR", "worktree_path": "VARCHAR",
        "event": "VARCHAR", "working_dir": "VARCHAR", "git_branch": "VARCHAR", "end_reason": "VARCHAR",
        "entrypoint": "VARCHAR", "user_id": "VARCHAR",
        "message_id": "VARCHAR", "request_id": "VARCHAR", "called_at_ms": "BIGINT", "attempt": "COUNT",
        "call_id": "VARCHAR", "status": "VARCHAR", "error_type": "VARCHAR", "stop_reason": "VARCHAR",
        "usage": "JSON", "first_token_ms": "MS", "is_stream": "BOOLEAN", "interrupted": "VARCHAR",
        "content": "JSON", "cost_usd": "DOUBLE", "api": "VARCHAR", "custom_id": "VARCHAR",
        "action_id": "VARCHAR", "action_type": "VARCHAR", "target_path": "VARCHAR", "success": "BOOLEAN",
        "metadata": "JSON", "text": "VARCHAR", "template_name": "VARCHAR", "latency_ms": "MS",
        "feedback_type": "VARCHAR", "comment": "VARCHAR", "rating": "DOUBLE",
        "task_type": "VARCHAR", "description": "VARCHAR", "basis": "VARCHAR",
        "decision_type": "VARCHAR", "question": "VARCHAR", "options": ["VARCHAR"], "chosen": "VARCHAR",
        "rationale": "VARCHAR", "context_hash": "VARCHAR",
        "component_name": "VARCHAR", "component_type": "VARCHAR", "validator": "VARCHAR", "passed": "VARCHAR",
        "errors": ["VARCHAR"], "warnings": ["VARCHAR"], "content_hash": "VARCHAR", "previous_hash": "VARCHAR",
        "previous_passed": "BOOLEAN", "previous_errors": ["VARCHAR"], "tokens": "COUNT", "previous_tokens": "COUNT", "budget_tokens": "COUNT",
        "command": "VARCHAR", "framework": "VARCHAR", "total": "COUNT", "failed": "COUNT", "skipped": "COUNT",
        "exit_code": "BIGINT", "timed_out": "BOOLEAN",
        "artifact_path": "VARCHAR", "metric_name": "VARCHAR", "score": "DOUBLE", "unit": "VARCHAR", "details": "JSON",
        "work_id": "VARCHAR", "work_type": "VARCHAR", "owner": "VARCHAR", "required_capability": "VARCHAR",
        "is_granted": "BOOLEAN", "holder_agent_id": "VARCHAR", "from_agent_id": "VARCHAR",
        "to_agent_id": "VARCHAR", "context": "VARCHAR",
        "strategy_name": "VARCHAR", "metrics": "JSON",
        "dependency_name": "VARCHAR", "dependency_type": "VARCHAR", "is_available": "BOOLEAN",
        "status_code": "COUNT", "response_time_ms": "MS", "version_detected": "VARCHAR",
        "query": "VARCHAR", "line_start": "COUNT", "line_end": "COUNT", "rank": "COUNT",
        "used_in_response": "BOOLEAN",
        "skill_name": "VARCHAR", "characters": "COUNT", "plugin_name": "VARCHAR",
        "components": [{"component_type": "VARCHAR", "component_name": "VARCHAR", "tokens": "COUNT"}],
        "warning_type": "VARCHAR", "target": "VARCHAR", "prior_error": "VARCHAR",
        "suggestion_type": "VARCHAR",
        "work_kind": "VARCHAR", "work_count": "COUNT", "project_name": "VARCHAR",
        "spent_usd": "DOUBLE", "low_usd": "DOUBLE", "median_usd": "DOUBLE", "high_usd": "DOUBLE",
        "low_tokens": "COUNT", "median_tokens": "COUNT", "high_tokens": "COUNT", "past_count": "COUNT",
        "similar_count": "COUNT", "ends_on": "VARCHAR",
        "report_key": "VARCHAR", "report": "VARCHAR", "origin": "VARCHAR", "starts_at_ms": "BIGINT", "ends_at_ms": "BIGINT",
        "workspace": "VARCHAR", "api_key": "VARCHAR", "service_tier": "VARCHAR", "context_window": "VARCHAR",
        "cost_type": "VARCHAR", "token_type": "VARCHAR", "currency": "VARCHAR", "amount_usd": "DOUBLE",
        "uncached_input_tokens": "BIGINT", "output_tokens": "BIGINT", "cache_read_tokens": "BIGINT",
        "cache_write_5m_tokens": "BIGINT", "cache_write_1h_tokens": "BIGINT", "web_search_count": "BIGINT",
        "interface": "VARCHAR", "tool": "VARCHAR", "sql": "VARCHAR", "sql_hash": "VARCHAR", "row_count": "COUNT"
    }
}
{%- endmacro %}

{# The kinds of events known to this version, as SQL texts. #}
{% macro event_kinds() -%}
    'hook', 'api_call', 'session', 'action', 'prompt', 'response', 'feedback', 'task_outcome', 'decision',
    'validation', 'test_run', 'quality_measurement', 'work_item', 'claim', 'handoff', 'strategy_outcome',
    'dependency_check', 'retrieval', 'component', 'skill_load', 'context_drop', 'document_update', 'warning',
    'suggestion', 'query', 'forecast', 'provider_usage'
{%- endmacro %}

{# The payload as one struct, without the long texts, which have their own columns or stay in raw. #}
{% macro event_payload(payload) -%}
    {%- set long_texts = ['tool_input', 'content', 'compact_summary', 'metadata', 'metrics', 'sql'] -%}
    {%- set names = fromjson(event_spec()).payload.keys() | reject('in', long_texts) | list -%}
    {
        {%- for name in names %}
        '{{ name }}': {{ payload }}.{{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    }
{%- endmacro %}
