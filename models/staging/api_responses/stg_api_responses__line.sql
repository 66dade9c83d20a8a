{%- set spec = '{"type": "VARCHAR", "timestamp": "VARCHAR", "created_at": "VARCHAR", "source": "VARCHAR",
    "is_complete": "BOOLEAN", "session_id": "VARCHAR", "request_id": "VARCHAR", "_request_id": "VARCHAR",
    "uuid": "VARCHAR", "usage": "JSON", "modelUsage": "JSON", "stop_reason": "VARCHAR", "duration_ms": "MS",
    "result": {"type": "VARCHAR", "message": "JSON", "error": "JSON"}, "error": "JSON"}' -%}

-- API responses from files, converted to the lines that the client would write in a transcript. Event streams
-- printed by the client consist of such lines already. A response does not state its time: the time is
-- unknown unless the wrapper around it has one.
with raw_lines as (
    select
        file_id,
        line_number,
        part_number,
        coalesce(repaired_line, line) as line,
        _batch_id
    from {{ source('raw_api_responses', 'api_response') }}
    where set_aside_reason is null
),

files as (
    select * from {{ source('raw', 'source_file') }}
),

parsed as (
    select
        raw_lines.*,
        files.logical_path,
        {{ json_struct('raw_lines.line', spec) }} as p
    from raw_lines
    inner join files on files.file_id = raw_lines.file_id
),

told as (
    select
        *,
        coalesce(p.type in ('assistant', 'user', 'system', 'result', 'stream_event'), false) as is_of_client
    from parsed
),

found as (
    select
        *,
        case
            when p.type = 'message' then cast(line as json)
            when not is_of_client then coalesce(p.result.message, {{ json_value_of_type('line', 'message') }})
        end as message,
        case when not is_of_client then coalesce(p.result.error, p.error) end as error
    from told
),

lines as (
    select
        file_id,
        line_number,
        part_number,
        case
            when is_of_client then line
            when message is not null then {{ conversation_line({
                'type': "'assistant'",
                'uuid': "md5(concat_ws(chr(31), 'api_response', coalesce("
                    ~ json_scalar('message', '$.id') ~ ", line)))",
                'timestamp': "coalesce(p.timestamp, p.created_at)",
                'sessionId': "coalesce(p.session_id, 'responses-' || left(md5(logical_path), 12))",
                'requestId': 'coalesce(p.request_id, p._request_id)',
                'isAbortedMidStream': 'coalesce(not p.is_complete, false)',
                'message': 'message'
            }) }}
            else {{ conversation_line({
                'type': "'system'", 'subtype': "'api_error'", 'level': "'error'",
                'uuid': "md5(concat_ws(chr(31), 'api_response', logical_path, line))",
                'timestamp': "coalesce(p.timestamp, p.created_at)",
                'sessionId': "coalesce(p.session_id, 'responses-' || left(md5(logical_path), 12))",
                'requestId': 'coalesce(p.request_id, p._request_id)',
                'apiError': "coalesce(" ~ json_scalar('error', '$.error.type') ~ ", "
                    ~ json_scalar('error', '$.type') ~ ", p.result.type)"
            }) }}
        end as line,
        _batch_id
    from found
    where is_of_client or message is not null or error is not null or p.result.type is not null
    union all
    -- The total usage of a client run, for sessions about which nothing else is known. If several models were
    -- used, the most expensive one is named.
    select
        file_id,
        line_number,
        part_number + 1000000 as part_number,
        {{ conversation_line(
            {
                'type': "'assistant'", 'subtype': "'result'", 'session_id': 'p.session_id',
                'uuid': "md5(concat_ws(chr(31), 'result', p.session_id, coalesce(p.uuid, line)))",
                'timestamp': "p.timestamp",
                'sessionId': 'p.session_id'
            },
            message={
                'role': "'assistant'", 'model': json_name_of_largest('p.modelUsage', 'costUSD'),
                'content': "cast('[]' as json)", 'stop_reason': 'p.stop_reason', 'usage': 'p.usage'
            }
        ) }} as line,
        _batch_id
    from found
    where p.type = 'result' and p.usage is not null and p.session_id is not null
)

select * from lines
