{{ config(materialized='view') }}

-- The segments of contexts with a name that a person recognizes: which command, which file, which prompt or answer.
with segments as (
    select
        *,
        case when item_kind in ('answer', 'thinking') then _source_line end as response_line,
        case when item_kind in ('prompt', 'task_notification', 'image') then _source_line end as prompt_line
    from {{ ref('fact_context_segment') }}
)

select
    segments.segment_id,
    segments.session_id,
    segments.call_id,
    segments.invocation_id,
    segments.entered_at,
    segments.item_kind,
    segments.component_name,
    case
        when segments.component_type in ('system_prompt', 'assistant_output', 'user_prompt')
            then replace(segments.component_name, '_', ' ')
        else segments.component_name
    end || coalesce(': ' || nullif({{ one_line(
        "coalesce(nullif(segments.file_path, ''), work.description, left(calls.target, 200), left(responses.response_text, 200), "
        ~ "left(" ~ readable_prompt('prompts.prompt_text') ~ ", 200))"
    ) }}, ''), '') as piece_name,
    segments.allocation_method,
    segments.tokens,
    segments.requests_carried,
    segments.entry_cost_usd,
    segments.carrying_cost_usd,
    segments.cost_usd,
    segments._source_path,
    segments._source_line
from segments
left join {{ ref('fact_tool_invocation') }} as calls on calls.invocation_id = segments.invocation_id
left join {{ ref('dim_work_item') }} as work on work.work_id = segments.invocation_id
left join {{ ref('fact_response') }} as responses
    on responses.session_id = segments.session_id and responses._source_path = segments._source_path
    and responses._source_line = segments.response_line
left join {{ ref('fact_prompt') }} as prompts
    on prompts.session_id = segments.session_id and prompts._source_path = segments._source_path
    and prompts._source_line = segments.prompt_line
