-- Every tool result belongs to a known call: a parser that misses calls would hide work. Damaged logs can
-- fail this test: the start of a file may be cut off, leaving a result without its call.
with results as (
    select
        blocks.tool_use_id,
        lines.session_id,
        lines.source_path as _source_path,
        lines.line_number as _source_line
    from {{ ref('int_line') }} as lines
    inner join {{ ref('stg_transcripts__block') }} as blocks on blocks.line_id = lines.line_id
    where blocks.block_type = 'tool_result' and {{ only_touched('lines.session_id in {sessions}') }}
)

select results.*
from results
anti join {{ ref('int_tool_call') }} as calls on calls.tool_use_id = results.tool_use_id
