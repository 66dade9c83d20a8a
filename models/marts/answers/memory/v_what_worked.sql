{{ config(materialized='table') }}

{%- set least_judged = var('approach_judged', 3) %}

with attempts as (
    select
        attempts.*,
        outcomes.test_pass_rate
    from {{ ref('fact_strategy_attempt') }} as attempts
    inner join {{ ref('fact_task_outcome') }} as outcomes on outcomes.task_id = attempts.task_id
    where {{ is_kind_of_work('attempts.work_type') }}
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
),

-- Each task once, so that tasks done in other ways can be counted.
judged as (
    select
        work_type,
        task_source,
        count(*) as judged_count,
        count(*) filter (where success) as success_count
    from attempts
    where was_judged_by_person
    group by work_type, task_source
),

measured as (
    select
        attempts.work_type,
        attempts.task_source,
        approaches.approach_kind,
        approaches.approach_name,
        count(*) as attempt_count,
        count(*) filter (where attempts.was_judged_by_person) as judged_count,
        count(*) filter (where attempts.was_judged_by_person and attempts.success) as success_count,
        avg(attempts.test_pass_rate) as avg_test_pass_rate,
        median(attempts.duration_seconds) as median_duration_seconds,
        median(attempts.cost_usd) as median_cost_usd,
        max(attempts.attempted_at) as last_attempted_at
    from approaches
    inner join attempts on attempts.task_id = approaches.task_id
    group by all
),

compared as (
    select
        measured.*,
        measured.success_count / measured.judged_count as success_ratio,
        {{ wilson_low('measured.success_count', 'measured.judged_count') }} as success_ratio_low,
        {{ wilson_high('measured.success_count', 'measured.judged_count') }} as success_ratio_high,
        judged.judged_count - measured.judged_count as other_judged_count,
        judged.success_count - measured.success_count as other_success_count
    from measured
    inner join judged on judged.work_type = measured.work_type and judged.task_source = measured.task_source
    where measured.judged_count >= {{ least_judged }}
),

bounded as (
    select
        *,
        other_success_count / nullif(other_judged_count, 0) as other_success_ratio,
        {{ wilson_high('other_success_count', 'other_judged_count') }} as other_ratio_high
    from compared
),

differences as (
    select
        *,
        {{ difference_low('success_ratio', 'success_ratio_low', 'other_success_ratio', 'other_ratio_high') }}
            as difference_low
    from bounded
),

rated as (
    select
        *,
        case
            when least(judged_count, other_judged_count) < {{ var('advice_attempts') }}
                then 'too few to compare'
            when difference_low > 0 then 'more than chance'
            else 'no more than chance'
        end as evidence_strength
    from differences
)

select
    work_type as task_type,
    task_source,
    approach_kind,
    approach_name,
    evidence_strength,
    cast(success_count as varchar) || ' of ' || cast(judged_count as varchar)
    || ' succeeded, without it ' || cast(other_success_count as varchar)
    || ' of ' || cast(other_judged_count as varchar) as evidence,
    cast(row_number() over (
        partition by work_type, task_source, approach_kind
        order by
            evidence_strength = 'more than chance' desc,
            success_ratio_low desc,
            attempt_count desc,
            approach_name
    ) as bigint) as rank_in_kind,
    cast(attempt_count as bigint) as attempt_count,
    cast(judged_count as bigint) as judged_count,
    cast(success_count as bigint) as success_count,
    cast(other_judged_count as bigint) as other_judged_count,
    success_ratio,
    success_ratio_low,
    success_ratio_high,
    other_success_ratio,
    difference_low,
    round(avg_test_pass_rate, 6) as avg_test_pass_rate,
    cast(median_duration_seconds as double) as median_duration_seconds,
    cast(median_cost_usd as double) as median_cost_usd,
    last_attempted_at
from rated
