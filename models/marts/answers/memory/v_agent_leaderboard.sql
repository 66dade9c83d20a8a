-- Prompts and delegations are judged by different evidence, so their agents are ranked separately.
with outcomes as (
    select
        outcomes.*,
        tasks.task_type,
        tasks.task_source
    from {{ ref('fact_task_outcome') }} as outcomes
    inner join {{ ref('dim_task') }} as tasks on tasks.task_id = outcomes.task_id
    where tasks.task_source in ('prompt', 'delegation')
),

measured as (
    select
        task_type,
        task_source,
        agent_id,
        count(*) as task_count,
        count(success) as judged_count,
        count(*) filter (where success) as success_count,
        avg(test_pass_rate) as avg_test_pass_rate,
        avg(confidence) as avg_confidence,
        median(time_elapsed_seconds) as median_seconds,
        median(total_tokens) as median_tokens,
        sum(cost_usd) as cost_usd,
        max(completed_at) as last_completed_at
    from outcomes
    group by task_type, task_source, agent_id
),

bounded as (
    select
        *,
        success_count / nullif(judged_count, 0) as success_ratio,
        {{ wilson_low('success_count', 'judged_count') }} as success_ratio_low,
        {{ wilson_high('success_count', 'judged_count') }} as success_ratio_high
    from measured
)

select
    bounded.task_type,
    bounded.agent_id,
    agents.agent_name,
    agents.agent_type,
    bounded.task_source,
    case
        when bounded.judged_count > 0 then row_number() over (
            partition by bounded.task_type, bounded.task_source
            order by
                bounded.success_ratio_low desc nulls last, bounded.task_count desc, agents.agent_name,
                bounded.agent_id
        )
    end as rank_in_type,
    cast(bounded.task_count as bigint) as task_count,
    cast(bounded.judged_count as bigint) as judged_count,
    cast(bounded.success_count as bigint) as success_count,
    bounded.success_ratio,
    bounded.success_ratio_low,
    bounded.success_ratio_high,
    bounded.avg_test_pass_rate,
    bounded.avg_confidence,
    cast(bounded.median_seconds as double) as median_seconds,
    cast(bounded.median_tokens as double) as median_tokens,
    bounded.cost_usd / nullif(bounded.success_count, 0) as cost_per_success_usd,
    bounded.last_completed_at
from bounded
inner join {{ ref('dim_agent') }} as agents on agents.agent_id = bounded.agent_id
