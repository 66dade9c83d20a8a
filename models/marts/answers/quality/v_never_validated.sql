with produced as (
    select * from {{ ref('dim_artifact') }}
    where was_produced
),

project_checks as (
    select
        sessions.project_path,
        measurements.measured_at
    from {{ ref('fact_quality_measurement') }} as measurements
    inner join {{ ref('dim_session') }} as sessions on sessions.session_id = measurements.session_id
    inner join {{ ref('dim_artifact') }} as artifacts
        on artifacts.artifact_id = measurements.artifact_id and artifacts.artifact_type = 'project'
    where measurements.check_kind not in ('hook', 'user_feedback')
),

own_checks as (
    select
        artifact_id,
        count(*) as own_check_count
    from {{ ref('fact_quality_measurement') }}
    where check_kind not in ('hook', 'user_feedback')
    group by artifact_id
),

last_checks as (
    select
        project_path,
        max(measured_at) as last_checked_at,
        count(*) as project_check_count
    from project_checks
    group by project_path
),

validations as (
    select distinct component_id from {{ ref('fact_validation') }}
    where component_id is not null
)

select
    produced.artifact_id,
    produced.component_id,
    produced.artifact_path,
    produced.artifact_type,
    produced.project_path,
    produced.created_at,
    produced.last_modified_at,
    last_checks.last_checked_at as project_last_checked_at,
    cast(produced.write_count + produced.edit_count as bigint) as change_count,
    coalesce(last_checks.project_check_count, 0) as project_check_count
from produced
left join own_checks on own_checks.artifact_id = produced.artifact_id
left join last_checks on last_checks.project_path = produced.project_path
left join validations on validations.component_id = produced.component_id
where
    own_checks.artifact_id is null and validations.component_id is null
    and coalesce(last_checks.last_checked_at < produced.last_modified_at, true)
