{{ config(materialized='table') }}

-- What would have been cheaper, as rows with their evidence. Dollars are of the past, per month of the store's time.
with months as (
    select greatest(
        {{ ms_between('min(called_at)', 'max(called_at)') }} / 1000.0 / 86400 / 30.44, 1
    ) as month_count
    from {{ ref('fact_api_call') }}
    where called_at is not null
),

carried as (
    select
        'carried_unused_file' as optimization_type,
        cast(null as varchar) as component_id,
        file_path as subject,
        'Read less of it, or read it in a subagent: it was carried long and never used again' as suggestion,
        count(*) as occurrence_count,
        sum(tokens) as tokens,
        sum(carrying_cost_usd) as total_usd
    from {{ ref('v_carrying_cost') }}
    group by file_path
),

expired as (
    select
        'cache_' || cause as optimization_type,
        cast(null as varchar) as component_id,
        model_name as subject,
        case
            when cause = 'expired_5m' then 'Answer within five minutes, or use the cache of an hour'
            when cause = 'expired_1h' then 'Begin anew or compact before a pause of more than an hour'
            when cause = 'model_switch' then 'Switch the model at the start of a session: each switch sends the whole context anew'
            else 'Keep tools, system prompt and memory files as they are within a session'
        end as suggestion,
        sum(miss_count) as occurrence_count,
        sum(missed_tokens) as tokens,
        sum(extra_cost_usd) as total_usd
    from {{ ref('v_cache_miss') }}
    group by all
),

oversized as (
    select
        'over_budget_' || component_type as optimization_type,
        component_id,
        component_name as subject,
        'Shorten it: ' || reason as suggestion,
        entry_count as occurrence_count,
        component_tokens as tokens,
        excess_cost_usd as total_usd
    from {{ ref('v_over_budget_component') }}
),

suggestions as (
    select * from carried
    union all
    select * from expired
    union all
    select * from oversized
)

select
    {{ surrogate_key(['suggestions.optimization_type', 'suggestions.subject']) }} as optimization_id,
    suggestions.optimization_type,
    suggestions.component_id,
    suggestions.subject,
    suggestions.suggestion,
    cast(suggestions.occurrence_count as varchar) || ' times, ' || cast(suggestions.tokens as varchar) || ' tokens' as evidence,
    'estimated' as provenance,
    cast(suggestions.occurrence_count as bigint) as occurrence_count,
    cast(suggestions.tokens as bigint) as tokens,
    cast(suggestions.total_usd as double) as total_usd,
    cast(suggestions.total_usd / months.month_count as double) as dollars_per_month
from suggestions
cross join months
where suggestions.total_usd > 0
