{{ config(
    materialized='incremental', incremental_strategy='replace_touched', on_schema_change='append_new_columns',
    zstd_columns=['metadata']
) }}

with touched as {{ touched_sessions() }},

lines as (
    select
        stg.*,
        int_line.actor,
        files.path as source_path
    from {{ ref('int_line') }} as int_line
    semi join touched on touched.session_id = int_line.session_id
    inner join {{ ref('stg_transcripts__line') }} as stg
        on stg.file_id = int_line.file_id and stg.line_number = int_line.line_number and stg.part_number = int_line.part_number
    inner join {{ ref('stg_transcripts__file') }} as files on files.file_id = int_line.file_id
),

sessions as (
    select sessions.*
    from {{ ref('dim_session') }} as sessions
    semi join touched on touched.session_id = sessions.session_id
),

line_branches as (
    select distinct session_id, line_uuid, git_branch from lines
),

pull_request_calls as (
    select
        calls.*,
        line_branches.git_branch as line_branch
    from {{ ref('int_tool_call') }} as calls
    semi join touched on touched.session_id = calls.session_id
    left join line_branches on line_branches.line_uuid = calls.line_uuid and line_branches.session_id = calls.session_id
    where calls.result.gitOperation.pr.url is not null or calls.pull_request_urls is not null
),

pull_requests as (
    select
        stg.session_id, stg.pr_url, stg.pr_number, stg.pr_repository, stg.created_at, stg.line_number, files.path, stg.git_branch,
        true as is_logged
    from {{ ref('stg_transcripts__line') }} as stg
    inner join {{ ref('stg_transcripts__file') }} as files on files.file_id = stg.file_id
    semi join touched on touched.session_id = stg.session_id
    where stg.line_type = 'pr-link' and stg.pr_url is not null
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
        coalesce(nullif({{ regex_group('tool_input.command', '(?:--head|-H)[ =]["\'\']?(?:[^\\s:"\'\']+:)?([^\\s"\'\']+)') }}, ''), line_branch),
        is_logged
    from (
        select
            session_id, returned_at, source_line, source_path, tool_input, line_branch, result.gitOperation.pr.url as pr_url,
            true as is_logged
        from pull_request_calls
        where result.gitOperation.pr.url is not null and result.gitOperation.pr.action = 'created'
        union all
        select session_id, returned_at, source_line, source_path, tool_input, line_branch, pr_url, false as is_logged
        from {{ explode('pull_request_calls', 'pull_request_urls', 'pr_url', 'pr_url_number') }} as exploded
    ) as created
),

