{{ config(materialized='table') }}

-- Rebuilt from scratch each time: a session's parent and its summary come from other sessions too.
with lines as (
    select * from {{ ref('stg_transcripts__line') }}
),

envelopes as (
    select * from {{ ref('int_session_envelope') }}
),

-- A summary of a client 2.0 names the last line it summarizes, which may be in another file.
summary_lines as (
    select * from lines
    where line_type = 'summary' and summary is not null
),

summaries as (
    select
        coalesce(leaf_lines.session_id, summary_lines.session_id) as session_id,
        max_by(
            summary_lines.summary,
            (summary_lines.source_path, summary_lines.line_number, summary_lines.line_id)
        ) as summary
    from summary_lines
    left join (
        select line_uuid, min(session_id) as session_id
        from lines
        where line_uuid in (select leaf_uuid from summary_lines)
        group by line_uuid
    ) as leaf_lines
        on leaf_lines.line_uuid = summary_lines.leaf_uuid
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

-- The lines of every session that a client's process went through (`/clear`, background) name the session
-- with which the process began. Such a session continues the latest of them that began before it. A session
-- whose first lines name itself was merely reopened in that process.
named as (
    select
        envelopes.session_id,
        coalesce(
            max_by(earlier.session_id, (earlier.first_created_at, earlier.session_id)),
            envelopes.process_session_id
        ) as parent_session_id
    from envelopes
    left join (
        select session_id, first_created_at, process_session_id
        from envelopes
        union
        select session_id, first_created_at, session_id as process_session_id
        from envelopes
    ) as earlier
        on earlier.process_session_id = envelopes.process_session_id
        and earlier.first_created_at < envelopes.first_created_at
    where envelopes.process_session_id <> envelopes.session_id
    group by envelopes.session_id, envelopes.process_session_id
),

-- A session's folder: for a worktree, as logged by the client; otherwise the folder that the transcripts'
-- folder is named after (with - for each character except letters and digits), even if the session began in a
-- subfolder.
placed as (
    select
        *,
        -- Both paths as written by the client: the folder name was derived from them.
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
        coalesce(
            worktrees.user_name,
            nullif({{ regex_group(
                'worktrees.working_dir', '^(?:/home/|/Users/|[A-Za-z]:.Users.|/mnt/[a-z]/Users/)([^/\\\\]+)'
            ) }}, ''), 'unknown'
        ) as found_user,
        summaries.summary,
        parents.parent_session_id as forked_from_session_id,
        coalesce(parents.parent_session_id, continued.parent_session_id, named.parent_session_id)
            as parent_session_id,
        -- A worktree belongs to the project it was created from, recognised by the usual locations of
        -- worktrees.
        case
            when worktrees.base_dir is null then worktrees.first_dir
            -- worktrees/<repository>/<name>/<repository>
            when
                {{ regex_group('worktrees.worktree_parts', '^([^/\\\\]+)[/\\\\]') }}
                = {{ path_name('worktrees.worktree_parts') }}
                then {{ path_identity(
                    "worktrees.base_dir || '/' || " ~ path_name('worktrees.worktree_parts')
                ) }}
            -- One folder for the worktrees of all repositories does not show the repository: each counts as
            -- its own project.
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
        -- The worktree itself, recognised by the same locations, if the client does not name it.
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
)

select
    dated.session_id,
    dated.parent_session_id,
    dated.forked_from_session_id,
    dated.continued_in_session_id,
    coalesce(dated.project_path, 'unknown') as project_path,
    {{ user_identity('dated.found_user') }} as user_id,
    dated.host,
    dated.working_dir,
    coalesce(dated.worktree_path, dated.folder_worktree) as worktree_path,
    dated.git_branch,
    dated.first_client_version,
    dated.last_client_version,
    dated.entrypoint,
    dated.provenance,
    dated.session_kind,
    dated.plan_slug,
    dated.team_name,
    dated.agent_setting,
    -- The file beside the transcript has the current title; the lines in the transcript may have an earlier
    -- one.
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
