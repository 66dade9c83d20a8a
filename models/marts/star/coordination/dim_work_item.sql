-- depends_on: {{ ref('work_type_rules') }}
with work as (
    select
        *,
        row_number() over (partition by work_id order by assigned_at nulls last, agent_id) as assignment_rank
    from {{ ref('int_work') }}
),

recordings as (
    select * from {{ ref('int_work_recording') }}
    where work_id is not null
),

-- Recorded work items. Work whose status nobody reports is open.
recorded as (
    select
        work_id,
        min_by(session_id, (occurred_at, event_id)) as session_id,
        min_by(by_agent_id, (occurred_at, event_id)) filter (where step = 'listed') as created_by_agent_id,
        min(occurred_at) as created_at,
        max_by(description, (occurred_at, event_id)) filter (where description is not null) as description,
        max_by(work_type, (occurred_at, event_id)) filter (where work_type is not null) as work_type,
        max_by(target_path, (occurred_at, event_id)) filter (where target_path is not null) as target_path,
        max_by(required_capability, (occurred_at, event_id)) filter (where required_capability is not null)
            as required_capability,
        max_by(
            case
                when step in ('accepted', 'taken_over', 'started') then 'in_progress'
                when step in ('completed', 'stopped') then 'completed'
                when step = 'released' then 'pending'
                when step = 'offered' then 'assigned'
                when status in ('pending', 'assigned', 'in_progress', 'completed', 'blocked', 'abandoned')
                    then status
                else 'pending'
            end,
            (occurred_at, step <> 'listed', event_id)
        ) filter (where step not in ('refused', 'handed_on') and (step <> 'listed' or status is not null))
            as status,
        max(occurred_at) as last_recorded_at,
        min_by(source_path, (occurred_at, event_id)) as source_path,
        min_by(source_line, (occurred_at, event_id)) as source_line,
        max(_batch_id) as _batch_id
    from recordings
    group by work_id
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
        -- A full path stands on its own: it is not the end of a relative path, a URL, or a folder such as
        -- `.venv`.
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
),

in_transcripts as (
    select
        typed.work_id,
        typed.task_id,
        typed.session_id,
        typed.created_by_agent_id,
        coalesce(recorded.work_type, rules.work_type, 'other') as work_type,
        case when recorded.work_type is not null then 'recorded' else typed.type_rule end as type_rule,
        typed.work_source,
        typed.workflow_run_id,
        coalesce(typed.edited_path, recorded.target_path, typed.named_path) as target_path,
        case
            when typed.edited_path is not null then 'edited'
            when recorded.target_path is not null then 'recorded'
            when typed.named_path is not null then 'named'
        end as target_basis,
        recorded.required_capability,
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
        case when recorded.work_type is not null then 1.0 else coalesce(rules.confidence, 0.2) end
            as type_confidence,
        typed.source_path,
        typed.source_line,
        greatest(typed._batch_id, recorded._batch_id) as _batch_id
    from typed
    inner join assignments on assignments.work_id = typed.work_id
    left join recorded on recorded.work_id = typed.work_id
    left join {{ ref('work_type_rules') }} as rules on rules.rule_name = typed.type_rule
),

only_recorded as (
    select
        recorded.work_id,
        tasks.task_id,
        recorded.session_id,
        recorded.created_by_agent_id,
        coalesce(recorded.work_type, 'other') as work_type,
        case when recorded.work_type is null then 'no_rule' else 'recorded' end as type_rule,
        'recorded' as work_source,
        recorded.target_path,
        case when recorded.target_path is not null then 'recorded' end as target_basis,
        recorded.required_capability,
        left(recorded.description, 2000) as description,
        recorded.created_at,
        case when recorded.status in ('completed', 'abandoned') then recorded.last_recorded_at end
            as completed_at,
        coalesce(recorded.status, 'pending') as status,
        'recorded' as provenance,
        case when recorded.work_type is null then 0.2 else 1.0 end as type_confidence,
        recorded.source_path,
        recorded.source_line,
        recorded._batch_id
    from recorded
    left join {{ ref('dim_task') }} as tasks on tasks.task_id = recorded.work_id
    anti join work on work.work_id = recorded.work_id
),

items as (
    select * from in_transcripts
    union all by name
    select * from only_recorded
)

select
    work_id,
    task_id,
    session_id,
    created_by_agent_id,
    work_type,
    type_rule,
    work_source,
    workflow_run_id,
    target_path,
    target_basis,
    required_capability,
    description,
    created_at,
    completed_at,
    status,
    provenance,
    cast(type_confidence as double) as type_confidence,
    source_path as _source_path,
    source_line as _source_line,
    _batch_id
from items
