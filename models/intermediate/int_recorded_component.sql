{{ config(materialized='table') }}

with events as (
    select * from {{ ref('int_recorded_event') }}
    where event_kind in ('component', 'skill_load', 'validation', 'quality_measurement')
),

named as (
    select
        *,
        coalesce(nullif(payload.file_path, ''), nullif(payload.artifact_path, '')) as named_path,
        nullif(trim(coalesce(payload.component_name, payload.skill_name)), '') as component_name
    from events
)

select
    event_id,
    event_kind,
    session_id,
    occurred_at,
    -- A recording that names a component without a type usually means a skill.
    coalesce(
        nullif(lower(trim(payload.component_type)), ''), {{ path_component_type('named_path') }}, 'skill'
    ) as component_type,
    component_name,
    -- A skill is identified by its folder.
    {{ regex_replace('named_path', '[/\\\\]SKILL[.]md$', '') }} as file_path,
    payload.content_hash as content_hash,
    payload.trigger as load_trigger,
    payload.characters as characters,
    payload.tokens as tokens,
    payload.budget_tokens as budget_tokens,
    source_path,
    source_line,
    _batch_id
from named
where component_name is not null
