with loads as (
    select
        *,
        {{ path_identity('payload.file_path') }} as loaded_path
    from {{ ref('int_hook') }}
    where hook_event = 'InstructionsLoaded' and payload.file_path is not null
),

components as (
    select
        file_path,
        min(component_id) as component_id
    from {{ ref('dim_component') }}
    where component_type = 'reference_file' and file_path is not null
    group by file_path
)

select
    loads.event_id as load_id,
    loads.session_id,
    actors.agent_id,
    actors.agent_run_id,
    components.component_id,
    loads.received_at as loaded_at,
    loads.loaded_path as file_path,
    lower(loads.payload.memory_type) as memory_type,
    loads.payload.load_reason as load_reason,
    {{ path_identity('loads.payload.trigger_file_path') }} as trigger_file_path,
    {{ path_identity('loads.payload.parent_file_path') }} as parent_file_path,
    cast(loads.payload.globs as varchar) as globs,
    'recorded' as provenance,
    loads.source_path as _source_path,
    loads.source_line as _source_line,
    loads._batch_id
from loads
inner join {{ ref('int_actor') }} as actors
    on actors.session_id = loads.session_id and actors.actor = loads.actor
left join components on components.file_path = loads.loaded_path
