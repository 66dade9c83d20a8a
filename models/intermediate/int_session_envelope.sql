{{ config(materialized='incremental', incremental_strategy='replace_touched') }}

with touched as {{ touched_sessions() }},

lines as (
    select
        lines.*,
        files.project_slug,
        files.host,
        coalesce(copies.is_copy, false) as is_copy,
        coalesce(copies.is_copy and copies.owner_session_id <> lines.session_id, false) as is_inherited
    from {{ touched_rows(ref('stg_transcripts__line')) }} as lines
    inner join {{ ref('stg_transcripts__file') }} as files on files.file_id = lines.file_id
    left join {{ ref('int_line_copy') }} as copies on copies.line_id = lines.line_id
)

-- State lines are repeated; the last one counts.
select
    lines.session_id,
    min(created_at) as first_created_at,
    max(created_at) filter (where line_uuid is not null) as last_created_at,
    max(created_at) as last_logged_at,
    max(created_at) filter (where line_type = 'assistant' and is_api_error) as last_error_at,
    min_by(working_dir, (created_at, line_number)) filter (
        where working_dir is not null and created_at is not null
    ) as working_dir,
    min_by(client_version, (created_at, line_number)) filter (
        where client_version is not null and created_at is not null
    ) as first_client_version,
    max_by(client_version, (created_at, line_number)) filter (
        where client_version is not null and created_at is not null
    ) as last_client_version,
    max_by(git_branch, (created_at, line_number)) filter (
        where git_branch is not null and git_branch <> 'HEAD' and not is_inherited
    ) as git_branch,
    max_by(entrypoint, (created_at, line_number)) filter (
        where entrypoint is not null and created_at is not null
    ) as entrypoint,
    case when bool_and(line_origin = 'event') then 'recorded' else 'observed' end as provenance,
    min(user_name) as user_name,
    max(session_kind) as session_kind,
    max(plan_slug) as plan_slug,
    max(team_name) as team_name,
    max_by(custom_title, (source_path, line_number, line_id)) filter (where custom_title is not null)
        as custom_title,
    max_by(ai_title, (source_path, line_number, line_id)) filter (where ai_title is not null) as ai_title,
    max_by(worktree.originalCwd, (source_path, line_number, line_id)) filter (
        where worktree.originalCwd is not null
    ) as original_dir,
    max_by(worktree.worktreePath, (source_path, line_number, line_id)) filter (
        where worktree.worktreePath is not null
    ) as worktree_path,
    max(continued_in_session_id) as continued_in_session_id,
    max_by(agent_setting, (source_path, line_number, line_id)) filter (where agent_setting is not null)
        as agent_setting,
    min(host) as host,
    min_by(source_path, (file_kind <> 'session', source_path)) as source_path,
    min_by(line_number, (file_kind <> 'session', source_path, line_number, line_id)) as source_line,
    min_by(shape_hash, (created_at, line_id)) filter (
        where line_type = 'api-request-shape' and shape_body is not null
    ) as request_shape_hash,
    count(*) filter (
        where line_uuid is not null and line_type = 'system' and subtype = 'compact_boundary'
        and not is_copy
    ) as compaction_count,
    max(total_cost_usd) filter (where line_type = 'cost-state') as reported_cost_usd,
    max(total_lines_added) filter (where line_type = 'cost-state') as reported_lines_added,
    max(total_lines_removed) filter (where line_type = 'cost-state') as reported_lines_deleted,
    min_by(project_slug, (file_kind <> 'session', source_path)) as project_slug,
    bool_or(file_kind = 'session') as has_main_transcript,
    bool_and(is_inherited) as is_wholly_inherited,
    max_by(line_type, (file_kind = 'session', source_path, line_number, line_id)) as last_line_type,
    bool_or(line_type = 'cost-state') as has_cost_state,
    min_by(named_session_id, (created_at, source_path, line_number, line_id)) filter (
        where named_session_id is not null and created_at is not null
    ) as process_session_id,
    touched._batch_id
from lines
inner join touched on touched.session_id = lines.session_id
group by lines.session_id, touched._batch_id
union all
-- Sessions that only hooks have seen: the transcript was deleted, or is on another machine.
select
    events.session_id,
    min(events.occurred_at) as first_created_at,
    max(events.occurred_at) as last_created_at,
    max(events.occurred_at) as last_logged_at,
    cast(null as timestamp) as last_error_at,
    min_by(events.working_dir, (events.occurred_at, events.event_id)) filter (
        where events.working_dir is not null
    ) as working_dir,
    cast(null as varchar) as first_client_version,
    cast(null as varchar) as last_client_version,
    cast(null as varchar) as git_branch,
    cast(null as varchar) as entrypoint,
    'recorded' as provenance,
    cast(null as varchar) as user_name,
    cast(null as varchar) as session_kind,
    cast(null as varchar) as plan_slug,
    cast(null as varchar) as team_name,
    cast(null as varchar) as custom_title,
    cast(null as varchar) as ai_title,
    cast(null as varchar) as original_dir,
    cast(null as varchar) as worktree_path,
    cast(null as varchar) as continued_in_session_id,
    cast(null as varchar) as agent_setting,
    min(events.host) as host,
    min_by(events.source_path, (events.occurred_at, events.event_id)) as source_path,
    min_by(events.line_number, (events.occurred_at, events.event_id)) as source_line,
    cast(null as varchar) as request_shape_hash,
    0 as compaction_count,
    cast(null as double) as reported_cost_usd,
    cast(null as bigint) as reported_lines_added,
    cast(null as bigint) as reported_lines_deleted,
    cast(null as varchar) as project_slug,
    false as has_main_transcript,
    false as is_wholly_inherited,
    cast(null as varchar) as last_line_type,
    false as has_cost_state,
    cast(null as varchar) as process_session_id,
    touched._batch_id
from {{ touched_rows(ref('stg_events__event')) }} as events
inner join touched on touched.session_id = events.session_id
anti join lines on lines.session_id = events.session_id
where events.set_aside_reason is null
group by events.session_id, touched._batch_id
