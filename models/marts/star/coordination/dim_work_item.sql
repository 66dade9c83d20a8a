-- depends_on: {{ ref('work_type_rules') }}
with work as (
    select
        *,
        row_number() over (partition by work_id order by assigned_at nulls last, agent_id) as assignment_rank
    from {{ ref('int_work') }}
),

assignments as (
    select
        work_id,
        bool_or(status = 'completed') as is_completed,
        bool_or(status = 'accepted') as is_accepted,
        bool_or(status = 'offered') as is_offered,
        max(completed_at) as completed_at
    from {{ ref('fact_work_assignment') }}
    group by work_id
),

edits as (
    select
        work.work_id,
        edits.target_path,
        count(*) as edit_count,
        row_number() over (partition by work.work_id order by count(*) desc, edits.target_path) as path_rank
    from work
    inner join {{ ref('int_edit') }} as edits
        on edits.session_id = work.session_id and edits.actor = work.run_actor
    where edits.target_path is not null
    group by work.work_id, edits.target_path
),

described as (
    select
        work.*,
        tasks.task_type,
        work.run_actor is not null as has_run,
        edits.target_path as edited_path,
        -- A full path stands alone: not the end of a relative one, no address, no folder such as `.venv`.
        nullif({{ regex_group(
            "coalesce(work.description, '') || ' ' || coalesce(work.prompt_text, '')",
            "(?:^|[\\s\"`(\\[\\x27])((?:/|[A-Za-z]:\\\\)[^\\s\"`<>|*?:()\\[\\]\\x27]*"
            ~ "[^/\\s\"`<>|*?:()\\[\\]\\x27.\\\\][.][A-Za-z][A-Za-z0-9]{0,7})"
            ~ "(?:[\\s\"`<>):,;.\\]\\x27]|$)"
        ) }}, '') as named_path,
        greatest(coalesce(features.edited_file_count, 0), coalesce(work.reported_edit_count, 0))
            as edited_file_count,
        coalesce(features.test_command_count, 0) as test_command_count,
        coalesce(features.check_command_count, 0) as check_command_count,
        coalesce(features.look_count, 0) as look_count,
        coalesce(features.write_command_count, 0) as write_command_count,
        features.task_id is not null as has_features,
        tasks.task_id
    from work
    left join {{ ref('dim_task') }} as tasks on tasks.task_id = work.work_id
    left join {{ ref('int_task_feature') }} as features on features.task_id = work.work_id
    left join edits on edits.work_id = work.work_id and edits.path_rank = 1
    where work.assignment_rank = 1
),

typed as (
    select
        *,
        {{ condition_cases('work_type_rules', 'rule_name', "'no_rule'") }} as type_rule
    from described
)

select
    typed.work_id,
    typed.task_id,
    typed.session_id,
    actors.agent_id as created_by_agent_id,
    coalesce(rules.work_type, 'other') as work_type,
    typed.type_rule,
    typed.work_source,
    coalesce(typed.edited_path, typed.named_path) as target_path,
    case
        when typed.edited_path is not null then 'edited'
        when typed.named_path is not null then 'named'
    end as target_basis,
    left(typed.description, 2000) as description,
    typed.created_at,
    case
        when assignments.is_completed or not (assignments.is_accepted or assignments.is_offered)
            then assignments.completed_at
    end
        as completed_at,
    case
        when assignments.is_completed then 'completed'
        when assignments.is_accepted then 'in_progress'
        when assignments.is_offered then 'assigned'
        else 'abandoned'
    end as status,
    'estimated' as provenance,
    coalesce(rules.confidence, 0.2) as type_confidence,
    typed.source_path as _source_path,
    typed.source_line as _source_line,
    typed._batch_id
from typed
inner join assignments on assignments.work_id = typed.work_id
inner join {{ ref('int_actor') }} as actors
    on actors.session_id = typed.session_id and actors.actor = typed.actor
left join {{ ref('work_type_rules') }} as rules on rules.rule_name = typed.type_rule
