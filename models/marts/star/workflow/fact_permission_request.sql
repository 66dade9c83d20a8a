{{ config(
    materialized='incremental', incremental_strategy='replace_touched',
    zstd_columns=['tool_input', 'permission_suggestions']
) }}

with touched as {{ touched_sessions() }},

hooks as (
    select hooks.*
    from {{ ref('int_hook') }} as hooks
    semi join touched on touched.session_id = hooks.session_id
),

requests as (
    select * from hooks
    where hook_event = 'PermissionRequest'
),

-- The client does not say which call the request is for: it is the last earlier call with the same tool and
-- input.
begun as (
    select
        requests.event_id,
        max_by(calls.tool_use_id, (calls.received_at, calls.tool_use_id)) as tool_use_id
    from requests
    inner join hooks as calls
        on calls.hook_event = 'PreToolUse' and calls.session_id = requests.session_id
        and calls.actor = requests.actor and calls.tool_name = requests.tool_name
        and calls.tool_input_hash = requests.tool_input_hash and calls.received_at <= requests.received_at
    group by requests.event_id
),

-- A tool started to run at its end minus its duration.
ended as (
    select
        tool_use_id,
        min(received_at - to_milliseconds(cast(coalesce(duration_ms, 0) as bigint))) as allowed_at
    from hooks
    where hook_event in ('PostToolUse', 'PostToolUseFailure') and tool_use_id is not null
    group by tool_use_id
),

refused as (
    select tool_use_id, min(received_at) as denied_at, min(payload.reason) as denial_reason
    from hooks
    where hook_event = 'PermissionDenied' and tool_use_id is not null
    group by tool_use_id
),

calls as (
    select calls.*
    from {{ ref('int_tool_call') }} as calls
    semi join touched on touched.session_id = calls.session_id
)

select
    requests.event_id as request_id,
    requests.session_id,
    actors.agent_id,
    actors.agent_run_id,
    calls.tool_use_id as invocation_id,
    coalesce(requests.turn_id, calls.turn_id) as prompt_id,
    {{ surrogate_key(['requests.tool_name']) }} as tool_id,
    requests.received_at as requested_at,
    case
        when ended.allowed_at is not null then greatest(ended.allowed_at, requests.received_at)
        when refused.denied_at is not null then greatest(refused.denied_at, requests.received_at)
        when calls.call_status = 'denied' then greatest(calls.returned_at, requests.received_at)
    end as decided_at,
    requests.tool_name,
    left(coalesce(calls.target, requests.tool_input), 2000) as target,
    requests.payload.permission_mode as permission_mode,
    case
        when ended.allowed_at is not null then 'allowed'
        when refused.denied_at is not null or calls.call_status = 'denied' then 'denied'
        when calls.call_status = 'interrupted' then 'interrupted'
        else 'unknown'
    end as outcome,
    coalesce(refused.denial_reason, calls.error_type) as denial_reason,
    calls.user_feedback,
    cast(requests.payload.permission_suggestions as varchar) as permission_suggestions,
    'recorded' as provenance,
    cast({{ ms_between('requests.received_at', 'decided_at') }} as bigint) as wait_ms,
    requests.source_path as _source_path,
    requests.source_line as _source_line,
    requests._batch_id
from requests
inner join {{ ref('int_actor') }} as actors
    on actors.session_id = requests.session_id and actors.actor = requests.actor
left join begun on begun.event_id = requests.event_id
left join ended on ended.tool_use_id = begun.tool_use_id
left join refused on refused.tool_use_id = begun.tool_use_id
left join calls on calls.tool_use_id = begun.tool_use_id
