{{ config(materialized='view') }}

-- A turn ends with the next prompt at the latest: what goes on then counts for that one, and clients that write a session
-- anew give old answers the time of the new ones.
with followed as (
    select
        *,
        lead(prompted_at) over (partition by session_id order by turn_number) as next_prompted_at
    from {{ ref('fact_prompt') }}
),

prompts as (
    select
        session_id,
        prompt_id,
        turn_number,
        is_human,
        prompted_at,
        case
            when next_prompted_at >= prompted_at and last_response_at > next_prompted_at then next_prompted_at
            else greatest(last_response_at, prompted_at)
        end as answered_at
    from followed
),

-- The agent was at work until the last answer before the next prompt, whichever turn that answer belongs to.
turns as (
    select
        *,
        max(answered_at) over (partition by session_id order by turn_number rows between unbounded preceding and 1 preceding)
            as idle_since
    from prompts
),

questions as (
    select
        prompt_id,
        sum(duration_ms) filter (where tool_name = 'AskUserQuestion') / 1000 as question_seconds,
        sum(duration_ms) filter (where tool_name in ('ExitPlanMode', 'exit_plan_mode')) / 1000 as plan_seconds,
        count(*) as question_count
    from {{ ref('fact_tool_invocation') }}
    where tool_name in ('AskUserQuestion', 'ExitPlanMode', 'exit_plan_mode') and agent_run_id is null and duration_ms is not null
    group by prompt_id
),

-- A call of the main thread that lasts beyond the limit and was not timed by the client waited for a permission, mostly.
-- Calls of one answer wait together.
stalls as (
    select
        prompt_id,
        sum(stalled_seconds) as stalled_seconds
    from (
        select
            prompt_id,
            coalesce(call_id, invocation_id) as call_id,
            max(duration_ms / 1000 - {{ var('away_minutes') }} * 60) as stalled_seconds
        from {{ ref('fact_tool_invocation') }}
        where
            duration_method = 'upper_bound' and agent_run_id is null and duration_ms > {{ var('away_minutes') }} * 60000
            and tool_name not in ('AskUserQuestion', 'ExitPlanMode', 'exit_plan_mode')
        group by prompt_id, coalesce(call_id, invocation_id)
    ) as long_calls
    group by prompt_id
),

measured as (
    select
        turns.*,
        {{ ms_between('turns.prompted_at', 'turns.answered_at') }} / 1000 as turn_seconds,
        case
            when turns.is_human and turns.prompted_at > turns.idle_since
                then {{ ms_between('turns.idle_since', 'turns.prompted_at') }} / 1000
        end as pause_seconds,
        coalesce(questions.question_seconds, 0) as question_seconds,
        coalesce(questions.plan_seconds, 0) as plan_seconds,
        coalesce(questions.question_count, 0) as question_count,
        coalesce(stalls.stalled_seconds, 0) as stalled_seconds
    from turns
    left join questions on questions.prompt_id = turns.prompt_id
    left join stalls on stalls.prompt_id = turns.prompt_id
),

summed as (
    select
        session_id,
        count(*) filter (where is_human) as human_prompt_count,
        sum(question_count) as question_count,
        coalesce(sum(turn_seconds), 0) as turn_seconds,
        sum(question_seconds) as question_wait_seconds,
        sum(plan_seconds) as plan_wait_seconds,
        sum(stalled_seconds) as stalled_seconds,
        -- A pause beyond this is not thinking but being away.
        coalesce(sum(least(pause_seconds, {{ var('away_minutes') }} * 60)) filter (where pause_seconds is not null), 0)
            as human_wait_seconds,
        coalesce(sum(greatest(pause_seconds - {{ var('away_minutes') }} * 60, 0)) filter (where pause_seconds is not null), 0)
            as away_seconds,
        median(pause_seconds) as median_pause_seconds
    from measured
    group by session_id
)

select
    summed.session_id,
    sessions.project_name,
    sessions.started_at,
    cast(summed.human_prompt_count as bigint) as human_prompt_count,
    cast(summed.question_count as bigint) as question_count,
    cast(
        greatest(summed.turn_seconds - summed.question_wait_seconds - summed.plan_wait_seconds - summed.stalled_seconds, 0) as double
    ) as agent_working_seconds,
    cast(summed.question_wait_seconds as double) as question_wait_seconds,
    cast(summed.plan_wait_seconds as double) as plan_wait_seconds,
    cast(summed.human_wait_seconds as double) as human_wait_seconds,
    cast(summed.stalled_seconds as double) as stalled_seconds,
    cast(summed.away_seconds as double) as away_seconds,
    cast(summed.median_pause_seconds as double) as median_pause_seconds,
    'estimated' as provenance
from summed
inner join {{ ref('dim_session') }} as sessions on sessions.session_id = summed.session_id
