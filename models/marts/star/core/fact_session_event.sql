{{ config(materialized='incremental', incremental_strategy='replace_touched', zstd_columns=['metadata']) }}

with touched as {{ touched_sessions() }},

notices as (
    select notices.*
    from {{ ref('int_notice') }} as notices
    semi join touched on touched.session_id = notices.session_id
),

sessions as (
    select sessions.*
    from {{ ref('dim_session') }} as sessions
    semi join touched on touched.session_id = sessions.session_id
),

pull_request_calls as (
    select calls.*
    from {{ ref('int_tool_call') }} as calls
    semi join touched on touched.session_id = calls.session_id
    where calls.result.gitOperation.pr.url is not null or calls.pull_request_urls is not null
),

pull_requests as (
    select
        session_id, target_path as pr_url, pr_number, pr_repository, noticed_at as created_at,
        source_line as line_number,
        source_path as path, git_branch, true as is_logged
    from notices
    where notice_type = 'pr_link'
    union all
    select
        session_id,
        pr_url,
        {{ number_in('pr_url', '/pull/([0-9]+)$') }},
        {{ regex_group('pr_url', '^https?://[^/]+/(.+)/pull/[0-9]+$') }},
        returned_at,
        source_line,
        source_path,
        -- The branch that the command names, else the one that was checked out.
        coalesce(
            nullif(
                {{ regex_group(
                    'tool_input.command', '(?:--head|-H)[ =]["\'\']?(?:[^\\s:"\'\']+:)?([^\\s"\'\']+)'
                ) }},
                ''
            ),
            git_branch
        ),
        is_logged
    from (
        select
            session_id, returned_at, source_line, source_path, tool_input, git_branch,
            result.gitOperation.pr.url as pr_url,
            true as is_logged
        from pull_request_calls
        where result.gitOperation.pr.url is not null and result.gitOperation.pr.action = 'created'
        union all
        select
            session_id, returned_at, source_line, source_path, tool_input, git_branch, pr_url,
            false as is_logged
        from {{ explode('pull_request_calls', 'pull_request_urls', 'pr_url', 'pr_url_number') }} as exploded
    ) as created
),

-- Events of a session that only hooks see, and messages that Agent Store itself printed in it.
recorded as (
    select
        events.event_id,
        events.session_id,
        coalesce(actors.actor, 'main') as actor,
        events.occurred_at as event_at,
        case
            when events.hook_event = 'SessionStart' then 'session_resume'
            when events.hook_event is not null
                then lower({{ regex_replace_all('events.hook_event', "'([a-z])([A-Z])'", "'\\1_\\2'") }})
            else events.event_kind
        end as event_type,
        coalesce(
            events.payload.file_path, events.payload.new_cwd, events.payload.directory,
            events.payload.worktree_path, events.payload.target
        ) as target_path,
        case
            when events.event_kind <> 'hook' then {{ as_json({
                'kind': 'coalesce(events.payload.warning_type, events.payload.suggestion_type)',
                'text': 'left(events.payload.text, 500)'
            }) }}
            when events.hook_event like 'Elicitation%' then {{ as_json({
                'server': 'events.payload.mcp_server_name', 'mode': 'events.payload.mode',
                'action': 'events.payload.action', 'text': 'left(events.payload.message, 500)'
            }) }}
            when events.error is not null then {{ as_json({'error': 'left(events.error, 500)'}) }}
            when events.payload.teammate_name is not null
                then {{ as_json({'teammate': 'events.payload.teammate_name'}) }}
            else {{ as_json({'source': 'coalesce(events.payload.source, events.payload.trigger)'}) }}
        end as metadata,
        events.source_path,
        events.line_number as source_line
    from {{ touched_rows(ref('stg_events__event')) }} as events
    left join {{ ref('int_actor') }} as actors
        on actors.session_id = events.session_id and actors.actor = events.agent_run_id
    where
        events.hook_event in (
            'ConfigChange', 'CwdChanged', 'DirectoryAdded', 'Elicitation', 'ElicitationResult', 'Setup',
            'StopFailure', 'TeammateIdle', 'WorktreeRemove'
        )
        or (events.hook_event = 'SessionStart' and events.payload.source in ('resume', 'fork'))
        or events.event_kind in ('warning', 'suggestion')
),

