{{ config(materialized='incremental', incremental_strategy='replace_touched') }}

with touched as {{ touched_sessions() }},

-- The inference that finished the response: its input is the context of the thread. The total billed for the
-- response contains this context several times if other inferences ran before it, or advised it.
answers as (
    select inferences.*
    from {{ ref('int_inference') }} as inferences
    semi join touched on touched.session_id = inferences.session_id
    where inferences.is_answer
),

-- The output of a response, including its earlier inferences, is in the context of the next response.
written as (
    select inferences.response_id, cast(sum(inferences.output_tokens) as bigint) as output_tokens
    from {{ ref('int_inference') }} as inferences
    semi join touched on touched.session_id = inferences.session_id
    where inferences.is_written
    group by inferences.response_id
),

responses as (
    select
        responses.response_id,
        responses.session_id,
        responses.actor,
        responses.thread_position,
        responses.started_at,
        responses.model_name,
        responses.cache_miss_reason,
        responses.is_output_final,
        responses.is_priced_by_iteration,
        written.output_tokens,
        answers.context_tokens,
        answers.cache_read_tokens,
        answers.cache_write_1h_tokens,
        answers.cache_write_5m_tokens,
        answers.uncached_input_tokens,
        answers.cache_read_cost_usd,
        answers.cache_write_1h_cost_usd,
        answers.cache_write_5m_cost_usd,
        answers.input_cost_usd
    from {{ ref('int_api_response') }} as responses
    semi join touched on touched.session_id = responses.session_id
    inner join answers on answers.response_id = responses.response_id
    inner join written on written.response_id = responses.response_id
    where answers.context_tokens > 0 and responses.thread_position is not null
),

system_lines as (
    select
        lines.session_id,
        lines.actor,
        lines.thread_position,
        lines.subtype,
        stg.microcompact_metadata.compactedToolIds as cleared_tool_use_ids
    from {{ ref('int_line') }} as lines
    semi join touched on touched.session_id = lines.session_id
    inner join {{ ref('stg_transcripts__line') }} as stg on stg.line_id = lines.line_id
    where lines.line_type = 'system' and lines.subtype in ('compact_boundary', 'microcompact_boundary')
),

-- Number the responses of a thread and find the compactions between them.
merged as (
    select
        session_id,
        actor,
        thread_position,
        response_id,
        0 as is_boundary
    from responses
    union all
    select
        session_id,
        actor,
        thread_position,
        null as response_id,
        1 as is_boundary
    from system_lines
    where subtype = 'compact_boundary'
),

compactions as (
    select
        *,
        sum(is_boundary) over (
            partition by session_id, actor order by thread_position, is_boundary desc, response_id
            rows between unbounded preceding and current row
        ) as compaction_number
    from merged
),

-- Results cleared by a micro-compaction are missing from the next request on.
clearings as (
    select
        nexts.response_id,
        {{ merged_lists('nexts.cleared_tool_use_ids') }} as cleared_tool_use_ids
    from (
        select
            system_lines.cleared_tool_use_ids,
            min_by(responses.response_id, (responses.thread_position, responses.response_id)) as response_id
        from system_lines
        inner join responses
            on responses.session_id = system_lines.session_id and responses.actor = system_lines.actor
            and responses.thread_position >= system_lines.thread_position
        where system_lines.subtype = 'microcompact_boundary' and system_lines.cleared_tool_use_ids is not null
        group by
            system_lines.session_id, system_lines.actor, system_lines.thread_position,
            system_lines.cleared_tool_use_ids
    ) as nexts
    group by nexts.response_id
),

-- The API itself can remove the oldest results; each response reports their total number.
edits as (
    select
        response_lines.response_id,
        max(stg.cleared_tool_use_count) as cleared_tool_use_count
    from {{ ref('stg_transcripts__line') }} as stg
    semi join touched on touched.session_id = stg.session_id
    inner join {{ ref('int_response_line') }} as response_lines on response_lines.line_uuid = stg.line_uuid
    where stg.cleared_tool_use_count > 0
    group by response_lines.response_id
),

