{{ config(materialized='table') }}

-- Made anew each time: a session's parent, its summary and the name of its project come from others too.
with lines as (
    select
        lines.*,
        files.project_slug,
        files.host,
        files.modified_at,
        coalesce(copies.is_copy, false) as is_copy,
        coalesce(copies.is_copy and copies.owner_session_id <> lines.session_id, false) as is_inherited
    from {{ ref('stg_transcripts__line') }} as lines
    inner join {{ ref('stg_transcripts__file') }} as files on files.file_id = lines.file_id
    left join {{ ref('int_line_copy') }} as copies on copies.line_id = lines.line_id
),

-- State lines are written again and again; the last one counts.
envelopes as (
    select
        session_id,
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
        max(session_kind) as session_kind,
        max(plan_slug) as plan_slug,
        max(team_name) as team_name,
        max_by(custom_title, (source_path, line_number)) filter (where custom_title is not null)
            as custom_title,
        max_by(ai_title, (source_path, line_number)) filter (where ai_title is not null) as ai_title,
        max_by(worktree.originalCwd, (source_path, line_number)) filter (
            where worktree.originalCwd is not null
        ) as original_dir,
        max_by(worktree.worktreePath, (source_path, line_number)) filter (
            where worktree.worktreePath is not null
        ) as worktree_path,
        max(continued_in_session_id) as continued_in_session_id,
        max_by(agent_setting, (source_path, line_number)) filter (where agent_setting is not null)
            as agent_setting,
        min(host) as host,
        min_by(source_path, (file_kind <> 'session', source_path)) as source_path,
        min_by(line_number, (file_kind <> 'session', source_path, line_number)) as source_line,
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
        max_by(line_type, (file_kind = 'session', source_path, line_number)) as last_line_type,
        bool_or(line_type = 'cost-state') as has_cost_state,
        max(_batch_id) as _batch_id
    from lines
    group by session_id
),

-- A summary of a client 2.0 names the last line it sums up, which may stand in another file.
summaries as (
    select
        coalesce(leaf_lines.session_id, lines.session_id) as session_id,
        max_by(lines.summary, (lines.source_path, lines.line_number)) as summary
    from lines
    left join (
        select line_uuid, min(session_id) as session_id
        from lines
        where line_uuid is not null
        group by line_uuid
    ) as leaf_lines
        on leaf_lines.line_uuid = lines.leaf_uuid
    where lines.line_type = 'summary' and lines.summary is not null
    group by all
),

parents as (
    select
        session_id,
        max_by(owner_session_id, copied_lines) as parent_session_id
    from (
        select session_id, owner_session_id, count(*) as copied_lines
        from {{ ref('int_line_copy') }}
        where is_copy and owner_session_id <> session_id
        group by all
    ) as shares
    group by session_id
),

continued as (
    select
        continued_in_session_id as session_id,
        min(session_id) as parent_session_id
    from lines
    where continued_in_session_id is not null
    group by continued_in_session_id
),

-- The session with which a client's process began stands in the lines of all that it went through afterwards
-- (`/clear`, background): such a session goes on from the one of them that began last before it. A session
-- whose first lines name itself was only opened again in that process.
first_named as (
    select
        session_id,
        min_by(named_session_id, (created_at, source_path, line_number)) as process_session_id
    from lines
    where named_session_id is not null and created_at is not null
    group by session_id
),

named as (
    select
        first_named.session_id,
        coalesce(
            max_by(earlier.session_id, (earlier.first_created_at, earlier.session_id)),
            first_named.process_session_id
        ) as parent_session_id
    from first_named
    inner join envelopes on envelopes.session_id = first_named.session_id
    left join (
        select
            members.session_id,
            members.first_created_at,
            first_named.process_session_id
        from envelopes as members
        inner join first_named on first_named.session_id = members.session_id
        union
        select session_id, first_created_at, session_id as process_session_id
        from envelopes
    ) as earlier
        on earlier.process_session_id = first_named.process_session_id
        and earlier.first_created_at < envelopes.first_created_at
    where first_named.process_session_id <> first_named.session_id
    group by first_named.session_id, first_named.process_session_id
),

