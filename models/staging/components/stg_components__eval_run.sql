{%- set runs = '[{"passed": "BOOLEAN", "score": "DOUBLE", "turns": "COUNT", "costUsd": "DOUBLE",
    "durationSeconds": "DOUBLE", "startedAt": "VARCHAR", "error": "VARCHAR"}]' %}

-- Reports of `claude plugin eval` (aggregate-result.json, schemaVersion 1): the runs of each case, with the
-- plugin and without it.
with source as (
    select * from {{ source('scans', 'component_version') }}
    where component_type = 'eval_report'
),

parsed as (
    select
        host,
        root,
        path,
        content_hash,
        _batch_id,
        {{ json_struct(json_document('content'), '{"claudeVersion": "VARCHAR", "startedAt": "VARCHAR",
            "suite": {"plugins": [{"name": "VARCHAR", "version": "VARCHAR"}]},
            "cases": [{"name": "VARCHAR", "arms": {"with": ' ~ runs ~ ', "without": ' ~ runs ~ '}}]}') }}
            as report
    from source
),

reports as (
    select
        * exclude (report),
        report.claudeVersion as client_version,
        report.startedAt as started_at,
        report.suite.plugins as plugins,
        report.cases as cases
    from parsed
),

cases as (
    select
        * exclude (cases),
        eval_case.name as case_name,
        eval_case.arms."with" as runs_with,
        eval_case.arms.without as runs_without
    from {{ explode('reports', 'cases', 'eval_case', 'case_number') }} as exploded
),

runs as (
    select *, true as is_with_plugin
    from {{ explode('cases', 'runs_with', 'run', 'run_number') }} as with_plugin
    union all
    select *, false as is_with_plugin
    from {{ explode('cases', 'runs_without', 'run', 'run_number') }} as without_plugin
)

select
    {{ surrogate_key(
        ['host', 'root', 'path', 'content_hash', 'case_number', 'is_with_plugin', 'run_number']
    ) }} as run_id,
    host,
    concat(root, '/', path) as file_path,
    content_hash,
    {{ parse_timestamp('started_at') }} as started_at,
    {{ parse_timestamp('run.startedAt') }} as run_started_at,
    client_version,
    -- The plugin under test comes first, before those that it needs.
    plugins[1].name as plugin_name,
    plugins[1].version as plugin_version,
    case_name,
    case_number,
    run_number,
    is_with_plugin,
    run.passed as is_passed,
    run.error,
    run.turns,
    run.score,
    case when run.costUsd between 0 and 1e6 then run.costUsd end as cost_usd,
    case when run.durationSeconds between 0 and 1e9 then cast(run.durationSeconds as bigint) end
        as duration_seconds,
    _batch_id
from runs
