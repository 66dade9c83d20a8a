{{ config(materialized='incremental', incremental_strategy='replace_touched') }}

with recursive touched as {{ touched_sessions() }},

originals as (
    select
        lines.line_id,
        lines.file_id,
        lines.line_number,
        lines.part_number,
        lines.session_id,
        lines.line_uuid,
        lines.parent_uuid,
        lines.agent_run_id,
        lines.line_type,
        lines.subtype,
        lines.is_sidechain,
        lines.is_nested,
        lines.created_at,
        lines.client_version,
        lines.git_branch,
        lines.source_tool_use_id,
        lines.model_raw,
        lines.tool_denial_kind,
        lines.user_feedback,
        lines.is_meta,
        lines.is_compact_summary,
        case
            when lines.line_type = 'system' and lines.subtype = 'compact_boundary' then 'compaction'
            when lines.line_type = 'system' and lines.subtype = 'microcompact_boundary'
                then 'micro_compaction'
            when lines.line_type = 'assistant' and lines.api_error = 'autocompact_thrashing'
                then 'autocompact_thrashing'
            when
                lines.line_type = 'assistant'
                and (
                    lines.api_error = 'model_context_window_exceeded'
                    or lines.stop_reason = 'model_context_window_exceeded'
                    or lines.is_prompt_too_long
                )
                then 'prompt_too_long'
        end as context_end,
        lines.compact_metadata,
        lines.microcompact_metadata,
        lines.source_path,
        lines.line_origin,
        touched._batch_id
    from {{ ref('stg_transcripts__line') }} as lines
    inner join touched on touched.session_id = lines.session_id
    anti join (
        select * from {{ ref('int_line_copy') }}
        where is_copy
    ) as copies
        on copies.line_id = lines.line_id
    where lines.line_uuid is not null and lines.line_type <> 'progress'
),

-- Clients 1.0 wrote subagents into the main file without an agent id: the root of the chain identifies the
-- run.
inline_sidechains as (
    select session_id, line_uuid, parent_uuid
    from originals
    where is_sidechain and agent_run_id is null
),

chains as (
    select
        child.session_id,
        child.line_uuid,
        child.line_uuid as root_uuid
    from inline_sidechains as child
    anti join inline_sidechains as parent
        on parent.session_id = child.session_id and parent.line_uuid = child.parent_uuid
    union all
    select
        child.session_id,
        child.line_uuid,
        chains.root_uuid
    from chains
    inner join inline_sidechains as child
        on child.session_id = chains.session_id and child.parent_uuid = chains.line_uuid
),

file_starts as (
    select
        file_id,
        min(created_at) as file_started_at
    from originals
    group by file_id
),

actors as (
    select
        originals.*,
        file_starts.file_started_at,
        coalesce(
            originals.agent_run_id,
            case
                when originals.is_sidechain then 'inline-' || coalesce(chains.root_uuid, originals.line_uuid)
            end, 'main'
        ) as actor
    from originals
    inner join file_starts on file_starts.file_id = originals.file_id
    left join chains on chains.session_id = originals.session_id and chains.line_uuid = originals.line_uuid
)

select
    line_id,
    file_id,
    line_number,
    part_number,
    session_id,
    actor,
    line_uuid,
    parent_uuid,
    line_type,
    subtype,
    is_sidechain,
    is_nested,
    is_meta,
    is_compact_summary,
    created_at,
    client_version,
    git_branch,
    source_tool_use_id,
    model_raw,
    tool_denial_kind,
    user_feedback,
    context_end,
    compact_metadata,
    microcompact_metadata,
    source_path,
    line_origin,
    -- The order in which the thread saw its lines: within a file the order of writing, not the clock. A
    -- rewritten file has two lines with the same number.
    row_number() over (
        partition by session_id, actor
        order by file_started_at, source_path, line_number, part_number, line_uuid
    ) as thread_position,
    -- The last prompt or tool result before this line in the thread: what a response waited for.
    last_value(case when line_type = 'user' then created_at end ignore nulls) over (
        partition by session_id, actor
        order by file_started_at, source_path, line_number, part_number, line_uuid
        rows between unbounded preceding and 1 preceding
    ) as previous_user_at,
    _batch_id
from actors
