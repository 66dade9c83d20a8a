{%- set local_folder = "'[/\\\\][.]claude[/\\\\](?:commands|skills)[/\\\\]'" -%}
-- Every skill that was found on disk, offered, called or shown.
with scanned as (
    select
        component_name as skill_name,
        file_path,
        plugin_name,
        scope,
        description,
        declared_version,
        content_hash,
        body_hash,
        measured_at,
        row_number() over (partition by component_name order by measured_at desc, file_path) as newest_rank
    from {{ ref('int_component_version') }}
    where component_type = 'skill' and file_role = 'main'
),

shown as (
    select
        skill_name,
        max(skill_path) as skill_path,
        min(created_at) as first_shown_at,
        max(created_at) as last_shown_at,
        count(*) as shown_count,
        count(distinct version_hash) as body_count,
        {{ value_at_max('version_hash', "concat(cast(created_at as varchar), version_hash)") }}
            as last_body_hash,
        {{ value_at_max('skill_version', "concat(cast(created_at as varchar), version_hash)") }}
            as shown_version
    from {{ ref('int_skill_body') }}
    where skill_name is not null and component_type = 'skill'
    group by skill_name
),

observed as (
    select
        component_name as skill_name,
        file_path,
        plugin_name,
        created_at,
        last_seen_at
    from {{ ref('dim_component') }}
    where component_type = 'skill'
),

edited as (
    select
        component_name as skill_name,
        min(attempted_at) as first_edited_at,
        max(attempted_at) as last_edited_at,
        min({{ regex_group('file_path', '^(.*/skills/.*?)/[^/]+$') }}) as skill_path
    from {{ ref('fact_update_attempt') }}
    where component_type = 'skill'
    group by component_name
),

-- Folders of commands and skills that provide a namespace, like plugins.
local_namespaces as (
    select distinct {{ regex_group('component_name', '^([^:]+):') }} as namespace
    from {{ ref('dim_component') }}
    where
        component_type in ('skill', 'command') and plugin_name is null and component_name like '%:%'
        and {{ regex_matches('file_path', local_folder) }}
),

names as (
    select skill_name from observed
    union
    select skill_name from edited
    union
    select skill_name from scanned
    union
    select skill_name from shown
    where skill_name is not null
)

select
    {{ surrogate_key(["'skill'", 'names.skill_name']) }} as skill_id,
    {{ surrogate_key(["'skill'", 'names.skill_name']) }} as component_id,
    names.skill_name,
    coalesce(
        {{ regex_remove('scanned.file_path', '/[^/]+$') }}, shown.skill_path, observed.file_path,
        nullif(edited.skill_path, '')
    ) as skill_path,
    coalesce(scanned.plugin_name, observed.plugin_name) as plugin_name,
    scanned.scope,
    scanned.description,
    coalesce(
        scanned.declared_version, {{ plugin_path_version('scanned.file_path') }}, shown.shown_version,
        {{ plugin_path_version('observed.file_path') }}
    ) as skill_version,
    scanned.content_hash,
    coalesce(scanned.body_hash, shown.last_body_hash) as body_hash,
    least(observed.created_at, shown.first_shown_at, scanned.measured_at, edited.first_edited_at)
        as created_at,
    greatest(observed.last_seen_at, shown.last_shown_at, edited.last_edited_at) as last_seen_at,
    'observed' as provenance,
    -- A plugin updates its own skills. An unexplained namespace may be a plugin.
    case
        when coalesce(scanned.plugin_name, observed.plugin_name) is not null then true
        when
            names.skill_name not like '%:%' or scanned.skill_name is not null
            or local_namespaces.namespace is not null
            then false
    end as auto_update,
    scanned.skill_name is not null as is_on_disk,
    coalesce(shown.shown_count, 0) as shown_count,
    coalesce(shown.body_count, 0) as body_count
from names
left join observed on observed.skill_name = names.skill_name
left join scanned on scanned.skill_name = names.skill_name and scanned.newest_rank = 1
left join shown on shown.skill_name = names.skill_name
left join edited on edited.skill_name = names.skill_name
left join local_namespaces on local_namespaces.namespace = {{ regex_group('names.skill_name', '^([^:]+):') }}
