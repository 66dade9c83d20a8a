-- Changes are found where tasks ran on both sides. A report of `claude plugin eval` compares a plugin with
-- none.
with switches as (
    select
        component_id,
        previous_version_hash as version_before,
        version_hash as version_after,
        min(started_at) as changed_at,
        min(change_basis) as change_basis,
        count(distinct project_path) as project_count
    from {{ ref('fact_version_use') }}
    where previous_version_hash is not null
    group by component_id, previous_version_hash, version_hash
),

evals as (
    select
        plugin_name,
        plugin_version,
        min(started_at) as changed_at
    from {{ ref('int_eval_run') }}
    group by plugin_name, plugin_version
)

select
    {{ surrogate_key(['switches.component_id', 'switches.version_before', 'switches.version_after']) }}
        as change_id,
    switches.component_id,
    switches.changed_at,
    components.component_name,
    components.component_type,
    switches.version_before,
    switches.version_after,
    switches.change_basis,
    'observed, before and after' as evidence,
    cast(switches.project_count as bigint) as project_count
from switches
inner join {{ ref('dim_component') }} as components on components.component_id = switches.component_id
union all
select
    {{ surrogate_key(["'plugin_eval'", 'plugin_name', 'plugin_version']) }} as change_id,
    {{ surrogate_key(["'plugin'", 'plugin_name']) }} as component_id,
    changed_at,
    plugin_name as component_name,
    'plugin' as component_type,
    'without' as version_before,
    plugin_version as version_after,
    'plugin_eval' as change_basis,
    'randomised' as evidence,
    cast(null as bigint) as project_count
from evals
