-- Rebuilt from scratch each time: whether a task is still open depends on the last session of its project.
with sessions as (
    select session_id, end_reason, is_latest_in_project
    from {{ ref('dim_session') }}
),

turns as (
    select * from {{ ref('int_turn') }}
),

turn_ends as (
    select * from {{ ref('int_turn_end') }}
),

-- A turn without an orderly end is open work if its session is the latest of the project.
prompt_tasks as (
    select
        turns.turn_id as task_id,
        cast(null as varchar) as parent_task_id,
        turns.session_id,
        actors.agent_id,
        turns.prompted_at as created_at,
        coalesce(turns.interrupted_at, turn_ends.last_response_at, turn_ends.recorded_end_at)
            as last_activity_at,
        turns.prompt_text as task_text,
        turn_ends.recorded_type,
        'prompt' as task_source,
        case
            when turns.interrupted_at is not null then 'abandoned'
            when not coalesce(turn_ends.was_answered, false) and turns.next_turn_id is not null
                then 'completed'
            when turn_ends.recorded_end_at is not null then 'completed'
            when
                turns.next_turn_id is null and sessions.end_reason in ('unknown', 'interrupted', 'error')
                and sessions.is_latest_in_project then 'in_progress'
            when not coalesce(turn_ends.was_answered, false) then 'pending'
            when turn_ends.stop_reason = 'tool_use' and turns.next_turn_id is null then 'abandoned'
            else 'completed'
        end as status,
        false as is_only_recorded,
        turns.source_path,
        turns.source_line,
        turns._batch_id
    from turns
    inner join sessions on sessions.session_id = turns.session_id
    inner join {{ ref('int_actor') }} as actors
        on actors.session_id = turns.session_id and actors.actor = 'main'
    left join turn_ends on turn_ends.turn_id = turns.turn_id
    where
        not {{ is_local_prompt('turns.prompt_origin') }}
        or coalesce(turn_ends.has_tool_call, false)
        or coalesce(turn_ends.is_named_as_task, false)
        or turns.turn_id in (
            select prompt_id from {{ ref('fact_api_call') }}
            where prompt_id is not null
        )
),

tasks as (
    select * from prompt_tasks
    union all by name
    select * from {{ ref('int_given_task') }}
),

typed as (
    select
        tasks.*,
        texts.category,
        texts.rule_name,
        texts.confidence,
        parent_texts.category as parent_category,
        parent_texts.confidence as parent_confidence,
        -- A list item that matches no rule gets the type of its prompt, if that type names actual work.
        coalesce(texts.category, 'unknown') = 'unknown' and coalesce(parent_texts.category, 'unknown') in (
            'implement', 'debug', 'refactor', 'test', 'review', 'research', 'document', 'configure', 'release'
        ) as is_from_parent
    from tasks
    left join {{ ref('int_classified_text') }} as texts on texts.text_hash = md5(tasks.task_text)
    left join turns as parents
        on parents.turn_id = case when tasks.task_source = 'task_list' then tasks.parent_task_id end
    left join {{ ref('int_classified_text') }} as parent_texts
        on parent_texts.text_hash = md5(parents.prompt_text)
)

select
    typed.task_id,
    typed.parent_task_id,
    typed.session_id,
    typed.agent_id,
    typed.created_at,
    case
        when typed.status in ('completed', 'abandoned')
            then {{ ordered_end('typed.created_at', 'typed.last_activity_at') }}
    end
        as completed_at,
    left(typed.task_text, {{ var('text_characters_kept') }}) as task_description,
    case
        when typed.recorded_type is not null then typed.recorded_type
        when typed.is_from_parent then typed.parent_category
        else coalesce(typed.category, 'unknown')
    end as task_type,
    case
        when typed.recorded_type is not null then 'recorded'
        when typed.is_from_parent then 'parent_task'
        else coalesce(typed.rule_name, 'no_rule')
    end as type_rule,
    typed.status,
    typed.task_source,
    -- A typed command states its own type. Every other rule judges the text.
    case
        when typed.recorded_type is not null or typed.is_only_recorded then 'recorded'
        when
            not typed.is_from_parent
            and coalesce(typed.rule_name, 'no_rule') in ('no_rule', 'slash_command', 'shell_or_command_tag')
            then 'observed'
        else 'estimated'
    end as provenance,
    case
        when typed.recorded_type is not null then 1.0
        when typed.is_from_parent then round(typed.parent_confidence * 0.6, 3)
        else coalesce(typed.confidence, 0.2)
    end
        as type_confidence,
    typed.source_path as _source_path,
    typed.source_line as _source_line,
    typed._batch_id
from typed
