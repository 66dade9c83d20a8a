{%- set spec = '{"type": "VARCHAR", "timestamp": "VARCHAR", "created_at": "VARCHAR", "source": "VARCHAR",
    "is_complete": "BOOLEAN", "session_id": "VARCHAR", "request_id": "VARCHAR", "_request_id": "VARCHAR",
    "role": "VARCHAR", "message": "JSON", "response": "JSON", "body": "JSON",
    "result": {"type": "VARCHAR", "message": "JSON"}}' -%}

-- API responses that are in files, written as the client would write them in a transcript. What the client
-- itself printed as a stream of events is such a line already. A response does not say when it was given: its
-- file was last written then, or later.
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
        files.modified_at,
        {{ json_struct('raw_lines.line', spec) }} as p
    from raw_lines
    inner join files on files.file_id = raw_lines.file_id
),

found as (
    select
        *,
        case
            when p.type = 'message' then cast(line as json)
            when p.type in ('assistant', 'user', 'system', 'result', 'stream_event') then null
            else coalesce(p.result.message, p.message, p.response, p.body)
        end as message
    from parsed
)

select
    file_id,
    line_number,
    part_number,
    case
        when message is null then line
        else {{ conversation_line({
            'type': "'assistant'",
            'uuid': "md5(concat_ws(chr(31), 'api_response', logical_path, line))",
            'timestamp': "coalesce(p.timestamp, p.created_at, cast(modified_at as varchar) || 'Z')",
            'sessionId': "coalesce(p.session_id, 'responses-' || left(md5(logical_path), 12))",
            'requestId': 'coalesce(p.request_id, p._request_id)',
            'isAbortedMidStream': 'coalesce(not p.is_complete, false)',
            'message': 'message'
        }) }}
    end as line,
    _batch_id
from found
