-- Segments of contexts, named so that a person recognizes them: a command, a file, a prompt or a response.
with segments as (
    select
        *,
        case when item_kind in ('answer', 'thinking') then _source_line end as response_line,
        case when item_kind in ('prompt', 'task_notification', 'image') then _source_line end as prompt_line
    from {{ ref('fact_context_segment') }}
),

-- A line onto which two objects are glued has two responses.
answers as (
    select session_id, _source_path, _source_line, min(left(response_text, 200)) as response_text
    from {{ ref('fact_response') }}
    group by all
),

prompts as (
    select session_id, _source_path, _source_line, min({{ readable_prompt('prompt_text') }}) as prompt_text
    from {{ ref('fact_prompt') }}
    group by all
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
        "coalesce(nullif(segments.file_path, ''), work.description, left(calls.target, 200), "
        ~ "answers.response_text, left(prompts.prompt_text, 200))"
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
left join answers
    on answers.session_id = segments.session_id and answers._source_path = segments._source_path
    and answers._source_line = segments.response_line
left join prompts
    on prompts.session_id = segments.session_id and prompts._source_path = segments._source_path
    and prompts._source_line = segments.prompt_line
