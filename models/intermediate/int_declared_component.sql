-- Components named by files and programs, in dim_component's columns: scanned, named in configurations,
-- edited, recorded.
with declared as (
    select
        session_id,
        component_type,
        component_name,
        file_path,
        measured_at as seen_at,
        'observed' as provenance
    from {{ ref('int_component_version') }}
    union all
    select
        cast(null as varchar) as session_id,
        entry.type as component_type,
        entry.name as component_name,
        cast(null as varchar) as file_path,
        modified_at as seen_at,
        'observed' as provenance
    from {{ explode(
        "(select * from " ~ ref('stg_components__version') ~ " where entry_list is not null)", 'entry_list',
        'entry', 'entry_number'
    ) }} as exploded
    where entry.type in ('mcp_server', 'hook', 'plugin', 'skill')
    union all
    select
        session_id,
        component_type,
        component_name,
        file_path,
        attempted_at as seen_at,
        'observed' as provenance
    from {{ ref('int_update_attempt') }}
    union all
    select
        cast(null as varchar) as session_id,
        'skill' as component_type,
        skill_name as component_name,
        cast(null as varchar) as file_path,
        first_listed_at as seen_at,
        'observed' as provenance
    from {{ explode(
        "(select * from " ~ ref('stg_sources__entry') ~ " where is_listed)", 'skill_list', 'skill_name',
        'skill_number'
    ) }} as exploded
    union all
    select
        session_id,
        component_type,
        component_name,
        file_path,
        occurred_at as seen_at,
        'recorded' as provenance
    from {{ ref('int_recorded_component') }}
)

select
    {{ surrogate_key(['session_id', 'component_type', 'component_name', 'file_path']) }} as declared_id,
    session_id,
    component_type,
    component_name,
    file_path,
    case when bool_and(provenance = 'recorded') then 'recorded' else 'observed' end as provenance,
    min(seen_at) as seen_at
from declared
where component_name <> ''
group by session_id, component_type, component_name, file_path