numbered as (
    select
        responses.*,
        compactions.compaction_number,
        row_number() over thread as response_number,
        lag(responses.context_tokens) over thread as previous_context_tokens,
        lag(responses.output_tokens) over thread as previous_output_tokens,
        coalesce(lag(responses.is_output_final and not responses.is_priced_by_iteration) over thread, false)
            as was_previous_final,
        coalesce(lag(responses.is_priced_by_iteration) over thread, false) as was_previous_iterated,
        lag(compactions.compaction_number) over thread as previous_compaction_number,
        lag(responses.model_name) over thread as previous_model_name,
        lag(responses.started_at) over thread as previous_started_at,
        lag(
            responses.cache_read_tokens + responses.cache_write_5m_tokens + responses.cache_write_1h_tokens
        ) over thread
            as previously_cached_tokens,
        clearings.cleared_tool_use_ids,
        coalesce(edits.cleared_tool_use_count, 0) as cleared_tool_use_count,
        lag(coalesce(edits.cleared_tool_use_count, 0), 1, 0) over thread as previously_cleared_count
    from responses
    inner join compactions on compactions.response_id = responses.response_id
    left join clearings on clearings.response_id = responses.response_id
    left join edits on edits.response_id = responses.response_id
    window thread as (
        partition by responses.session_id, responses.actor
        order by responses.thread_position, responses.response_id
    )
)

select
    numbered.response_id,
    {{ surrogate_key(['numbered.session_id', 'numbered.actor']) }} as thread_id,
    numbered.session_id,
    numbered.actor,
    numbered.response_number,
    numbered.thread_position,
    numbered.model_name,
    numbered.started_at,
    numbered.previous_started_at,
    numbered.cache_miss_reason,
    case
        when numbered.response_number = 1 then 'start'
        when coalesce(numbered.compaction_number > numbered.previous_compaction_number, false)
            then 'compaction'
        when
            numbered.cleared_tool_use_ids is not null
            or numbered.cleared_tool_use_count > numbered.previously_cleared_count
            then 'micro_compaction'
        when numbered.context_tokens < numbered.previous_context_tokens then 'shrink'
        else 'growth'
    end as context_change,
    numbered.cleared_tool_use_ids,
    coalesce(numbered.model_name <> numbered.previous_model_name, false) as is_model_switch,
    numbered.is_priced_by_iteration or numbered.was_previous_iterated as is_iterated,
    numbered.was_previous_final,
    numbered.cleared_tool_use_count,
    numbered.context_tokens,
    coalesce(numbered.previous_context_tokens, 0) as previous_context_tokens,
    coalesce(numbered.previous_output_tokens, 0) as previous_output_tokens,
    coalesce(numbered.previously_cached_tokens, 0) as previously_cached_tokens,
    numbered.cache_read_tokens,
    numbered.cache_write_1h_tokens,
    numbered.cache_write_5m_tokens,
    numbered.uncached_input_tokens as fresh_tokens,
    -- Dollars per token as billed for this request. Unpriced requests carry no dollars.
    coalesce(numbered.cache_read_cost_usd / nullif(numbered.cache_read_tokens, 0), 0) as read_usd_per_token,
    coalesce(numbered.cache_write_1h_cost_usd / nullif(numbered.cache_write_1h_tokens, 0), 0)
        as write_1h_usd_per_token,
    coalesce(numbered.cache_write_5m_cost_usd / nullif(numbered.cache_write_5m_tokens, 0), 0)
        as write_5m_usd_per_token,
    coalesce(numbered.input_cost_usd / nullif(numbered.uncached_input_tokens, 0), 0) as fresh_usd_per_token,
    sum(coalesce(numbered.cache_read_cost_usd / nullif(numbered.cache_read_tokens, 0), 0)) over (
        partition by numbered.session_id, numbered.actor
        order by numbered.thread_position, numbered.response_id
        rows between unbounded preceding and current row
    ) as running_read_usd_per_token,
    touched._batch_id
from numbered
inner join touched on touched.session_id = numbered.session_id
