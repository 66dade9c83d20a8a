-- An inference that did not finish its response is a component of its own, and may be of another model.
with others as (
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

usage as (
    select
        usage.call_id,
        usage.session_id,
        usage.agent_id,
        usage.component_id,
        others.model_id,
        cast({{ local_time('usage.measured_at') }} as date) as usage_date,
        usage.allocation_method,
        usage.input_cost_usd,
        usage.cost_usd
    from {{ ref('fact_token_usage') }} as usage
    left join others on others.call_id = usage.call_id and others.component_id = usage.component_id
),

-- The extra cost of a cache miss is split over everything that was sent to the answering model, by cost.
missed as (
    select
        usage.call_id,
        usage.component_id,
        misses.extra_cost_usd * usage.input_cost_usd
        / nullif(sum(usage.input_cost_usd) over (partition by usage.call_id), 0) as miss_extra_cost_usd
    from usage
    inner join {{ ref('fact_cache_miss') }} as misses on misses.call_id = usage.call_id
    where usage.model_id is null
),

answers as (
    select call_id, model_id
    from {{ ref('fact_inference') }}
    where is_answer
),

-- Remaining dollars of each model of a call, for the other components.
left_over as (
    select call_id, model_id, sum(cost_usd) as cost_usd
    from (
        select call_id, model_id, coalesce(cost_usd, 0) as cost_usd
        from {{ ref('fact_inference') }}
        union all
        select call_id, model_id, -cost_usd
        from usage
        where model_id is not null
        union all
        select missed.call_id, answers.model_id, -missed.miss_extra_cost_usd
        from missed
        inner join answers on answers.call_id = missed.call_id
    ) as parts
    group by call_id, model_id
),

model_shares as (
    select
        left_over.call_id,
        left_over.model_id,
        left_over.model_id = answers.model_id as is_answer,
        coalesce(
            left_over.cost_usd
            / nullif(sum(left_over.cost_usd) over (partition by left_over.call_id), 0),
            case when left_over.model_id = answers.model_id then 1 else 0 end
        ) as cost_ratio
    from left_over
    inner join answers on answers.call_id = left_over.call_id
),

shared as (
    select
        usage.usage_date,
        usage.session_id,
        coalesce(usage.model_id, model_shares.model_id) as model_id,
        usage.agent_id,
        usage.component_id,
        usage.allocation_method,
        case when model_shares.is_answer then coalesce(missed.miss_extra_cost_usd, 0) else 0 end
            as miss_extra_cost_usd,
        (usage.cost_usd - coalesce(missed.miss_extra_cost_usd, 0)) * coalesce(model_shares.cost_ratio, 1)
            as other_cost_usd
    from usage
    left join missed on missed.call_id = usage.call_id and missed.component_id = usage.component_id
    left join model_shares on model_shares.call_id = usage.call_id and usage.model_id is null
)

select
    usage_date,
    session_id,
    model_id,
    agent_id,
    component_id,
    sum(miss_extra_cost_usd) as miss_extra_cost_usd,
    coalesce(sum(other_cost_usd) filter (where allocation_method = 'estimated'), 0) as estimated_cost_usd,
    sum(miss_extra_cost_usd + other_cost_usd) as cost_usd
from shared
group by all
