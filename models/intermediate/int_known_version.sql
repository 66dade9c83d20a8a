{{ config(materialized='table', zstd_columns=['body_pattern']) }}

-- Bodies of skills and commands, from files or commits, as patterns for the texts of conversations: the parts
-- that the client fills in at a call (arguments, folders, ids, output of commands) may contain anything.
with files as (
    select
        component_name,
        file_path,
        body_hash,
        {{ trim_space(regex_remove("content", "^---[ \\t]*\\n(?s:.*?\\n)??---[ \\t]*(?:\\n|$)")) }}
            as body_text,
        declared_version,
        modified_at
    from {{ ref('stg_components__version') }}
    where component_type in ('skill', 'command') and file_role = 'main' and body_hash is not null
),

names as (
    select
        file_path,
        min(component_name) as component_name
    from files
    group by file_path
),

commits as (
    select
        coalesce(names.component_name, {{ path_component_name('commits.path') }}) as component_name,
        commits.file_path,
        commits.body_hash,
        commits.body_text,
        commits.commit_hash,
        commits.committed_at
    from {{ ref('stg_components__body') }} as commits
    left join names on names.file_path = commits.file_path
    where {{ path_component_type('commits.path') }} in ('skill', 'command')
),

known as (
    select
        component_name,
        file_path,
        body_hash,
        body_text,
        declared_version,
        modified_at,
        cast(null as varchar) as commit_hash,
        cast(null as timestamp) as committed_at,
        true as is_on_disk
    from files
    union all
    select
        component_name,
        file_path,
        body_hash,
        body_text,
        cast(null as varchar) as declared_version,
        cast(null as timestamp) as modified_at,
        commit_hash,
        committed_at,
        false as is_on_disk
    from commits
    where component_name <> ''
),

versions as (
    select
        component_name,
        body_hash,
        max(body_text) as body_text,
        min(case when is_on_disk then file_path end) as scanned_path,
        min(file_path) as file_path,
        max(declared_version) as declared_version,
        min(modified_at) as modified_at,
        min(
            case when commit_hash is not null then concat(cast(committed_at as varchar), '/', commit_hash) end
        ) as first_commit,
        min(committed_at) as committed_at,
        bool_or(is_on_disk) as is_on_disk
    from known
    group by component_name, body_hash
),

marked as (
    select
        *,
        {{ regex_replace(
            'body_text',
            "!`[^`]+`|```!(?s:.*?)```|[$]ARGUMENTS(?:\\[[0-9]+\\])?|[$]\\{CLAUDE_[A-Z_]+\\}|[$][0-9]", '␚'
        ) }} as marked_text
    from versions
)

select
    {{ surrogate_key(['component_name', 'body_hash']) }} as version_id,
    component_name,
    body_hash,
    coalesce(scanned_path, file_path) as file_path,
    declared_version as skill_version,
    nullif({{ regex_group('first_commit', '/([0-9a-f]+)$') }}, '') as commit_hash,
    modified_at,
    committed_at,
    case
        when length(marked_text) - length(replace(marked_text, '␚', '')) <= 12
            then replace(replace(replace(replace(marked_text, '^', '^^'), '%', '^%'), '_', '^_'), '␚', '%')
    end as body_pattern,
    is_on_disk,
    cast(length(replace(marked_text, '␚', '')) as bigint) as fixed_characters
from marked
