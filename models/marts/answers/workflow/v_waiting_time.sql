-- The agent worked until the last response before the next prompt, whichever turn that response belongs to.
with turns as (
    select
        *,
        max(coalesce(ended_at, prompted_at)) over (
            partition by session_id order by turn_number rows between unbounded preceding and 1 preceding
        ) as idle_since
    from {{ ref('fact_prompt') }}
),

pauses as (
    select
        *,
        case
            when is_human and prompted_at > idle_since
                then {{ ms_between('idle_since', 'prompted_at') }} / 1000
        end as pause_seconds
    from turns
),

questions as (
    select session_id, count(*) as question_count
    from {{ ref('fact_tool_invocation') }}
    where
        tool_name in ('AskUserQuestion', 'ExitPlanMode', 'exit_plan_mode')
        and agent_run_id is null
        and duration_ms is not null
    group by session_id
),

summed as (
    select
        session_id,
        count(*) filter (where is_human) as human_prompt_count,
        sum(working_seconds) as agent_working_seconds,
        sum(question_wait_seconds) as question_wait_seconds,
        sum(plan_wait_seconds) as plan_wait_seconds,
        sum(stalled_seconds) as stalled_seconds,
        -- Beyond this a pause is absence, not thinking.
        sum(least(pause_seconds, {{ var('away_minutes') }} * 60)) filter (where pause_seconds is not null)
            as human_wait_seconds,
        sum(greatest(pause_seconds - {{ var('away_minutes') }} * 60, 0)) filter (
            where pause_seconds is not null
        ) as away_seconds,
        median(pause_seconds) as median_pause_seconds
    from pauses
    group by session_id
)

select
    summed.session_id,
    sessions.project_name,
    sessions.started_at,
    cast(summed.human_prompt_count as bigint) as human_prompt_count,
    cast(coalesce(questions.question_count, 0) as bigint) as question_count,
    summed.agent_working_seconds,
    summed.question_wait_seconds,
    summed.plan_wait_seconds,
    cast(summed.human_wait_seconds as double) as human_wait_seconds,
    summed.stalled_seconds,
    cast(summed.away_seconds as double) as away_seconds,
    cast(summed.median_pause_seconds as double) as median_pause_seconds,
    'estimated' as provenance
from summed
inner join {{ ref('dim_session') }} as sessions on sessions.session_id = summed.session_id
left join questions on questions.session_id = summed.session_id
