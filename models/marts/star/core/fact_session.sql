with sessions as (
    select * from {{ ref('dim_session') }}
),

calls as (
    select
        session_id,
        count(*) filter (where success) as response_count,
        count(*) filter (where not success) as failed_request_count,
        count(distinct agent_run_id) as subagent_count,
        sum(uncached_input_tokens) as uncached_input_tokens,
        sum(output_tokens) as output_tokens,
        sum(cache_read_tokens) as cache_read_tokens,
        sum(cache_write_5m_tokens) as cache_write_5m_tokens,
        sum(cache_write_1h_tokens) as cache_write_1h_tokens,
        sum(total_tokens) as total_tokens,
        sum(web_search_count) as web_search_count,
        max(context_tokens) filter (where agent_run_id is null) as peak_context_tokens,
        count(*) filter (where not is_priced) as unpriced_response_count,
        count(*) filter (where not is_output_final) as unfinished_response_count,
        {{ distinct_texts('model_raw') }} as models,
        sum(cost_usd) as cost_usd,
        sum(cost_usd) filter (where agent_run_id is not null) as subagent_cost_usd
    from {{ ref('fact_api_call') }}
    group by session_id
),

tool_calls as (
    select
        session_id,
        count(*) as tool_call_count,
        count(*) filter (where status = 'error') as tool_error_count,
        count(*) filter (where status = 'denied') as tool_denied_count
    from {{ ref('fact_tool_invocation') }}
    group by session_id
),

edits as (
    select
        session_id,
        sum(lines_added) as lines_added,
        sum(lines_deleted) as lines_deleted,
        count(distinct file_id) as files_modified
    from {{ ref('fact_file_modification') }}
    group by session_id
),

prompts as (
    select
        session_id,
        count(*) filter (where is_human) as prompt_count,
        count(*) filter (where not is_human and prompt_origin not in ('unknown', 'rewritten'))
            as machine_prompt_count,
        count(*) filter (where was_interrupted) as interruption_count,
        sum(working_seconds) as agent_working_seconds
    from {{ ref('fact_prompt') }}
    group by session_id
),

logged as (
    select session_id, compaction_count, reported_cost_usd, reported_lines_added, reported_lines_deleted
    from {{ ref('int_session') }}
)

select
    sessions.session_id,
    actors.agent_id,
    sessions.started_at,
    sessions.ended_at,
    cast({{ local_time('sessions.started_at') }} as date) as started_local_date,
    sessions.working_dir,
    calls.models,
    sessions.provenance,
    cast({{ ms_between('sessions.started_at', 'sessions.ended_at') }} / 1000 as bigint) as duration_seconds,
    cast(coalesce(prompts.prompt_count, 0) as bigint) as prompt_count,
    cast(coalesce(prompts.machine_prompt_count, 0) as bigint) as machine_prompt_count,
    cast(coalesce(prompts.interruption_count, 0) as bigint) as interruption_count,
    cast(coalesce(calls.response_count, 0) as bigint) as response_count,
    cast(coalesce(calls.failed_request_count, 0) as bigint) as failed_request_count,
    cast(coalesce(calls.subagent_count, 0) as bigint) as subagent_count,
    cast(coalesce(tool_calls.tool_call_count, 0) as bigint) as tool_call_count,
    cast(coalesce(tool_calls.tool_error_count, 0) as bigint) as tool_error_count,
    cast(coalesce(tool_calls.tool_denied_count, 0) as bigint) as tool_denied_count,
    cast(logged.compaction_count as bigint) as compaction_count,
    cast(coalesce(edits.files_modified, 0) as bigint) as files_modified,
    cast(coalesce(edits.lines_added, 0) as bigint) as lines_added,
    cast(coalesce(edits.lines_deleted, 0) as bigint) as lines_deleted,
    cast(coalesce(calls.uncached_input_tokens, 0) as bigint) as uncached_input_tokens,
    cast(coalesce(calls.output_tokens, 0) as bigint) as output_tokens,
    cast(coalesce(calls.cache_read_tokens, 0) as bigint) as cache_read_tokens,
    cast(coalesce(calls.cache_write_5m_tokens, 0) as bigint) as cache_write_5m_tokens,
    cast(coalesce(calls.cache_write_1h_tokens, 0) as bigint) as cache_write_1h_tokens,
    cast(coalesce(calls.total_tokens, 0) as bigint) as total_tokens,
    cast(coalesce(calls.web_search_count, 0) as bigint) as web_search_count,
    cast(calls.peak_context_tokens as bigint) as peak_context_tokens,
    cast(coalesce(calls.unpriced_response_count, 0) as bigint) as unpriced_response_count,
    cast(coalesce(calls.unfinished_response_count, 0) as bigint) as unfinished_response_count,
    -- Turns out of order (a client that gave old lines a new time) can add up to more than the length of the
    -- session.
    case
        when prompts.agent_working_seconds is not null
            then cast(
                least(
                    prompts.agent_working_seconds,
                    {{ ms_between('sessions.started_at', 'sessions.ended_at') }} / 1000.0
                ) as double
            )
    end as agent_working_seconds,
    calls.cost_usd,
    calls.subagent_cost_usd,
    logged.reported_cost_usd,
    cast(logged.reported_lines_added as bigint) as reported_lines_added,
    cast(logged.reported_lines_deleted as bigint) as reported_lines_deleted,
    sessions._batch_id
from sessions
inner join {{ ref('int_actor') }} as actors
    on actors.session_id = sessions.session_id and actors.actor = 'main'
left join calls on calls.session_id = sessions.session_id
left join tool_calls on tool_calls.session_id = sessions.session_id
left join edits on edits.session_id = sessions.session_id
left join prompts on prompts.session_id = sessions.session_id
inner join logged on logged.session_id = sessions.session_id
