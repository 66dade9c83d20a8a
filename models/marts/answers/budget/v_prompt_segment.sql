with ranked as (
    select
        calls.prompt_id,
        segments.session_id,
        segments.segment_id,
        segments.tokens,
        segments.entry_cost_usd,
        segments.carrying_cost_usd,
        segments.cost_usd,
        row_number() over (
            partition by calls.prompt_id order by round(segments.cost_usd, 12) desc, segments.segment_id
        ) as cost_rank
    from {{ ref('fact_context_segment') }} as segments
    inner join {{ ref('fact_api_call') }} as calls on calls.call_id = segments.call_id
    where calls.prompt_id is not null
)

select
    prompt_id,
    session_id,
    segment_id,
    cost_rank,
    tokens,
    entry_cost_usd,
    carrying_cost_usd,
    cost_usd,
    cast(count(*) over those_below as bigint) as rest_segment_count,
    sum(cost_usd) over those_below as rest_cost_usd
from ranked
window those_below as (
    partition by prompt_id order by cost_rank rows between 1 following and unbounded following
)
