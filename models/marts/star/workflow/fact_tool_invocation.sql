{{ config(
    materialized='incremental', incremental_strategy='replace_touched',
    zstd_columns=['metadata', 'target']
) }}

with touched as {{ touched_sessions() }},

calls as (
    select calls.*
    from {{ ref('int_tool_call') }} as calls
    semi join touched on touched.session_id = calls.session_id
)

select
    calls.tool_use_id as invocation_id,
    calls.session_id,
    actors.agent_id,
    actors.agent_run_id,
    {{ surrogate_key(['calls.tool_name']) }} as tool_id,
    calls.response_id as call_id,
    calls.turn_id as prompt_id,
    calls.turn_id as task_id,
    case
        when calls.target_path is not null and calls.target_path <> ''
            then {{ surrogate_key(['calls.target_path']) }}
    end as file_id,
    calls.called_at as invoked_at,
    calls.returned_at as completed_at,
    calls.tool_name,
    calls.mcp_server,
    left(calls.target, 2000) as target,
    calls.call_status as status,
    calls.error_type,
    calls.error_text,
    calls.user_feedback,
    calls.duration_method,
    case when calls.line_origin = 'event' then 'recorded' else 'observed' end as provenance,
    calls.is_success as success,
    calls.has_found_nothing,
    calls.is_background,
    cast(calls.exit_code as bigint) as exit_code,
    cast(calls.duration_ms as bigint) as duration_ms,
    cast(calls.input_bytes as bigint) as input_size_bytes,
    cast(calls.output_bytes as bigint) as output_size_bytes,
    -- The whole input if it is short. The transcript line has the rest.
    case
        when length(calls.tool_input_json) <= 4000 then cast(calls.tool_input_json as varchar)
        else {{ as_json(
            {'target': 'left(calls.target, 500)', 'input_bytes': 'calls.input_bytes', 'is_cut': 'true'}
        ) }}
    end as metadata,
    calls.source_path as _source_path,
    calls.source_line as _source_line,
    touched._batch_id
from calls
inner join touched on touched.session_id = calls.session_id
inner join {{ ref('int_actor') }} as actors
    on actors.session_id = calls.session_id and actors.actor = calls.actor
