with last_answers as (
    select
        dependency_id,
        max(case when available then checked_at end) as last_available_at
    from {{ ref('fact_dependency_check') }}
    group by dependency_id
),

failures_since as (
    select
        checks.dependency_id,
        cast(sum(checks.use_count) as bigint) as failure_count
    from {{ ref('fact_dependency_check') }} as checks
    inner join last_answers on last_answers.dependency_id = checks.dependency_id
    where
        not checks.available
        and (last_answers.last_available_at is null or checks.checked_at > last_answers.last_available_at)
    group by checks.dependency_id
),

checks as (
    select
        dependency_id,
        max(checked_at) as last_checked_at,
        max(case when available then checked_at end) as last_available_at,
        max(case when not available then checked_at end) as last_failed_at,
        cast(sum(use_count) as bigint) as use_count,
        cast(sum(case when not available then use_count else 0 end) as bigint) as failure_count,
        cast(sum(case when available is not null then use_count else 0 end) as bigint) as judged_count,
        median(response_time_ms) as median_response_ms,
        max(version_detected) as version_detected
    from {{ ref('fact_dependency_check') }}
    group by dependency_id
),

users as (
    select
        dependency_id,
        count(*) as component_count
    from {{ ref('component_dependency_map') }}
    group by dependency_id
),

changes as (
    select
        dependency_id,
        count(*) filter (where classification = 'BREAKING') as breaking_count,
        max(detected_at) as last_changed_at
    from {{ ref('v_dependency_change') }}
    group by dependency_id
)

select
    dependencies.dependency_id,
    dependencies.dependency_name,
    dependencies.dependency_type,
    checks.last_checked_at,
    checks.last_available_at,
    checks.last_failed_at,
    changes.last_changed_at,
    checks.version_detected,
    case
        when failures_since.failure_count >= 2 then 'down'
        when failures_since.failure_count = 1 then 'failing'
        when checks.last_available_at is not null then 'up'
        else 'unknown'
    end as status,
    coalesce(checks.use_count, 0) as use_count,
    coalesce(checks.failure_count, 0) as failure_count,
    1 - checks.failure_count / nullif(cast(checks.judged_count as double), 0) as availability_ratio,
    cast(checks.median_response_ms as bigint) as median_response_ms,
    coalesce(users.component_count, 0) as component_count,
    coalesce(changes.breaking_count, 0) as breaking_count
from {{ ref('dim_dependency') }} as dependencies
left join checks on checks.dependency_id = dependencies.dependency_id
left join failures_since on failures_since.dependency_id = dependencies.dependency_id
left join users on users.dependency_id = dependencies.dependency_id
left join changes on changes.dependency_id = dependencies.dependency_id
-- A skill that a list once named, and that nothing used or depends on, is not a dependency.
where dependencies.dependency_type <> 'skill' or checks.use_count > 0 or users.component_count > 0
