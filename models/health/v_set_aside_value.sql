{{ config(materialized='table') }}

-- Values of damaged lines that count as unknown. The lines themselves are read.
with lines as (
    select
        file_id,
        line_number,
        string_split(unreadable_values, ',') as value_kinds,
        _batch_id
    from {{ ref('stg_transcripts__line') }}
    where unreadable_values is not null
),

found as (
    select
        file_id,
        value_kind,
        count(*) as line_count,
        min(line_number) as first_source_line,
        max(_batch_id) as last_batch_id
    from {{ explode('lines', 'value_kinds', 'value_kind', 'kind_number') }} as exploded
    group by file_id, value_kind
)

select
    {{ surrogate_key(['files.host', 'files.root', 'files.path', 'files.generation', 'found.value_kind']) }}
        as finding_id,
    found.value_kind,
    case found.value_kind
        when 'timestamp' then 'not a time, or a time at which no log can have been written'
        else 'a number of tokens that is negative or impossibly large'
    end as set_aside_reason,
    files.host,
    files.root as source_root,
    files.path as source_path,
    found.first_source_line,
    found.line_count,
    found.last_batch_id as _batch_id
from found
inner join {{ ref('stg_transcripts__file') }} as files on files.file_id = found.file_id
