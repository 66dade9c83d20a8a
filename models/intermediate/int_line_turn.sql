{{ config(materialized='incremental', incremental_strategy='replace_touched') }}

with touched as {{ touched_sessions() }},

lines as (
    select
        int_line.*,
        touched._batch_id as session_batch_id
    from {{ ref('int_line') }} as int_line
    inner join touched on touched.session_id = int_line.session_id
),

starts as (
    select
        session_id,
        thread_position,
        turn_number,
        turn_id
    from {{ ref('int_turn') }} as int_turn
    semi join touched on touched.session_id = int_turn.session_id
),

merged as (
    select
        session_id,
        thread_position,
        1 as is_line,
        0 as turn_number,
        line_uuid,
        cast(null as varchar) as started_turn_id
    from lines
    where actor = 'main'
    union all
    select
        session_id,
        thread_position,
        0 as is_line,
        turn_number,
        null as line_uuid,
        turn_id as started_turn_id
    from starts
),

main_turns as (
    select
        line_uuid,
        is_line,
        last_value(started_turn_id ignore nulls) over (
            partition by session_id order by thread_position, is_line, turn_number
            rows between unbounded preceding and current row
        ) as turn_id
    from merged
),

-- Lines without usage belong to no response.
response_lines as (
    select line_uuid, max(response_id) as response_id
    from {{ touched_rows(ref('int_response_line')) }} as lines_of_responses
    where not is_copy
    group by line_uuid
)

select
    lines.line_uuid,
    lines.session_id,
    lines.actor,
    case when lines.actor = 'main' then main_turns.turn_id else runs.turn_id end as turn_id,
    response_lines.response_id,
    lines.session_batch_id as _batch_id
from lines
left join main_turns on main_turns.line_uuid = lines.line_uuid and main_turns.is_line = 1
left join response_lines on response_lines.line_uuid = lines.line_uuid
left join {{ ref('int_agent_run') }} as runs
    on runs.session_id = lines.session_id and runs.actor = lines.actor
