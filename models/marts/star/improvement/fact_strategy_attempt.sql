-- depends_on: {{ ref('strategy_rules') }}
with tasks as (
    select * from {{ ref('dim_task') }}
),

-- A correction or a go-ahead is more of the work before it.
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
    -- Work that the log does not show has no strategy to see.
    where success_basis <> 'no_answer' and total_tokens is not null
),

named as (
    select
        features.*,
        {{ condition_cases('strategy_rules', 'strategy_name', "'other_tools'") }} as strategy_name
    from {{ ref('int_task_feature') }} as features
    -- Nothing done and nothing answered is no way to work.
    where features.call_count > 0 or features.ended_with_answer
)

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
    outcome_rules.judged_by = 'person' and outcomes.success is not null as was_judged_by_person,
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
inner join {{ ref('outcome_rules') }} as outcome_rules on outcome_rules.rule_name = outcomes.success_basis
inner join {{ ref('strategy_rules') }} as rules on rules.strategy_name = named.strategy_name
left join typed on typed.task_id = named.task_id
