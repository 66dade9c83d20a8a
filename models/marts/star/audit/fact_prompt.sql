{{ config(materialized='incremental', incremental_strategy='replace_touched', zstd_columns=['prompt_text']) }}

{#-
    The longest time that the client lets a shell command run. In the corpus, 21 of 39,890 gaps are longer, half
    of them hours of a permission prompt or of sleep.
#}
{%- set working_gap_minutes = var('working_gap_minutes', 10) %}

with touched as {{ touched_sessions() }},

turns as (
    select turns.*
    from {{ ref('int_turn') }} as turns
    semi join touched on touched.session_id = turns.session_id
),

calls as (
    select calls.*
    from {{ ref('fact_api_call') }} as calls
    semi join touched on touched.session_id = calls.session_id
    where calls.success
),

caused as (
    select
        prompt_id,
        count(*) as response_count,
        count(distinct agent_run_id) as subagent_count,
        sum(output_tokens) as output_tokens,
        sum(total_tokens) as total_tokens,
        sum(cost_usd) as cost_usd,
        max(called_at) as last_response_at,
        min_by(model_id, (called_at, call_id)) as model_id,
        min_by(call_id, (agent_run_id is not null, called_at, call_id)) as first_call_id
    from calls
    group by prompt_id
),

invocations as (
    select invocations.*
    from {{ ref('fact_tool_invocation') }} as invocations
    semi join touched on touched.session_id = invocations.session_id
),

tool_calls as (
    select
        prompt_id,
        count(*) as tool_call_count,
        count(*) filter (where status = 'error') as tool_error_count
    from invocations
    group by prompt_id
),

-- A turn ends at the next prompt at the latest. Later activity counts for that prompt, and clients that
-- rewrite a session give old responses the time of the new ones.
spans as (
    select
        followed.prompt_id,
        followed.prompted_at,
        case
            when followed.next_prompted_at >= followed.prompted_at
                then least(caused.last_response_at, followed.next_prompted_at)
            else caused.last_response_at
        end as ended_at
    from (
        select
            turn_id as prompt_id,
            prompted_at,
            lead(prompted_at) over (partition by session_id order by turn_number) as next_prompted_at
        from turns
    ) as followed
    inner join caused on caused.prompt_id = followed.prompt_id
    where caused.last_response_at >= followed.prompted_at
),

-- While one of these is open, it is known what the turn waits for: a person, or a call that the client timed.
known_waits as (
    select
        prompt_id,
        {{ ms_before('completed_at', 'duration_ms') }} as opened_at,
        completed_at as closed_at,
        case when agent_run_id is null and tool_name = 'AskUserQuestion' then 1 else 0 end as is_question,
        case
            when agent_run_id is null and tool_name in ('ExitPlanMode', 'exit_plan_mode') then 1
            else 0
        end as is_plan,
        case when duration_method = 'exact' then 1 else 0 end as is_timed
    from invocations
    where
        completed_at is not null and duration_ms is not null
        and (
            duration_method = 'exact'
            or (agent_run_id is null and tool_name in ('AskUserQuestion', 'ExitPlanMode', 'exit_plan_mode'))
        )
),

moments as (
    select prompt_id, prompted_at as moment_at, 0 as question_change, 0 as plan_change, 0 as timed_change
    from spans
    union all
    select prompt_id, ended_at, 0, 0, 0 from spans
    union all
    select prompt_id, called_at, 0, 0, 0 from calls
    union all
    select prompt_id, invoked_at, 0, 0, 0 from invocations
    union all
    select prompt_id, completed_at, 0, 0, 0 from invocations
    union all
    select prompt_id, opened_at, is_question, is_plan, is_timed from known_waits
    union all
    select prompt_id, closed_at, -is_question, -is_plan, -is_timed from known_waits
),

changes as (
    select
        moments.prompt_id,
        greatest(least(moments.moment_at, spans.ended_at), spans.prompted_at) as moment_at,
        sum(moments.question_change) as question_change,
        sum(moments.plan_change) as plan_change,
        sum(moments.timed_change) as timed_change
    from moments
    inner join spans on spans.prompt_id = moments.prompt_id
    where moments.moment_at is not null
    group by all
),

gaps as (
    select
        prompt_id,
        sum(question_change) over (partition by prompt_id order by moment_at) as question_count,
        sum(plan_change) over (partition by prompt_id order by moment_at) as plan_count,
        sum(timed_change) over (partition by prompt_id order by moment_at) as timed_count,
        {{ ms_between('moment_at', 'lead(moment_at) over (partition by prompt_id order by moment_at)') }}
        / 1000 as seconds
    from changes
),

-- The agent was at work between two neighbouring lines, but not for a whole night. A gap beyond the limit was
-- a permission that nobody gave, or a machine that slept.
times as (
    select
        prompt_id,
        coalesce(sum(seconds), 0) as elapsed_seconds,
        coalesce(sum(seconds) filter (where question_count > 0), 0) as question_wait_seconds,
        coalesce(sum(seconds) filter (where plan_count > 0 and question_count = 0), 0) as plan_wait_seconds,
        coalesce(
            sum(
                case when timed_count > 0 then seconds else least(seconds, {{ working_gap_minutes }} * 60) end
            ) filter (where question_count = 0 and plan_count = 0 and seconds is not null),
            0
        ) as working_seconds,
        coalesce(
            sum(greatest(seconds - {{ working_gap_minutes }} * 60, 0)) filter (
                where question_count = 0 and plan_count = 0 and timed_count = 0 and seconds is not null
            ),
            0
        ) as stalled_seconds
    from gaps
    group by prompt_id
),

bodies as (
    select
        turn_id,
        min(command_name) as command_name,
        min(template_hash) as template_hash
    from {{ ref('int_prompt_body') }}
    where turn_id is not null
    group by turn_id
)

select
    turns.turn_id as prompt_id,
    turns.session_id,
    case
        when bodies.turn_id is not null
            then {{ surrogate_key(['bodies.command_name', 'bodies.template_hash']) }}
    end as template_id,
    caused.model_id,
    case
        when turns.is_human and turns.prompt_text is not null
            then {{ surrogate_key(['md5(turns.prompt_text)']) }}
    end as intent_id,
    actors.agent_id,
    sessions.user_id,
    turns.prompted_at,
    caused.last_response_at,
    spans.ended_at,
    turns.interrupted_at,
    left(turns.prompt_text, {{ var('text_characters_kept') }}) as prompt_text,
    md5(turns.prompt_text) as prompt_hash,
    cast(null as varchar) as system_prompt,
    turns.prompt_origin,
    turns.text_source,
    turns.command_name,
    turns.permission_mode,
    sessions.provenance,
    turns.is_human,
    turns.interrupted_at is not null as was_interrupted,
    cast(turns.turn_number as integer) as turn_number,
    cast({{ char_count('turns.prompt_text') }} as bigint) as prompt_characters,
    cast(turns.image_count as integer) as image_count,
    first_calls.context_tokens as input_tokens,
    -- Price of sending the prompt: the input side of the first response. The responses have the rest, so both
    -- add up.
    first_calls.input_cost_usd + first_calls.cache_read_cost_usd + first_calls.cache_write_5m_cost_usd
    + first_calls.cache_write_1h_cost_usd as estimated_cost_usd,
    cast(coalesce(caused.response_count, 0) as bigint) as response_count,
    cast(coalesce(caused.subagent_count, 0) as bigint) as subagent_count,
    cast(coalesce(tool_calls.tool_call_count, 0) as bigint) as tool_call_count,
    cast(coalesce(tool_calls.tool_error_count, 0) as bigint) as tool_error_count,
    cast(coalesce(caused.output_tokens, 0) as bigint) as caused_output_tokens,
    cast(coalesce(caused.total_tokens, 0) as bigint) as caused_tokens,
    caused.cost_usd as caused_cost_usd,
    cast(times.elapsed_seconds as double) as elapsed_seconds,
    cast(times.working_seconds as double) as working_seconds,
    cast(times.question_wait_seconds as double) as question_wait_seconds,
    cast(times.plan_wait_seconds as double) as plan_wait_seconds,
    cast(times.stalled_seconds as double) as stalled_seconds,
    turns.source_path as _source_path,
    turns.source_line as _source_line,
    turns._batch_id
from turns
inner join {{ ref('int_session') }} as sessions on sessions.session_id = turns.session_id
inner join {{ ref('int_actor') }} as actors on actors.session_id = turns.session_id and actors.actor = 'main'
left join caused on caused.prompt_id = turns.turn_id
left join calls as first_calls on first_calls.call_id = caused.first_call_id
left join tool_calls on tool_calls.prompt_id = turns.turn_id
left join bodies on bodies.turn_id = turns.turn_id
left join spans on spans.prompt_id = turns.turn_id
left join times on times.prompt_id = turns.turn_id
