{{ config(
    materialized='incremental', incremental_strategy='replace_touched', on_schema_change='append_new_columns',
    zstd_columns=['metadata']
) }}

with touched as {{ touched_sessions() }},

response_lines as (
    select lines.*
    from {{ ref('int_response_line') }} as lines
    semi join touched on touched.session_id = lines.session_id
    where not lines.is_copy
),

-- What a response was made of: its texts as one action, each tool call as one. Thinking goes with what followed it.
texts as (
    select
        response_lines.response_id,
        min(response_lines.created_at) as action_at,
        min_by(response_lines.source_path, response_lines.line_number) as source_path,
        min(response_lines.line_number) as source_line,
        sum(coalesce(blocks.text_characters, 0)) as characters,
        count(*) filter (where blocks.block_type = 'text') as text_block_count,
        string_agg(blocks.block_text, chr(10) order by response_lines.line_number, blocks.block_number)
            filter (where blocks.block_type = 'text') as response_text
    from response_lines
    inner join {{ ref('stg_transcripts__block') }} as blocks
        on blocks.file_id = response_lines.file_id and blocks.line_number = response_lines.line_number
        and blocks.part_number = response_lines.part_number
    where blocks.block_type in ('text', 'thinking', 'redacted_thinking')
    group by response_lines.response_id
),

calls as (
    select calls.*
    from {{ ref('int_tool_call') }} as calls
    semi join touched on touched.session_id = calls.session_id
),

actions as (
    select
        tool_use_id as action_id,
        response_id,
        session_id,
        called_at as action_at,
        case when tool_name in ('AskUserQuestion', 'ExitPlanMode', 'exit_plan_mode', 'EnterPlanMode') then 'decision' else 'tool_call' end
            as action_type,
        tool_name,
        target_path,
        target,
        call_status as status,
        error_type,
        case
            when length(tool_input_json) <= 4000 then cast(tool_input_json as varchar)
            else {{ as_json({'target': 'left(target, 500)', 'input_bytes': 'input_bytes', 'is_cut': 'true'}) }}
        end as metadata,
        coalesce(input_bytes, 0) + 1 as weight,
        1 as position_in_response,
        source_path,
        source_line
    from calls
    union all
    select
        {{ surrogate_key(['responses.response_id', "'response'"]) }} as action_id,
        responses.response_id,
        responses.session_id,
        coalesce(texts.action_at, responses.started_at) as action_at,
        'response' as action_type,
        cast(null as varchar) as tool_name,
        cast(null as varchar) as target_path,
        cast(null as varchar) as target,
        'ok' as status,
        cast(null as varchar) as error_type,
        {{ as_json({'text': 'left(texts.response_text, 500)', 'stop_reason': 'responses.stop_reason'}) }} as metadata,
        coalesce(texts.characters, 0) + 1 as weight,
        0 as position_in_response,
        coalesce(texts.source_path, responses.source_path) as source_path,
        coalesce(texts.source_line, responses.source_line) as source_line
    from {{ ref('int_api_response') }} as responses
    semi join touched on touched.session_id = responses.session_id
    left join texts on texts.response_id = responses.response_id
    where
        coalesce(texts.text_block_count, 0) > 0
        or responses.response_id not in (select response_id from calls where response_id is not null)
),

-- A response's tokens are shared over its actions by length, in whole tokens that add up to the response's own.
weighted as (
    select
        -- The session may change inside a message: all that it did is where it was counted.
        actions.* replace (responses.session_id as session_id),
        responses.actor,
        turns.turn_id,
        responses.uncached_input_tokens + responses.cache_read_tokens + responses.cache_write_5m_tokens + responses.cache_write_1h_tokens
            as sent_tokens,
        responses.output_tokens as response_output_tokens,
        sum(actions.weight) over (partition by actions.response_id) as total_weight,
        sum(actions.weight) over (
            partition by actions.response_id order by actions.position_in_response, actions.source_line, actions.action_id
            rows between unbounded preceding and current row
        ) as running_weight
    from actions
    inner join {{ ref('int_api_response') }} as responses on responses.response_id = actions.response_id
    left join {{ ref('int_line_turn') }} as turns on turns.line_uuid = responses.first_line_uuid
),

-- Calls whose response is not in the log (its line had no usage) act all the same.
orphans as (
    select
        actions.*,
        calls.actor,
        calls.turn_id,
        cast(0 as bigint) as sent_tokens,
        cast(0 as bigint) as response_output_tokens,
        1 as total_weight,
        1 as running_weight
    from actions
    inner join calls on calls.tool_use_id = actions.action_id
    where actions.response_id is null
),

everything as (
    select * from weighted
    union all
    select * from orphans
)

select
    everything.action_id,
    actors.agent_id,
    actors.agent_run_id,
    everything.turn_id as task_id,
    everything.session_id,
    everything.response_id as call_id,
    case when everything.target_path is not null and everything.target_path <> '' then {{ surrogate_key(['everything.target_path']) }} end
        as file_id,
    everything.action_at,
    everything.action_type,
    everything.tool_name,
    everything.target_path,
    left(everything.target, 2000) as target,
    everything.status,
    everything.error_type,
    'observed' as provenance,
    cast(
        round(everything.sent_tokens * everything.running_weight / everything.total_weight)
        - round(everything.sent_tokens * (everything.running_weight - everything.weight) / everything.total_weight) as bigint
    ) as input_tokens,
    cast(
        round(everything.response_output_tokens * everything.running_weight / everything.total_weight)
        - round(everything.response_output_tokens * (everything.running_weight - everything.weight) / everything.total_weight) as bigint
    ) as output_tokens,
    everything.metadata,
    everything.source_path as _source_path,
    everything.source_line as _source_line,
    touched._batch_id
from everything
inner join touched on touched.session_id = everything.session_id
inner join {{ ref('int_actor') }} as actors on actors.session_id = everything.session_id and actors.actor = everything.actor
