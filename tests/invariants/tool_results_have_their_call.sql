-- Every tool result has the call that it answers: a parser that misses calls would hide work that was done.
-- Only a warning: the start of a file may be cut off (deleted, or shared in part), and then a result stands alone.
{{ config(severity='warn') }}

with results as (
    select
        blocks.tool_use_id,
        lines.session_id,
        files.path as source_path,
        lines.line_number as source_line
    from {{ ref('int_line') }} as lines
    inner join {{ ref('stg_transcripts__block') }} as blocks
        on blocks.file_id = lines.file_id and blocks.line_number = lines.line_number and blocks.part_number = lines.part_number
    inner join {{ ref('stg_transcripts__file') }} as files on files.file_id = lines.file_id
    where blocks.block_type = 'tool_result'
)

select results.*
from results
anti join {{ ref('int_tool_call') }} as calls on calls.tool_use_id = results.tool_use_id
