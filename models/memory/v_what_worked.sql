with attempts as (
    select
        attempts.*,
        outcomes.test_pass_rate
    from {{ ref('fact_strategy_attempt') }} as attempts
    inner join {{ ref('fact_task_outcome') }} as outcomes on outcomes.task_id = attempts.task_id
),

decisions as (
    select distinct task_id, decision_kind, option_chosen
    from {{ ref('fact_decision') }}
    where decision_kind in ('skill', 'plan') and task_id is not null and option_chosen is not null
),

delegations as (
    select distinct
        tasks.parent_task_id as task_id,
        agents.agent_name
    from {{ ref('dim_task') }} as tasks
    inner join {{ ref('fact_task_outcome') }} as outcomes on outcomes.task_id = tasks.task_id
    inner join {{ ref('dim_agent') }} as agents on agents.agent_id = outcomes.agent_id
    where tasks.task_source = 'delegation' and tasks.parent_task_id is not null
),

approaches as (
    select task_id, 'strategy' as approach_kind, strategy_name as approach_name
    from attempts
    union all
    select task_id, decision_kind as approach_kind, option_chosen as approach_name
    from decisions
    union all
    select task_id, 'subagent' as approach_kind, agent_name as approach_name
    from delegations
)

select
    attempts.work_type as task_type,
    attempts.task_source,
    approaches.approach_kind,
    approaches.approach_name,
    cast(count(*) as bigint) as attempt_count,
    cast(count(attempts.success) as bigint) as judged_count,
    cast(count(*) filter (where attempts.success) as bigint) as success_count,
    count(*) filter (where attempts.success) / nullif(count(attempts.success), 0) as success_ratio,
    {{ wilson_low('count(*) filter (where attempts.success)', 'count(attempts.success)') }} as success_ratio_low,
    {{ wilson_high('count(*) filter (where attempts.success)', 'count(attempts.success)') }} as success_ratio_high,
    round(avg(attempts.test_pass_rate), 6) as avg_test_pass_rate,
    cast(median(attempts.duration_seconds) as double) as median_duration_seconds,
    cast(median(attempts.cost_usd) as double) as median_cost_usd,
    max(attempts.attempted_at) as last_attempted_at
from approaches
inner join attempts on attempts.task_id = approaches.task_id
group by attempts.work_type, attempts.task_source, approaches.approach_kind, approaches.approach_name
