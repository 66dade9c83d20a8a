{{ config(materialized='incremental', incremental_strategy='replace_touched', zstd_columns=['metadata']) }}

with touched as {{ touched_sessions() }},

-- Parts of a response: its texts are one action, each tool call is one. Thinking belongs to the next part.
responses as (
    select responses.*
    from {{ ref('int_api_response') }} as responses
    semi join touched on touched.session_id = responses.session_id
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
        case
            when tool_name in ('AskUserQuestion', 'ExitPlanMode', 'exit_plan_mode', 'EnterPlanMode')
                then 'decision'
            else 'tool_call'
        end
            as action_type,
        tool_name,
        target_path,
        target,
        call_status as status,
        error_type,
        case
            when length(tool_input_json) <= 4000 then cast(tool_input_json as varchar)
            else {{ as_json(
                {'target': 'left(target, 500)', 'input_bytes': 'input_bytes', 'is_cut': 'true'}
            ) }}
        end as metadata,
        coalesce(input_bytes, 0) + 1 as weight,
        1 as position_in_response,
        case when line_origin = 'event' then 'recorded' else 'observed' end as provenance,
        source_path,
        source_line
    from calls
    union all
    select
        {{ surrogate_key(['responses.response_id', "'response'"]) }} as action_id,
        responses.response_id,
        responses.session_id,
        coalesce(responses.text_started_at, responses.started_at) as action_at,
        'response' as action_type,
        cast(null as varchar) as tool_name,
        cast(null as varchar) as target_path,
        cast(null as varchar) as target,
        'ok' as status,
        cast(null as varchar) as error_type,
        {{ as_json({'text': 'left(responses.response_text, 500)', 'stop_reason': 'responses.stop_reason'}) }}
            as metadata,
        responses.text_characters + 1 as weight,
        0 as position_in_response,
        responses.provenance,
        coalesce(responses.text_source_path, responses.source_path) as source_path,
        coalesce(responses.text_source_line, responses.source_line) as source_line
    from responses
    where
        responses.has_text
        or responses.response_id not in (
            select response_id from calls
            where response_id is not null
        )
),

-- Tokens of a response, split over its actions by length, in whole tokens that add up.
weighted as (
    select
        -- The session can change within a message: all its actions belong to the session that the response
        -- counts for.
        actions.* replace (responses.session_id as session_id),
        responses.actor,
        responses.turn_id,
        responses.uncached_input_tokens + responses.cache_read_tokens + responses.cache_write_5m_tokens
        + responses.cache_write_1h_tokens
            as sent_tokens,
        responses.output_tokens as response_output_tokens,
        sum(actions.weight) over (partition by actions.response_id) as total_weight,
        sum(actions.weight) over (
            partition by actions.response_id
            order by actions.position_in_response, actions.source_line, actions.action_id
            rows between unbounded preceding and current row
        ) as running_weight
    from actions
    inner join responses on responses.response_id = actions.response_id
),

-- Calls whose response is not in the log (its line had no usage) are actions too.
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
    case
        when everything.target_path is not null and everything.target_path <> ''
            then {{ surrogate_key(['everything.target_path']) }}
    end
        as file_id,
    everything.action_at,
    everything.action_type,
    everything.tool_name,
    everything.target_path,
    left(everything.target, 2000) as target,
    everything.status,
    everything.error_type,
    everything.provenance,
    cast(
        round(everything.sent_tokens * everything.running_weight / everything.total_weight)
        - round(
            everything.sent_tokens * (everything.running_weight - everything.weight) / everything.total_weight
        ) as bigint
    ) as input_tokens,
    cast(
        round(everything.response_output_tokens * everything.running_weight / everything.total_weight)
        - round(
            everything.response_output_tokens * (everything.running_weight - everything.weight)
            / everything.total_weight
        ) as bigint
    ) as output_tokens,
    everything.metadata,
    everything.source_path as _source_path,
    everything.source_line as _source_line,
    touched._batch_id
from everything
inner join touched on touched.session_id = everything.session_id
inner join {{ ref('int_actor') }} as actors
    on actors.session_id = everything.session_id and actors.actor = everything.actor
