{#- Fields that every line of an event has. -#}
{%- set common = {
    'uuid': 'event_id', 'timestamp': "cast(occurred_at as varchar) || 'Z'",
    'sessionId': "coalesce(session_id, 'unknown')"
} -%}

-- Conversations recorded by programs, converted to the client's transcript lines: so they are parsed, paired
-- and counted like transcripts.
with events as (
    select
        *,
        -- A response is counted even if nobody recorded its tokens.
        coalesce(
            payload.usage,
            case
                when event_kind = 'response' then cast('{"input_tokens": 0, "output_tokens": 0}' as json)
            end
        ) as usage,
        case
            when event_kind = 'response' then {{ content_block({'type': "'text'", 'text': 'payload.text'}) }}
            else coalesce(cast(content as json), cast('[]' as json))
        end as blocks,
        coalesce(tool_use_id, session_id || '/' || payload.action_id, 'recorded_' || event_id) as call_name
    from {{ ref('stg_events__event') }}
    where event_kind in ('api_call', 'session', 'action', 'prompt', 'response')
),

lines as (
    -- A prompt sent with several requests, as in a loop of tool calls, counts once.
    select
        *,
        0 as line_place,
        {{ conversation_line(
            dict(
                common, type="'user'", turnOrigin="'sdk'",
                uuid="md5(concat_ws(chr(31), 'prompt', session_id, payload.prompt))"
            ),
            message={'role': "'user'", 'content': 'payload.prompt'}
        ) }} as line
    from events
    where event_kind = 'api_call' and payload.prompt is not null
    union all
    select
        *,
        1 as line_place,
        {{ conversation_line(
            dict(
                common, type="'assistant'", requestId='payload.request_id', gitBranch='payload.git_branch',
                costUSD='payload.cost_usd', latencyMs='coalesce(duration_ms, payload.latency_ms)',
                firstTokenMs='payload.first_token_ms', isAbortedMidStream='payload.interrupted is not null'
            ),
            message={
                'id': 'payload.message_id', 'role': "'assistant'", 'model': 'payload.model',
                'stop_reason': 'payload.stop_reason', 'content': 'blocks', 'usage': 'usage'
            }
        ) }} as line
    from events
    where event_kind in ('api_call', 'response') and usage is not null
    union all
    select
        *,
        0 as line_place,
        {{ conversation_line(dict(
            common, type="'system'", subtype="'api_error'", requestId='payload.request_id',
            apiError='coalesce(payload.error_type, payload.interrupted, error, payload.status)'
        )) }} as line
    from events
    where
        event_kind = 'api_call' and usage is null
        and (
            try_cast(payload.status as integer) >= 400
            or coalesce(payload.error_type, payload.interrupted, error) is not null
        )
    union all
    select
        *,
        0 as line_place,
        {{ conversation_line(dict(
            common, type="'system'", subtype="'session_' || coalesce(payload.event, 'start')",
            cwd='working_dir', gitBranch='payload.git_branch', entrypoint='payload.entrypoint',
            customTitle='payload.title', recordedUser='payload.user_id'
        )) }} as line
    from events
    where event_kind = 'session'
    union all
    select
        *,
        0 as line_place,
        {{ conversation_line(
            dict(common, type="'user'", promptId='prompt_id', recordedUser='payload.user_id'),
            message={'role': "'user'", 'content': 'payload.text'}
        ) }} as line
    from events
    where event_kind = 'prompt' and payload.text is not null
    union all
    select
        *,
        0 as line_place,
        {{ conversation_line(
            dict(common, type="'assistant'"),
            message={
                'role': "'assistant'",
                'content': content_block({
                    'type': "'tool_use'", 'id': 'call_name',
                    'name': "coalesce(nullif(tool_name, ''), nullif(payload.action_type, ''), 'unknown')",
                    'input': "{'file_path': payload.target_path, 'command': payload.command,"
                        ~ " 'metadata': cast(metadata as json)}"
                })
            }
        ) }} as line
    from events
    where event_kind = 'action'
    union all
    select
        *,
        1 as line_place,
        {{ conversation_line(
            dict(
                common, type="'user'", uuid="event_id || '-result'", parentUuid='event_id',
                toolUseResult="{'durationMs': duration_ms}"
            ),
            message={
                'role': "'user'",
                'content': content_block({
                    'type': "'tool_result'", 'tool_use_id': 'call_name', 'content': "coalesce(error, '')",
                    'is_error': 'not coalesce(payload.success, error is null)'
                })
            }
        ) }} as line
    from events
    where
        event_kind = 'action'
        and (payload.success is not null or error is not null or duration_ms is not null)
)

select
    file_id,
    line_number,
    -- Separates the lines made from one event; a landed line has few parts.
    part_number + line_place * 1000000 as part_number,
    line,
    _batch_id
from lines
