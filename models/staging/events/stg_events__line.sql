-- What programs record of a conversation, written as the client would write it: so it is parsed, paired and counted as
-- transcripts are.
with events as (
    select
        *,
        coalesce(session_id, 'unknown') as session_name,
        cast(occurred_at as varchar) || 'Z' as timestamp_text
    from {{ ref('stg_events__event') }}
    where event_kind in ('api_call', 'session', 'action', 'prompt', 'response')
),

-- An answer, as far as it came. Tokens were counted, or there is nothing to count.
answers as (
    select
        *,
        0 as line_place,
        to_json({
            'type': 'assistant', 'uuid': event_id, 'timestamp': timestamp_text, 'sessionId': session_name,
            'requestId': payload.request_id, 'gitBranch': payload.git_branch,
            'costUSD': payload.cost_usd, 'latencyMs': payload.duration_ms, 'firstTokenMs': payload.first_token_ms,
            'isAbortedMidStream': payload.interrupted is not null,
            'message': {
                'id': payload.message_id, 'role': 'assistant', 'model': payload.model,
                'stop_reason': payload.stop_reason, 'content': coalesce(cast(content as json), '[]'::json),
                'usage': payload.usage
            }
        }) as line
    from events
    where event_kind = 'api_call' and payload.usage is not null
),

failures as (
    select
        *,
        0 as line_place,
        to_json({
            'type': 'system', 'subtype': 'api_error', 'level': 'error', 'uuid': event_id,
            'timestamp': timestamp_text, 'sessionId': session_name, 'requestId': payload.request_id,
            'apiError': coalesce(payload.error_type, payload.interrupted, error, payload.status)
        }) as line
    from events
    where
        event_kind = 'api_call' and payload.usage is null and (
            try_cast(payload.status as integer) >= 400 or error is not null or payload.error_type is not null
            or payload.interrupted is not null
        )
),

starts as (
    select
        *,
        0 as line_place,
        to_json({
            'type': 'system', 'subtype': 'session_' || coalesce(payload.event, 'start'), 'uuid': event_id,
            'timestamp': timestamp_text, 'sessionId': session_name, 'cwd': working_dir,
            'gitBranch': payload.git_branch, 'entrypoint': payload.entrypoint, 'customTitle': payload.title
        }) as line
    from events
    where event_kind = 'session'
),

prompts as (
    select
        *,
        0 as line_place,
        to_json({
            'type': 'user', 'uuid': event_id, 'timestamp': timestamp_text, 'sessionId': session_name,
            'promptId': prompt_id, 'message': {'role': 'user', 'content': payload.text}
        }) as line
    from events
    where event_kind = 'prompt' and payload.text is not null
),

responses as (
    select
        *,
        0 as line_place,
        to_json({
            'type': 'assistant', 'uuid': event_id, 'timestamp': timestamp_text, 'sessionId': session_name,
            'latencyMs': payload.latency_ms,
            'message': {
                'role': 'assistant', 'model': payload.model, 'stop_reason': payload.stop_reason,
                'content': [{'type': 'text', 'text': payload.text}]
            }
        }) as line
    from events
    where event_kind = 'response' and payload.text is not null
),

acted as (
    select
        *,
        coalesce(tool_use_id, 'recorded_' || event_id) as call_name,
        coalesce(nullif(tool_name, ''), nullif(payload.action_type, ''), 'unknown') as called_tool
    from events
    where event_kind = 'action'
),

calls as (
    select
        * exclude (call_name, called_tool),
        0 as line_place,
        to_json({
            'type': 'assistant', 'uuid': event_id, 'timestamp': timestamp_text, 'sessionId': session_name,
            'message': {
                'role': 'assistant',
                'content': [{
                    'type': 'tool_use', 'id': call_name, 'name': called_tool,
                    'input': {
                        'file_path': payload.target_path, 'command': payload.command,
                        'metadata': cast(metadata as json)
                    }
                }]
            }
        }) as line
    from acted
),

returns as (
    select
        * exclude (call_name, called_tool),
        1 as line_place,
        to_json({
            'type': 'user', 'uuid': event_id || '-result', 'parentUuid': event_id, 'timestamp': timestamp_text,
            'sessionId': session_name, 'toolUseResult': {'durationMs': duration_ms},
            'message': {
                'role': 'user',
                'content': [{
                    'type': 'tool_result', 'tool_use_id': call_name, 'content': coalesce(error, ''),
                    'is_error': not coalesce(payload.success, error is null)
                }]
            }
        }) as line
    from acted
    where payload.success is not null or error is not null or duration_ms is not null
),

lines as (
    {%- for part in ['answers', 'failures', 'starts', 'prompts', 'responses', 'calls', 'returns'] %}
    select * from {{ part }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    file_id,
    line_number,
    -- What one event makes several lines of; a landed line has few parts.
    part_number + line_place * 1000000 as part_number,
    cast(line as varchar) as line,
    _batch_id
from lines