events as (
    select
        {{ surrogate_key(['session_id', "'start'"]) }} as event_id, session_id, 'main' as actor, started_at as event_at,
        'session_start' as event_type,
        working_dir as target_path,
        {{ as_json({'entrypoint': 'entrypoint', 'client_version': 'first_client_version', 'git_branch': 'git_branch'}) }} as metadata,
        _source_path as source_path, cast(null as bigint) as source_line, 'observed' as provenance, cast(null as varchar) as git_branch
    from sessions
    union all
    select
        {{ surrogate_key(['session_id', "'end'"]) }}, session_id, 'main', ended_at, 'session_end', working_dir,
        -- Why a session ended is in dim_session: a session found later may change it (`/clear`).
        cast(null as varchar), _source_path, cast(null as bigint), 'observed', git_branch
    from sessions
    union all
    select
        turn_id, session_id, 'main', prompted_at, 'prompt', cast(null as varchar),
        {{ as_json({'origin': 'prompt_origin', 'command': 'command_name', 'characters': 'length(prompt_text)'}) }}, source_path, source_line,
        'observed', cast(null as varchar)
    from {{ ref('int_turn') }} as int_turn
    semi join touched on touched.session_id = int_turn.session_id
    where prompt_origin not in ('unknown', 'rewritten')
    union all
    select
        {{ surrogate_key(['turn_id', "'interruption'"]) }}, session_id, 'main', interrupted_at, 'interruption', cast(null as varchar),
        cast(null as varchar), source_path, source_line, 'observed', cast(null as varchar)
    from {{ ref('int_turn') }} as int_turn
    semi join touched on touched.session_id = int_turn.session_id
    where interrupted_at is not null
    union all
    select
        line_uuid, session_id, actor, created_at,
        case subtype
            when 'compact_boundary' then 'compaction'
            when 'microcompact_boundary' then 'micro_compaction'
            when 'api_error' then 'api_error'
            when 'stop_hook_summary' then 'stop_hooks'
            when 'turn_duration' then 'turn_end'
            when 'session_start' then 'client_session_start'
            when 'session_end' then 'client_session_end'
            when 'prompt' then 'client_prompt'
            else coalesce(subtype, 'notice')
        end,
        cast(null as varchar),
        case
            when subtype = 'compact_boundary'
                then {{ as_json({
                    'trigger': 'compact_metadata.trigger', 'pre_tokens': 'compact_metadata.preTokens',
                    'post_tokens': 'compact_metadata.postTokens'
                }) }}
            when subtype = 'microcompact_boundary'
                then {{ as_json({'pre_tokens': 'microcompact_metadata.preTokens', 'tokens_saved': 'microcompact_metadata.tokensSaved'}) }}
            when subtype = 'api_error'
                then {{ as_json({'retry': 'retry_attempt', 'max_retries': 'max_retries', 'retry_in_ms': 'retry_in_ms'}) }}
            when subtype in ('model_refusal_fallback', 'model_fallback', 'model_consent_fallback')
                then {{ as_json({'from': 'original_model', 'to': 'fallback_model', 'trigger': 'fallback_trigger'}) }}
            when subtype = 'turn_duration' then {{ as_json({'duration_ms': 'duration_ms'}) }}
            when subtype = 'stop_hook_summary' then {{ as_json({'hooks': 'hook_count', 'prevented': 'was_continuation_prevented'}) }}
            else {{ as_json({'level': 'level'}) }}
        end,
        source_path, line_number, 'observed', git_branch
    from lines
    where line_type = 'system'
    union all
    select
        lines.line_uuid, lines.session_id, lines.actor, lines.created_at,
        case
            when attachments.attachment_type like 'hook_%' or attachments.attachment_type = 'async_hook_response' then 'hook'
            else attachments.attachment_type
        end,
        coalesce(attachments.attachment.filename, attachments.attachment.path, attachments.attachment.planFilePath),
        case
            when attachments.attachment_type like 'hook_%' or attachments.attachment_type = 'async_hook_response' then {{ as_json({
                'kind': 'attachments.attachment_type', 'hook': 'attachments.attachment.hookName',
                'event': 'attachments.attachment.hookEvent',
                'command': 'left(attachments.attachment.command, 200)', 'exit_code': 'attachments.attachment.exitCode',
                'duration_ms': 'attachments.attachment.durationMs', 'tool_use_id': 'attachments.attachment.toolUseID'}) }}
        end,
        lines.source_path, lines.line_number, 'observed', lines.git_branch
    from lines
    inner join {{ ref('stg_transcripts__attachment') }} as attachments
        on attachments.file_id = lines.file_id and attachments.line_number = lines.line_number
        and attachments.part_number = lines.part_number
    -- A line of another kind that has one is an event already.
    where lines.line_type = 'attachment' and attachments.attachment_type in (
        'hook_success', 'hook_non_blocking_error', 'hook_blocking_error', 'hook_cancelled', 'hook_error_during_execution',
        'hook_stopped_continuation', 'hook_permission_decision', 'async_hook_response', 'plan_mode', 'plan_mode_exit', 'auto_mode',
        'auto_mode_exit', 'edited_text_file', 'nested_memory', 'file', 'skill_listing', 'agent_listing_delta', 'deferred_tools_delta'
    )
    union all
    select
        commits.commit_key, commits.session_id, commits.actor, commits.committed_at, 'commit', cast(null as varchar),
        case
            when commits.provenance = 'observed'
                then {{ as_json({'sha': 'commits.commit_id', 'branch': 'commits.commit_branch', 'kind': 'commits.commit_kind'}) }}
            else {{ as_json({
                'sha': 'commits.commit_id', 'branch': 'commits.commit_branch', 'kind': 'commits.commit_kind',
                'subject': 'left(commits.commit_subject, 200)'
            }) }}
        end,
        commits.source_path, commits.source_line, commits.provenance, coalesce(commits.commit_branch, line_branches.git_branch)
    from {{ ref('int_commit') }} as commits
    semi join touched on touched.session_id = commits.session_id
    left join line_branches on line_branches.line_uuid = commits.line_uuid and line_branches.session_id = commits.session_id
    where commits.commit_id is not null
    union all
    select
        {{ surrogate_key(['session_id', "'pr'", 'pr_url']) }}, session_id, 'main', min(created_at), 'pull_request', pr_url,
        {{ as_json({'number': 'max(pr_number)', 'repository': 'max(pr_repository)'}) }},
        min_by(path, (path, line_number)), min_by(line_number, (path, line_number)),
        case when bool_or(is_logged) then 'observed' else 'estimated' end,
        min_by(git_branch, (created_at, path, line_number)) filter (where git_branch is not null)
    from pull_requests
    group by session_id, pr_url
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
inner join {{ ref('int_actor') }} as actors on actors.session_id = events.session_id and actors.actor = events.actor