events as (
    select
        {{ surrogate_key(['session_id', "'start'"]) }} as event_id, session_id, 'main' as actor,
        started_at as event_at,
        'session_start' as event_type,
        working_dir as target_path,
        {{ as_json(
            {'entrypoint': 'entrypoint', 'client_version': 'first_client_version', 'git_branch': 'git_branch'}
        ) }} as metadata,
        _source_path as source_path, cast(null as bigint) as source_line, 'observed' as provenance,
        cast(null as varchar) as git_branch
    from sessions
    union all
    select
        {{ surrogate_key(['session_id', "'end'"]) }}, session_id, 'main', ended_at, 'session_end',
        working_dir,
        -- The reason why a session ended is in dim_session, because a session found later may change it
        -- (`/clear`).
        cast(null as varchar), _source_path, cast(null as bigint), 'observed', git_branch
    from sessions
    union all
    select
        turn_id, session_id, 'main', prompted_at, 'prompt', cast(null as varchar),
        {{ as_json(
            {'origin': 'prompt_origin', 'command': 'command_name', 'characters': char_count('prompt_text')}
        ) }}, source_path, source_line,
        'observed', cast(null as varchar)
    from {{ ref('int_turn') }} as int_turn
    semi join touched on touched.session_id = int_turn.session_id
    where prompt_origin not in ('unknown', 'rewritten')
    union all
    select
        {{ surrogate_key(['turn_id', "'interruption'"]) }}, session_id, 'main', interrupted_at,
        'interruption', cast(null as varchar),
        cast(null as varchar), source_path, source_line, 'observed', cast(null as varchar)
    from {{ ref('int_turn') }} as int_turn
    semi join touched on touched.session_id = int_turn.session_id
    where interrupted_at is not null
    union all
    select
        notice_id, session_id, actor, noticed_at, notice_type, target_path, metadata, source_path,
        source_line, 'observed', git_branch
    from notices
    where notice_type <> 'pr_link'
    union all
    select
        commits.commit_key, commits.session_id, commits.actor, commits.committed_at, 'commit',
        cast(null as varchar),
        case
            when commits.provenance = 'observed'
                then {{ as_json({
                    'sha': 'commits.commit_id', 'branch': 'commits.commit_branch',
                    'kind': 'commits.commit_kind'
                }) }}
            else {{ as_json({
                'sha': 'commits.commit_id', 'branch': 'commits.commit_branch', 'kind': 'commits.commit_kind',
                'subject': 'left(commits.commit_subject, 200)'
            }) }}
        end,
        commits.source_path, commits.source_line, commits.provenance,
        coalesce(commits.commit_branch, commits.git_branch)
    from {{ ref('int_commit') }} as commits
    semi join touched on touched.session_id = commits.session_id
    where commits.commit_id is not null
    union all
    select
        {{ surrogate_key(['session_id', "'pr'", 'pr_url']) }}, session_id, 'main', min(created_at),
        'pull_request', pr_url,
        {{ as_json({'number': 'max(pr_number)', 'repository': 'max(pr_repository)'}) }},
        min_by(path, (path, line_number)), min_by(line_number, (path, line_number)),
        case when bool_or(is_logged) then 'observed' else 'estimated' end,
        min_by(git_branch, (created_at, path, line_number)) filter (where git_branch is not null)
    from pull_requests
    group by session_id, pr_url
    union all
    select
        event_id, session_id, actor, event_at, event_type, target_path, metadata, source_path, source_line,
        'recorded', cast(null as varchar)
    from recorded
)

select
    events.event_id,
    events.session_id,
    actors.agent_id,
    events.event_at,
    events.event_type,
    events.target_path,
    events.git_branch,
    events.provenance,
    events.metadata,
    events.source_path as _source_path,
    events.source_line as _source_line,
    touched._batch_id
from events
inner join touched on touched.session_id = events.session_id
inner join {{ ref('int_actor') }} as actors
    on actors.session_id = events.session_id and actors.actor = events.actor
