-- depends_on: {{ ref('strategy_rules') }}
with tasks as (
    select * from {{ ref('dim_task') }}
),

-- A correction or a go-ahead continues the work before it.
typed as (
    select
        task_id,
        last_value(
            case when task_type not in ('continue', 'correction', 'thanks') then task_type end ignore nulls
        ) over (
            partition by session_id, task_source
            order by created_at nulls last, task_id
            rows between unbounded preceding and current row
        ) as work_type
    from tasks
    where task_source in ('prompt', 'delegation')
),

outcomes as (
    select * from {{ ref('fact_task_outcome') }}
    -- The strategy of work that the log does not show is not known.
    where success_basis <> 'no_answer' and total_tokens is not null
),

named as (
    select
        features.*,
        {{ condition_cases('strategy_rules', 'strategy_name', "'other_tools'") }} as strategy_name
    from {{ ref('int_task_feature') }} as features
    -- A task without a call or a text response has no strategy.
    where features.call_count > 0 or features.ended_with_answer
),

-- If a program reports on a strategy and task twice, that is one attempt: the last report counts.
told as (
    select
        events.*,
        recordings.task_id,
        trim(events.payload.strategy_name) as strategy_name,
        nullif(lower(trim(events.payload.task_type)), '') as told_type,
        row_number() over (
            partition by coalesce(recordings.task_id, events.event_id), trim(events.payload.strategy_name)
            order by events.occurred_at desc, events.event_id
        ) as word_rank
    from {{ ref('int_recorded_event') }} as events
    left join {{ ref('int_task_recording') }} as recordings on recordings.event_id = events.event_id
    where events.event_kind = 'strategy_outcome' and trim(events.payload.strategy_name) <> ''
),

-- Duration and cost of a task appear once, with the last strategy tried on it.
recorded as (
    select
        *,
        task_id is not null
        and row_number() over (partition by task_id order by occurred_at desc, event_id) = 1 as is_last
    from told
    where word_rank = 1
),

seen as (
    select
        {{ surrogate_key(['named.task_id', 'named.strategy_name']) }} as attempt_id,
        outcomes.agent_id,
        named.task_id,
        named.session_id,
        tasks.created_at as attempted_at,
        tasks.task_type,
        coalesce(typed.work_type, tasks.task_type) as work_type,
        named.task_source,
        named.strategy_name,
        outcomes.success_basis,
        outcomes.failure_reason,
        'estimated' as provenance,
        outcomes.success,
        coalesce(outcome_rules.judged_by = 'person', false) and outcomes.success is not null
            as was_judged_by_person,
        rules.confidence as strategy_confidence,
        outcomes.confidence as outcome_confidence,
        outcomes.time_elapsed_seconds as duration_seconds,
        {{ as_json({
            'edits': 'named.edit_count', 'files': 'named.edited_file_count', 'lines_added': 'named.lines_added',
            'lines_deleted': 'named.lines_deleted',
            'looks_before_edit': 'named.look_count', 'test_commands': 'named.test_command_count',
            'test_pass_rate': 'outcomes.test_pass_rate',
            'tool_calls': 'named.call_count', 'tool_errors': 'named.error_count',
            'repeated_errors': 'named.repeated_error_count',
            'reverts': 'named.revert_count', 'rejections': 'named.rejection_count',
            'total_tokens': 'outcomes.total_tokens'
        }) }} as outcome_metrics,
        outcomes.total_tokens,
        outcomes.cost_usd,
        outcomes._source_path,
        outcomes._source_line,
        named._batch_id
    from named
    inner join outcomes on outcomes.task_id = named.task_id
    inner join tasks on tasks.task_id = named.task_id
    left join {{ ref('outcome_rules') }} as outcome_rules on outcome_rules.rule_name = outcomes.success_basis
    inner join {{ ref('strategy_rules') }} as rules on rules.strategy_name = named.strategy_name
    left join typed on typed.task_id = named.task_id
    anti join recorded on recorded.task_id = named.task_id
),

only_recorded as (
    select
        case
            when recorded.task_id is not null
                then {{ surrogate_key(['recorded.task_id', 'recorded.strategy_name']) }}
            else recorded.event_id
        end as attempt_id,
        coalesce(recorded.agent_id, outcomes.agent_id, tasks.agent_id) as agent_id,
        recorded.task_id,
        coalesce(recorded.session_id, tasks.session_id) as session_id,
        recorded.occurred_at as attempted_at,
        coalesce(recorded.told_type, tasks.task_type, 'unknown') as task_type,
        coalesce(recorded.told_type, typed.work_type, tasks.task_type, 'unknown') as work_type,
        coalesce(tasks.task_source, 'recorded') as task_source,
        recorded.strategy_name,
        case when recorded.payload.success is not null then 'recorded' else outcomes.success_basis end
            as success_basis,
        case
            when recorded.payload.success then null
            when recorded.payload.success is not null
                then coalesce(nullif(left({{ one_line('recorded.error') }}, 100), ''), 'recorded')
            else outcomes.failure_reason
        end as failure_reason,
        'recorded' as provenance,
        coalesce(recorded.payload.success, outcomes.success) as success,
        false as was_judged_by_person,
        1.0 as strategy_confidence,
        case when recorded.payload.success is not null then 1.0 else coalesce(outcomes.confidence, 0.2) end
            as outcome_confidence,
        coalesce(
            cast(recorded.duration_ms / 1000 as bigint),
            case when recorded.is_last then outcomes.time_elapsed_seconds end
        ) as duration_seconds,
        recorded.metadata as outcome_metrics,
        case when recorded.is_last then outcomes.total_tokens end as total_tokens,
        case when recorded.is_last then outcomes.cost_usd end as cost_usd,
        recorded.source_path as _source_path,
        recorded.source_line as _source_line,
        recorded._batch_id
    from recorded
    left join tasks on tasks.task_id = recorded.task_id
    left join {{ ref('fact_task_outcome') }} as outcomes on outcomes.task_id = recorded.task_id
    left join typed on typed.task_id = recorded.task_id
)

select * from seen
union all by name
select * from only_recorded
