-- The extra dollars of a cache miss are those of everything that was sent again, by what it cost.
with usage as (
    select
        usage.*,
        usage.input_cost_usd / nullif(sum(usage.input_cost_usd) over (partition by usage.call_id), 0)
            as input_cost_ratio
    from {{ ref('fact_token_usage') }} as usage
),

answers as (
    select call_id, model_id
    from {{ ref('fact_inference') }}
    where is_answer
),

-- An inference that did not finish its response is a component of its own, and may be of another model.
others as (
    select
        call_id,
        {{ surrogate_key([
            inference_component_type('inference_type'), inference_component_name('inference_type')
        ]) }} as component_id,
        min(model_id) as model_id
    from {{ ref('fact_inference') }}
    where not is_answer
    group by all
),

attributed as (
    select
        cast({{ local_time('usage.measured_at') }} as date) as usage_date,
        usage.session_id,
        coalesce(others.model_id, answers.model_id) as model_id,
        usage.agent_id,
        usage.component_id,
        usage.call_id,
        coalesce(misses.extra_cost_usd * usage.input_cost_ratio, 0) as miss_extra_cost_usd,
        usage.input_tokens,
        usage.output_tokens,
        usage.cost_usd
    from usage
    left join answers on answers.call_id = usage.call_id
    left join others on others.call_id = usage.call_id and others.component_id = usage.component_id
    left join {{ ref('fact_cache_miss') }} as misses on misses.call_id = usage.call_id
)

select
    usage_date,
    session_id,
    model_id,
    agent_id,
    component_id,
    count(distinct call_id) as request_count,
    cast(sum(input_tokens) as bigint) as input_tokens,
    cast(sum(output_tokens) as bigint) as output_tokens,
    sum(miss_extra_cost_usd) as miss_extra_cost_usd,
    sum(cost_usd) as cost_usd
from attributed
group by all
