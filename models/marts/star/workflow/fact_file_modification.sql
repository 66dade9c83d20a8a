{{ config(
    materialized='incremental', incremental_strategy='replace_touched',
    zstd_columns=['diff_snippet']
) }}

with touched as {{ touched_sessions() }},

described as (
    select
        edits.*,
        {{ path_identity(
            "coalesce(nullif(edits.result.filePath, ''), nullif(edits.result.notebook_path, ''), "
            ~ "edits.target_path)"
        ) }} as file_path,
        coalesce(edits.result.type = 'create', false) or edits.is_said_to_be_new
        or coalesce(
            edits.tool_name = 'Edit' and edits.old_text = '' and coalesce(edits.patch_lines_deleted, 0) = 0,
            false
        )
            as is_creation,
        edits.result.structuredPatch as patch,
        case
            when coalesce(len(edits.result.structuredPatch), 0) > 0 then 'patch'
            when edits.result.type = 'create' or edits.is_said_to_be_new then 'written_text'
            when edits.result.structuredPatch is not null then 'patch'
            -- For a replace-all edit, only the patch would tell how often the text was replaced.
            when edits.tool_name <> 'Write' and edits.asked_text is not null and not edits.is_replace_all
                then 'input'
        end as count_method
    from {{ ref('int_edit') }} as edits
    semi join touched on touched.session_id = edits.session_id
),

-- Without a patch: the lines that one text has more often than the other, with signs, in any order. For 3,188
-- edits with a patch, this gives the same numbers for 93 %, and the sum of added lines within 2 %.
texts as (
    select tool_use_id, '+' as sign, string_split(nullif(new_text, ''), chr(10)) as lines
    from described
    where count_method = 'input'
    union all
    select tool_use_id, '-' as sign, string_split(nullif(old_text, ''), chr(10)) as lines
    from described
    where count_method = 'input'
),

numbered_lines as (
    select
        *,
        row_number() over (partition by tool_use_id, sign, line order by line_number) as occurrence
    from {{ explode('texts', 'lines', 'line', 'line_number') }} as text_lines
),

differences as (
    select
        ours.tool_use_id,
        coalesce(
            {{ joined_texts('ours.sign || ours.line', 'ours.line_number') }} filter (where ours.sign = '+'),
            ''
        ) as added_text,
        coalesce(
            {{ joined_texts('ours.sign || ours.line', 'ours.line_number') }} filter (where ours.sign = '-'),
            ''
        ) as deleted_text
    from numbered_lines as ours
    left join numbered_lines as theirs
        on theirs.tool_use_id = ours.tool_use_id and theirs.sign <> ours.sign and theirs.line = ours.line
        and theirs.occurrence = ours.occurrence
    where theirs.tool_use_id is null
    group by ours.tool_use_id
),

compared as (
    select
        described.*,
        coalesce(differences.added_text, '') as added_text,
        coalesce(differences.deleted_text, '') as deleted_text
    from described
    left join differences on differences.tool_use_id = described.tool_use_id
),

counted as (
    select
        *,
        case count_method
            when 'patch' then patch_lines_added
            when 'written_text' then {{ line_count('new_text') }}
            when 'input' then {{ line_count('added_text') }}
        end as lines_added,
        case count_method
            when 'patch' then patch_lines_deleted
            when 'written_text' then 0
            when 'input' then {{ line_count('deleted_text') }}
        end as lines_deleted,
        case count_method
            when 'patch' then {{ patch_characters('patch', '+', 'has_tab_indent') }}
            when 'written_text' then length(replace(new_text, chr(10), ''))
            when 'input' then length(replace(added_text, chr(10), '')) - {{ line_count('added_text') }}
        end as chars_added,
        case count_method
            when 'patch' then {{ patch_characters('patch', '-', 'has_tab_indent') }}
            when 'written_text' then 0
            when 'input' then length(replace(deleted_text, chr(10), '')) - {{ line_count('deleted_text') }}
        end as chars_deleted,
        case count_method
            when 'patch' then {{ patch_text('patch') }}
            when 'written_text'
                then '+' || replace(
                    nullif(
                        left(
                            new_text,
                            least(
                                1000,
                                length(new_text) - case when right(new_text, 1) = chr(10) then 1 else 0 end
                            )
                        ),
                        ''
                    ),
                    chr(10), chr(10) || '+'
                )
            when 'input' then concat_ws(chr(10), nullif(deleted_text, ''), nullif(added_text, ''))
        end as diff
    from compared
)

select
    counted.tool_use_id as modification_id,
    counted.tool_use_id as invocation_id,
    counted.session_id,
    case when counted.file_path <> '' then {{ surrogate_key(['counted.file_path']) }} end as file_id,
    actors.agent_id,
    actors.agent_run_id,
    {{ surrogate_key(['counted.tool_name']) }} as tool_id,
    counted.turn_id as prompt_id,
    counted.turn_id as task_id,
    coalesce(counted.returned_at, counted.called_at) as modified_at,
    case when counted.is_creation then 'create' else 'edit' end as modification_type,
    counted.file_path as target_path,
    -- The texts to compare may be missing.
    case when counted.lines_added is not null then counted.count_method end as count_method,
    case
        when counted.lines_added is not null and counted.count_method = 'input' then 'estimated'
        else 'observed'
    end as provenance,
    coalesce(counted.result.userModified, false) as was_changed_by_user,
    cast(counted.lines_added as bigint) as lines_added,
    cast(counted.lines_deleted as bigint) as lines_deleted,
    cast(counted.chars_added as bigint) as chars_added,
    cast(counted.chars_deleted as bigint) as chars_deleted,
    -- Write contains the whole file.
    case when counted.tool_name = 'Write' then {{ byte_count('counted.new_text') }} end as file_size_bytes,
    left(counted.diff, 1000) as diff_snippet,
    counted.source_path as _source_path,
    counted.source_line as _source_line,
    touched._batch_id
from counted
inner join touched on touched.session_id = counted.session_id
inner join {{ ref('int_actor') }} as actors
    on actors.session_id = counted.session_id and actors.actor = counted.actor
where counted.file_path is not null and counted.file_path <> ''
