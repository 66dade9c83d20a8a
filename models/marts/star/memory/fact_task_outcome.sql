-- depends_on: {{ ref('outcome_rules') }}
with features as (
    select * from {{ ref('int_task_feature') }}
),

calls as (
    select * from {{ ref('fact_api_call') }}
    where success
),

ends as (
    select * from {{ ref('int_task_end') }}
),

-- A prompt is charged for everything in its turn, a delegation for the subagent's own calls.
spent as (
    select
        prompt_id as task_id,
        cast(null as varchar) as agent_id,
        count(*) as response_count,
        sum(total_tokens) as total_tokens,
        sum(cost_usd) as cost_usd
    from calls
    group by prompt_id
    union all
    select
        ends.task_id,
        min(calls.agent_id) as agent_id,
        count(*) as response_count,
        sum(calls.total_tokens) as total_tokens,
        sum(calls.cost_usd) as cost_usd
    from calls
    inner join ends on ends.agent_run_id = calls.agent_run_id
    group by ends.task_id
),

-- The last text of the task's own agent, and the length of its longest text.
last_texts as (
    select
        prompt_id,
        agent_id,
        max_by(right(response_text, 200), (responded_at, response_id)) filter (
            where response_text is not null
        ) as last_text,
        max(length(response_text)) as longest_text
    from {{ ref('fact_response') }}
    group by prompt_id, agent_id
),

ended as (
    select
        tasks.task_id,
        coalesce(spent.agent_id, agents.agent_id, ends.recorded_agent_id, tasks.agent_id) as agent_id,
        tasks.session_id,
        tasks.created_at,
        tasks.completed_at,
        tasks.status,
        tasks.task_source,
        tasks.task_type,
        features.* exclude (task_id, session_id, task_source, response_count, _batch_id),
        coalesce(features.response_count, 0) as response_count,
        spent.total_tokens,
        spent.cost_usd,
        ends.delegation_end,
        coalesce(ends.has_recorded_outcome, false) as has_recorded_outcome,
        ends.ticked_at is not null as was_ticked,
        ends.recorded_success,
        ends.recorded_basis,
        coalesce(nullif(left({{ one_line('ends.recorded_error') }}, 100), ''), 'recorded') as recorded_reason,
        ends.test_pass_rate as recorded_pass_rate,
        ends.duration_ms as recorded_duration_ms,
        {{ ends_with_question('last_texts.last_text') }} as ends_with_question,
        coalesce(last_texts.longest_text, 0) as longest_text,
        tasks._source_path,
        tasks._source_line,
        tasks._batch_id
    from {{ ref('dim_task') }} as tasks
    left join features on features.task_id = tasks.task_id
    left join spent on spent.task_id = tasks.task_id
    left join ends on ends.task_id = tasks.task_id
    left join last_texts on last_texts.prompt_id = tasks.task_id and last_texts.agent_id = tasks.agent_id
    -- If the log of a subagent is missing, only its type is known.
    left join {{ ref('dim_agent') }} as agents
        on agents.agent_id = {{ surrogate_key(["'subagent'", 'features.subagent_type']) }}
    where tasks.status in ('completed', 'abandoned')
),

judged as (
    select
        *,
        {{ condition_cases('outcome_rules', 'rule_name', "'no_rule'") }} as success_basis
    from ended
)

select
    {{ surrogate_key(['judged.task_id', "'outcome'"]) }} as outcome_id,
    judged.task_id,
    judged.agent_id,
    judged.session_id,
    judged.completed_at,
    judged.status as final_status,
    case
        when judged.has_recorded_outcome then coalesce(nullif(trim(judged.recorded_basis), ''), 'recorded')
        else judged.success_basis
    end as success_basis,
    case
        when judged.has_recorded_outcome
            then case when not judged.recorded_success then judged.recorded_reason end
        when rules.failure_reason = 'error'
            then coalesce(judged.delegation_error, judged.last_error_type, 'error')
        else rules.failure_reason
    end as failure_reason,
    case when judged.has_recorded_outcome or judged.was_ticked then 'recorded' else 'estimated' end
        as provenance,
    case when judged.has_recorded_outcome then judged.recorded_success else rules.success end as success,
    coalesce(
        judged.recorded_pass_rate,
        judged.tests_passed / nullif(judged.tests_passed + coalesce(judged.tests_failed, 0), 0),
        case judged.test_outcome when 'passed' then 1.0 when 'failed' then 0.0 end
    ) as test_pass_rate,
    case when judged.has_recorded_outcome then 1.0 else coalesce(rules.confidence, 0.2) end as confidence,
    cast(judged.edited_file_count as bigint) as files_modified,
    cast(judged.lines_added as bigint) as lines_added,
    cast(judged.lines_deleted as bigint) as lines_deleted,
    cast(judged.test_run_count as bigint) as test_run_count,
    cast(judged.call_count as bigint) as tool_call_count,
    cast(judged.error_count as bigint) as tool_error_count,
    cast(judged.total_tokens as bigint) as total_tokens,
    cast(
        coalesce(
            judged.recorded_duration_ms, {{ ms_between('judged.created_at', 'judged.completed_at') }}
        ) / 1000 as bigint
    ) as time_elapsed_seconds,
    cast(judged.cost_usd as double) as cost_usd,
    judged._source_path,
    judged._source_line,
    judged._batch_id
from judged
left join {{ ref('outcome_rules') }} as rules on rules.rule_name = judged.success_basis
