-- Contents of the main thread's context, request by request.
{%- set bands = 7 %}
with calls as (
    select
        call_id,
        session_id,
        called_at,
        context_tokens,
        row_number() over (partition by session_id order by called_at nulls last, call_id) as request_number,
        row_number() over (partition by session_id order by context_tokens desc, called_at, call_id)
            as size_rank,
        row_number() over (partition by session_id order by called_at desc nulls last, call_id desc)
            as recency_rank
    from {{ ref('fact_api_call') }}
    where success and agent_run_id is null and context_tokens > 0
),

compactions as (
    select distinct session_id, next_call_id
    from {{ ref('fact_context_overflow') }}
    where compact_triggered
),

parts as (
    select
        usage.session_id,
        usage.call_id,
        case
            when components.component_type in ('tool', 'agent', 'skill', 'command')
                then components.component_type || ' ' || components.component_name
            when components.component_type = 'system_prompt' then replace(components.component_name, '_', ' ')
            else replace(components.component_type, '_', ' ')
        end as part_name,
        cast(sum(usage.context_tokens) as bigint) as tokens
    from {{ ref('fact_token_usage') }} as usage
    inner join {{ ref('dim_component') }} as components on components.component_id = usage.component_id
    where usage.context_tokens > 0
    group by all
),

-- The parts with the most tokens over all requests have a band of their own; the rest share one.
weights as (
    select
        parts.session_id,
        parts.part_name,
        row_number() over (partition by parts.session_id order by sum(parts.tokens) desc, parts.part_name)
            as part_rank
    from parts
    inner join calls on calls.session_id = parts.session_id and calls.call_id = parts.call_id
    group by parts.session_id, parts.part_name
)

select
    calls.session_id,
    calls.call_id,
    calls.called_at,
    parts.part_name,
    case when weights.part_rank <= {{ bands }} then parts.part_name else 'everything else' end as band_name,
    calls.size_rank = 1 as is_peak,
    calls.recency_rank = 1 as is_end,
    compactions.next_call_id is not null as follows_compaction,
    calls.request_number,
    calls.context_tokens,
    weights.part_rank,
    parts.tokens,
    cast(sum(parts.tokens) over band as bigint) as band_tokens,
    sum(parts.tokens) over band / calls.context_tokens as band_ratio
from calls
inner join parts on parts.session_id = calls.session_id and parts.call_id = calls.call_id
inner join weights on weights.session_id = parts.session_id and weights.part_name = parts.part_name
left join compactions
    on compactions.session_id = calls.session_id and compactions.next_call_id = calls.call_id
window band as (
    partition by
        calls.session_id, calls.call_id,
        case when weights.part_rank <= {{ bands }} then parts.part_name end
)
