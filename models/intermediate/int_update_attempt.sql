{{ config(materialized='table') }}

-- One attempt: all edits of one component in one turn, or one commit that changed it.
with edits as (
    select
        calls.session_id,
        calls.actor,
        calls.turn_id,
        calls.tool_use_id,
        calls.tool_name,
        calls.target_path,
        calls.called_at,
        coalesce(calls.returned_at, calls.called_at) as done_at,
        calls.call_status,
        calls.error_text,
        calls.patch_lines_added,
        calls.patch_lines_deleted,
        calls.source_path,
        calls.source_line,
        calls._batch_id,
        case
            when {{ regex_matches('calls.target_path', "'(^|/)skills/[^/]+/.+'") }} then 'skill'
            when {{ regex_matches('calls.target_path', "'(^|/)[.]claude/(.+/)?agents/.+[.]md$'") }}
                then 'agent'
            when {{ regex_matches('calls.target_path', "'(^|/)[.]claude/(.+/)?commands/.+[.]md$'") }}
                then 'command'
            when
                {{ regex_matches(
                    'calls.target_path',
                    "'(^|/)(CLAUDE([.]local)?|AGENTS)[.]md$|(^|/)[.]claude/rules/.+[.]md$'"
                ) }}
                then 'reference_file'
        end as component_type
    from {{ ref('int_tool_call') }} as calls
    where calls.tool_name in ('Edit', 'MultiEdit', 'Write', 'NotebookEdit') and calls.target_path is not null
),

named as (
    select
        *,
        coalesce(turn_id, tool_use_id) as turn_key,
        case component_type
            when 'skill'
                then {{ regex_group(
                    'target_path', '(?:^|/)skills/(?:[^/]+/)*?([^/]+)/(?:SKILL[.]md|[^/]+(?:/[^/]+)*)$'
                ) }}
            when 'agent' then {{ regex_group('target_path', '([^/]+)[.]md$') }}
            when 'command' then replace({{ regex_group('target_path', '/commands/(.+)[.]md$') }}, '/', ':')
            else target_path
        end as component_name
    from edits
    where component_type is not null
),

attempts as (
    select
        {{ surrogate_key(['session_id', 'turn_key', 'component_type', 'component_name']) }} as attempt_id,
        session_id,
        min(actor) as actor,
        turn_id,
        component_type,
        component_name,
        min(called_at) as attempted_at,
        max(done_at) as completed_at,
        case
            when bool_or(tool_name = 'Write') and bool_and(tool_name = 'Write') then 'rewrite'
            else 'edit'
        end as mode,
        case
            when bool_or(call_status = 'ok') then 'applied'
            when bool_or(call_status = 'denied') then 'rejected'
            when bool_or(call_status = 'error') then 'failed'
            else 'interrupted'
        end as status,
        count(*) filter (where call_status = 'ok') as changes_applied,
        count(*) filter (where call_status <> 'ok') as changes_failed,
        count(distinct target_path) as file_count,
        sum(coalesce(patch_lines_added, 0)) as lines_added,
        sum(coalesce(patch_lines_deleted, 0)) as lines_deleted,
        min(target_path) as file_path,
        max(case when call_status = 'error' then left(error_text, 300) end) as error_text,
        min(source_path) as _source_path,
        min(source_line) as _source_line,
        max(_batch_id) as _batch_id
    from named
    where component_name <> ''
    group by session_id, turn_id, turn_key, component_type, component_name
),

-- A plugin's skill is called as plugin:name, but its files contain only the name.
versions as (
    select
        root_path.file_path,
        min(root_path.component_type) as component_type,
        min(root_path.component_name) as component_name
    from {{ ref('int_component_version') }} as root_path
    group by root_path.file_path
),

commits as (
    select
        commits.commit_hash,
        coalesce(versions.component_type, 'skill') as component_type,
        coalesce(
            versions.component_name,
            nullif({{ regex_group('commits.path', '(?:^|/)skills/(?:[^/]+/)*?([^/]+)/SKILL[.]md$') }}, '')
        ) as component_name,
        min(commits.committed_at) as committed_at,
        min(commits.subject) as subject,
        count(*) as file_count,
        sum(commits.lines_added) as lines_added,
        sum(commits.lines_deleted) as lines_deleted,
        min(commits.file_path) as file_path,
        max(commits._batch_id) as _batch_id
    from {{ ref('stg_components__commit') }} as commits
    left join versions on versions.file_path = commits.file_path
    group by all
)

select
    attempts.attempt_id,
    attempts.session_id,
    attempts.actor,
    attempts.turn_id,
    attempts.attempted_at,
    attempts.completed_at,
    attempts.component_type,
    coalesce(called.skill_name, attempts.component_name) as component_name,
    attempts.mode,
    attempts.status,
    attempts.file_path,
    -- The client keeps copies of edited files, but no log shows where.
    cast(null as varchar) as backup_path,
    attempts.error_text,
    cast(null as varchar) as commit_hash,
    cast(attempts.changes_applied as bigint) as changes_applied,
    cast(attempts.changes_failed as bigint) as changes_failed,
    cast(attempts.file_count as bigint) as file_count,
    cast(attempts.lines_added as bigint) as lines_added,
    cast(attempts.lines_deleted as bigint) as lines_deleted,
    attempts._source_path,
    attempts._source_line,
    attempts._batch_id
from attempts
left join (
    select
        {{ path_name('skill_path') }} as folder_name,
        min(skill_name) as skill_name
    from {{ ref('int_skill_body') }}
    where skill_name like '%:%' and skill_path is not null
    group by all
    having min(skill_name) = max(skill_name)
) as called on called.folder_name = attempts.component_name and attempts.component_type = 'skill'
union all
select
    {{ surrogate_key(['commit_hash', 'component_type', 'component_name']) }} as attempt_id,
    cast(null as varchar) as session_id,
    cast(null as varchar) as actor,
    cast(null as varchar) as turn_id,
    committed_at as attempted_at,
    committed_at as completed_at,
    component_type,
    component_name,
    'commit' as mode,
    'applied' as status,
    file_path,
    concat('git:', commit_hash, '^') as backup_path,
    cast(null as varchar) as error_text,
    commit_hash,
    cast(file_count as bigint) as changes_applied,
    cast(0 as bigint) as changes_failed,
    cast(file_count as bigint) as file_count,
    cast(lines_added as bigint) as lines_added,
    cast(lines_deleted as bigint) as lines_deleted,
    file_path as _source_path,
    cast(null as bigint) as _source_line,
    _batch_id
from commits
where component_name is not null
