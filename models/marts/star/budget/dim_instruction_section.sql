-- depends_on: {{ ref('cause_groups') }}
{{ config(materialized='table') }}

-- The sections of memory files, of the newest text of each: as a line showed it, or as a scan found it.
with texts as (
    select file_path, body_text, created_at as seen_at, 'transcript' as text_source, _batch_id
    from {{ ref('int_memory_text') }}
    union all
    select component_name, body_text, created_at, 'transcript', _batch_id
    from {{ ref('int_component_body') }}
    where
        component_type = 'reference_file'
        and {{ rule_cases(
            'cause_groups', {'text': "regexp_matches('reference_file:' || component_name, {pattern})"},
            'cause_group', "'Other'"
        ) }} = 'Memory files'
    union all
    select component_name, content, last_seen_at, 'scan', _batch_id
    from {{ ref('int_component_version') }}
    where component_type = 'reference_file' and content is not null and content <> ''
),

newest as (
    select file_path, body_text, seen_at, text_source, _batch_id
    from texts
    qualify
        row_number() over (
            partition by file_path order by seen_at desc nulls last, text_source, md5(body_text)
        ) = 1
),

split as (
    select *, string_split(replace(body_text, chr(13), ''), chr(10)) as text_lines from newest
),

text_lines as (
    select
        file_path,
        line_number,
        text_line,
        {{ regex_matches('text_line', "'^ {0,3}(```|~~~)'") }} as is_fence
    from {{ explode('split', 'text_lines', 'text_line', 'line_number') }} as exploded
),

-- A line with # within a code block is no heading.
fenced as (
    select
        *,
        sum(case when is_fence then 1 else 0 end) over (
            partition by file_path order by line_number rows between unbounded preceding and current row
        ) % 2 = 1 as is_code
    from text_lines
),

headed as (
    select
        *,
        not is_code and not is_fence
        and {{ regex_matches('text_line', "'^ {0,3}#{1,6}([ \\t]|$)'") }} as is_heading
    from fenced
),

numbered as (
    select
        *,
        sum(case when is_heading then 1 else 0 end) over (
            partition by file_path order by line_number rows between unbounded preceding and current row
        ) as section_number
    from headed
),

sections as (
    select
        file_path,
        section_number,
        min(line_number) as first_line,
        max(case when is_heading then text_line end) as heading_line,
        sum({{ char_count('text_line') }} + 1) as characters
    from numbered
    group by file_path, section_number
)

select
    {{ surrogate_key(['sections.file_path', 'sections.section_number']) }} as section_id,
    {{ surrogate_key(["'memory_file'", 'sections.file_path']) }} as part_id,
    sections.file_path,
    newest.seen_at,
    newest.text_source,
    nullif(trim({{ regex_replace('sections.heading_line', '^ {0,3}#{1,6}|[ \\t]+#+[ \\t]*$', '') }}), '')
        as heading,
    md5(newest.body_text) as content_hash,
    cast(sections.section_number as integer) as section_number,
    cast(length({{ regex_group('sections.heading_line', '^ {0,3}(#{1,6})') }}) as integer) as heading_level,
    cast(sections.first_line as bigint) as first_line,
    cast(sections.characters as bigint) as characters,
    sections.characters / cast(sum(sections.characters) over (partition by sections.file_path) as double)
        as characters_ratio,
    newest._batch_id
from sections
inner join newest on newest.file_path = sections.file_path
