{{ config(materialized='table') }}

with usage as (
    select
        component_id,
        session_id,
        left(cast({{ local_time('measured_at') }} as varchar), 7) as usage_month,
        input_tokens,
        output_tokens,
        cost_usd
    from {{ ref('fact_token_usage') }}
),

periods as (
    select 'all' as period, component_id, session_id, input_tokens, output_tokens, cost_usd from usage
    union all
    select usage_month, component_id, session_id, input_tokens, output_tokens, cost_usd
    from usage
    where usage_month is not null
),

summed as (
    select
        period,
        component_id,
        count(distinct session_id) as session_count,
        count(*) filter (where input_tokens > 0) as request_count,
        sum(input_tokens) as carried_tokens,
        sum(output_tokens) as output_tokens,
        sum(cost_usd) as cost_usd
    from periods
    group by period, component_id
)

select
    summed.period,
    summed.component_id,
    components.component_type,
    components.component_name,
    cast(summed.session_count as bigint) as session_count,
    cast(summed.request_count as bigint) as request_count,
    cast(summed.carried_tokens as bigint) as carried_tokens,
    summed.carried_tokens / nullif(summed.request_count, 0) as tokens_per_request,
    cast(summed.output_tokens as bigint) as output_tokens,
    summed.cost_usd,
    summed.cost_usd / nullif(sum(summed.cost_usd) over (partition by summed.period), 0) as cost_ratio
from summed
inner join {{ ref('dim_component') }} as components on components.component_id = summed.component_id