-- A session's folder: as the client says of a worktree, else the one that the transcripts' folder is named
-- after (- for each character but letters and digits), also when the session began in a sub-folder.
placed as (
    select
        *,
        -- Both as the client wrote them: the letters of the folder's name were made of those.
        coalesce(
            original_dir,
            case
                when
                    {{ regex_replace_all(
                        'left(working_dir, length(project_slug))', "'[^A-Za-z0-9]'", "'-'"
                    ) }} = project_slug
                    and substr(working_dir, length(project_slug) + 1, 1) in ('/', '\')
                    then left(working_dir, length(project_slug))
            end,
            working_dir
        ) as written_dir
    from envelopes
),

spelled as (
    select *, {{ path_identity('written_dir') }} as first_dir
    from placed
),

worktrees as (
    select
        *,
        nullif({{ regex_group(
            'first_dir', '^(.*?)(?:[/\\\\][.]?(?:claude[/\\\\])?|[-_.])worktrees[/\\\\][^/\\\\]'
        ) }}, '') as base_dir,
        {{ regex_group('first_dir', '[/\\\\._-]worktrees[/\\\\](.*)$') }} as worktree_parts
    from spelled
),

dated as (
    select
        worktrees.*,
        summaries.summary,
        parents.parent_session_id as forked_from_session_id,
        coalesce(parents.parent_session_id, continued.parent_session_id, named.parent_session_id)
            as parent_session_id,
        -- A worktree is the project it was made from, by the usual places of worktrees.
        case
            when worktrees.base_dir is null then worktrees.first_dir
            -- worktrees/<repository>/<name>/<repository>
            when
                {{ regex_group('worktrees.worktree_parts', '^([^/\\\\]+)[/\\\\]') }}
                = {{ path_name('worktrees.worktree_parts') }}
                then {{ path_identity(
                    "worktrees.base_dir || '/' || " ~ path_name('worktrees.worktree_parts')
                ) }}
            -- One folder for all repositories' worktrees does not say whose: they stand for themselves.
            when
                regexp_matches(
                    worktrees.base_dir,
                    '^(/root|(/home|/Users|/mnt/[a-z]/Users|[A-Za-z]:[/\\]Users)[/\\][^/\\]+)$'
                )
                then {{ regex_group('worktrees.first_dir', '^(.*?worktrees[/\\\\][^/\\\\]+)') }}
            -- <repository>/worktrees/<name>, or in .claude/worktrees, .worktrees or <repository>-worktrees.
            when
                regexp_matches(worktrees.first_dir, '([/\\][.]claude[/\\]|[._-])worktrees[/\\]')
                or not regexp_matches(worktrees.worktree_parts, '[/\\].')
                then worktrees.base_dir
            else worktrees.first_dir
        end as project_path,
        -- The worktree itself, by the same places, where the client does not name it.
        case
            when
                worktrees.base_dir is not null
                and {{ regex_group('worktrees.worktree_parts', '^([^/\\\\]+)[/\\\\]') }}
                = {{ path_name('worktrees.worktree_parts') }}
                then {{ regex_group(
                    'worktrees.first_dir', '^(.*?worktrees[/\\\\][^/\\\\]+[/\\\\][^/\\\\]+[/\\\\][^/\\\\]+)'
                ) }}
            when
                worktrees.base_dir is not null
                and (
                    regexp_matches(
                        worktrees.base_dir,
                        '^(/root|(/home|/Users|/mnt/[a-z]/Users|[A-Za-z]:[/\\]Users)[/\\][^/\\]+)$'
                    )
                    or regexp_matches(worktrees.first_dir, '([/\\][.]claude[/\\]|[._-])worktrees[/\\]')
                    or not regexp_matches(worktrees.worktree_parts, '[/\\].')
                )
                then {{ regex_group('worktrees.first_dir', '^(.*?worktrees[/\\\\][^/\\\\]+)') }}
            -- A session of the repository that works in one of the client's own worktrees.
            else nullif(
                {{ regex_group(
                    'worktrees.working_dir', '^(.*?[/\\\\][.]claude[/\\\\]worktrees[/\\\\][^/\\\\]+)'
                ) }},
                    ''
                )
        end as folder_worktree
    from worktrees
    left join summaries on summaries.session_id = worktrees.session_id
    left join parents on parents.session_id = worktrees.session_id
    left join continued on continued.session_id = worktrees.session_id
    left join named on named.session_id = worktrees.session_id
),

titles as (
    select * from {{ ref('stg_transcripts__custom_title') }}
),

names as (
    select
        project_path,
        {{ path_name('project_path') }} as short_name,
        {{ path_name('project_path', 2) }} as long_name,
        count(*) over (partition by {{ path_name('project_path') }}) as sharing_count
    from (
        select distinct project_path from dated
        where project_path is not null
    ) as paths
)

select
    dated.session_id,
    dated.parent_session_id,
    dated.forked_from_session_id,
    dated.continued_in_session_id,
    coalesce(dated.project_path, 'unknown') as project_path,
    coalesce(case when names.sharing_count > 1 then names.long_name else names.short_name end, 'unknown')
        as project_name,
    coalesce(
        nullif({{ regex_group(
            'dated.working_dir', '^(?:/home/|/Users/|[A-Za-z]:.Users.|/mnt/[a-z]/Users/)([^/\\\\]+)'
        ) }}, ''), 'unknown'
    ) as user_id,
    dated.host,
    dated.working_dir,
    coalesce(dated.worktree_path, dated.folder_worktree) as worktree_path,
    dated.git_branch,
    dated.first_client_version,
    dated.last_client_version,
    dated.entrypoint,
    dated.session_kind,
    dated.plan_slug,
    dated.team_name,
    dated.agent_setting,
    -- The file beside the transcript has the title in force; the lines in it may be of an earlier one.
    coalesce(titles.custom_title, dated.custom_title) as custom_title,
    dated.ai_title,
    dated.summary,
    dated.request_shape_hash,
    dated.source_path,
    dated.source_line,
    dated.first_created_at as started_at,
    coalesce(dated.last_created_at, dated.first_created_at) as ended_at,
    dated.last_logged_at,
    dated.last_error_at,
    dated.has_main_transcript,
    dated.is_wholly_inherited,
    dated.last_line_type,
    dated.has_cost_state,
    dated.compaction_count,
    dated.reported_cost_usd,
    dated.reported_lines_added,
    dated.reported_lines_deleted,
    greatest(dated._batch_id, coalesce(titles._batch_id, dated._batch_id)) as _batch_id
from dated
left join titles on titles.session_id = dated.session_id
left join names on names.project_path = dated.project_path
