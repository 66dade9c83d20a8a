-- A report found in two places counts once. A case says something about a plugin only if it also ran without
-- it.
with runs as (
    select
        *,
        row_number() over (
            partition by content_hash, case_number, is_with_plugin, run_number order by host, file_path
        ) as copy_number
    from {{ ref('stg_components__eval_run') }}
    where plugin_name <> '' and case_name <> ''
),

compared as (
    select content_hash, case_number
    from runs
    group by content_hash, case_number
    having bool_or(is_with_plugin) and not bool_and(is_with_plugin)
)

select
    runs.run_id,
    coalesce(runs.started_at, runs.run_started_at) as started_at,
    coalesce(runs.run_started_at, runs.started_at) as run_started_at,
    runs.client_version,
    runs.plugin_name,
    coalesce(nullif(runs.plugin_version, ''), 'with') as plugin_version,
    runs.case_name,
    runs.is_with_plugin,
    runs.is_passed,
    runs.cost_usd,
    runs.duration_seconds,
    runs.file_path,
    runs._batch_id
from runs
inner join compared on compared.content_hash = runs.content_hash and compared.case_number = runs.case_number
where runs.copy_number = 1
