-- A task counts after the change that brought its version and before the one that ended it.
with sides as (
    select
        component_id,
        task_id,
        previous_version_hash as version_before,
        version_hash as version_after,
        true as is_after
    from {{ ref('fact_version_use') }}
    where previous_version_hash is not null
    union all
    select
        component_id,
        task_id,
        version_hash,
        next_version_hash,
        false
    from {{ ref('fact_version_use') }}
    where next_version_hash is not null
),

changes as (
    select * from {{ ref('dim_component_change') }}
)

select
    changes.change_id,
    tasks.task_id as trial_id,
    tasks.task_id,
    tasks.session_id,
    tasks.model_id,
    tasks.started_at,
    tasks.project_path,
    tasks.task_type,
    'observed' as provenance,
    sides.is_after,
    tasks.success,
    tasks.cost_usd,
    tasks.duration_seconds,
    tasks.correction_count
from sides
inner join changes
    on changes.component_id = sides.component_id and changes.version_before = sides.version_before
    and changes.version_after = sides.version_after and changes.change_basis <> 'plugin_eval'
inner join {{ ref('fact_task_measure') }} as tasks on tasks.task_id = sides.task_id
union all
-- Cases of an eval are what types of tasks are at work.
select
    changes.change_id,
    runs.run_id as trial_id,
    cast(null as varchar) as task_id,
    cast(null as varchar) as session_id,
    cast(null as varchar) as model_id,
    runs.run_started_at as started_at,
    cast(null as varchar) as project_path,
    runs.case_name as task_type,
    'recorded' as provenance,
    runs.is_with_plugin as is_after,
    runs.is_passed as success,
    runs.cost_usd,
    runs.duration_seconds,
    cast(null as bigint) as correction_count
from {{ ref('int_eval_run') }} as runs
inner join changes
    on changes.component_name = runs.plugin_name and changes.version_after = runs.plugin_version
    and changes.change_basis = 'plugin_eval'
