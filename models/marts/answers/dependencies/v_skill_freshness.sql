{{ config(materialized='table') }}

-- How fresh the content of a skill is: changes of its sources since it was last touched, and the cost and
-- success of its runs. Ages are measured to the newest moment in the data, not to today.
with contents as (
    select
        skill_id,
        min(measured_at) as first_measured_at,
        max(measured_at) as last_content_at,
        count(distinct content_hash) as content_count
    from {{ ref('fact_content_measurement') }}
    where file_role in ('main', 'body')
    group by skill_id
),

updates as (
    select
        skill_id,
        max(attempted_at) filter (where status = 'applied') as last_updated_at,
        count(*) as update_count
    from {{ ref('fact_update_attempt') }}
    where skill_id is not null
    group by skill_id
),

source_checks as (
    select
        skill_id,
        count(*) as source_count,
        max(last_checked_at) as last_checked_at
    from {{ ref('skill_source_dep') }}
    group by skill_id
),

validations as (
    select
        component_id as skill_id,
        validated_at,
        is_valid,
        error_count,
        warning_count,
        row_number() over (partition by component_id order by validated_at desc, validation_id) as newest_rank
    from {{ ref('fact_validation') }}
),

moment as (
    select
        greatest(
            max(skills.last_seen_at), max(contents.last_content_at), max(source_checks.last_checked_at)
        ) as as_of
    from {{ ref('dim_skill') }} as skills
    left join contents on contents.skill_id = skills.skill_id
    left join source_checks on source_checks.skill_id = skills.skill_id
),

joined as (
    select
        skills.skill_id,
        skills.skill_name,
        skills.skill_path,
        skills.auto_update,
        skills.is_on_disk,
        contents.last_content_at,
        updates.last_updated_at,
        greatest(contents.last_content_at, updates.last_updated_at) as last_touched_at,
        source_checks.last_checked_at,
        validations.validated_at as last_validated_at,
        runs.last_used_at,
        skills.last_seen_at,
        validations.is_valid,
        validations.error_count as validation_error_count,
        validations.warning_count as validation_warning_count,
        coalesce(source_checks.source_count, 0) as source_count,
        coalesce(contents.content_count, 0) as content_count,
        coalesce(updates.update_count, 0) as update_count,
        coalesce(runs.run_count, 0) as run_count,
        coalesce(runs.session_count, 0) as session_count,
        runs.load_success_ratio,
        coalesce(runs.judged_task_count, 0) as judged_task_count,
        runs.task_success_ratio,
        runs.run_cost_usd,
        runs.context_cost_usd,
        moment.as_of
    from {{ ref('dim_skill') }} as skills
    cross join moment
    left join contents on contents.skill_id = skills.skill_id
    left join updates on updates.skill_id = skills.skill_id
    left join source_checks on source_checks.skill_id = skills.skill_id
    left join validations on validations.skill_id = skills.skill_id and validations.newest_rank = 1
    left join {{ ref('v_skill_run') }} as runs on runs.skill_id = skills.skill_id
),

counted as (
    select
        joined.skill_id,
        max(changes.detected_at) as last_changed_at,
        count(*) filter (where changes.classification = 'BREAKING') as breaking_count,
        count(*) filter (where changes.classification = 'ADDITIVE') as additive_count,
        count(*) filter (
            where changes.classification = 'BREAKING'
            and (joined.last_touched_at is null or changes.detected_at > joined.last_touched_at)
        ) as breaking_since_count,
        count(*) filter (
            where changes.classification = 'ADDITIVE'
            and (joined.last_touched_at is null or changes.detected_at > joined.last_touched_at)
        ) as additive_since_count
    from joined
    inner join {{ ref('v_skill_change') }} as changes on changes.skill_id = joined.skill_id
    group by joined.skill_id
)

select
    joined.skill_id,
    joined.skill_name,
    joined.skill_path,
    counted.last_changed_at,
    joined.last_checked_at,
    joined.last_content_at,
    joined.last_updated_at,
    joined.last_validated_at,
    joined.last_used_at,
    joined.last_seen_at,
    case
        when coalesce(counted.breaking_since_count, 0) > 0 then 'stale'
        when coalesce(counted.additive_since_count, 0) > 0 then 'behind'
        when joined.source_count = 0 then 'no_sources'
        when joined.last_checked_at is null then 'unchecked'
        else 'fresh'
    end as freshness,
    joined.auto_update,
    joined.is_on_disk,
    joined.run_count > 0 as is_used,
    joined.is_valid,
    joined.validation_error_count,
    joined.validation_warning_count,
    joined.source_count,
    coalesce(counted.breaking_count, 0) as breaking_count,
    coalesce(counted.additive_count, 0) as additive_count,
    coalesce(counted.breaking_since_count, 0) as breaking_since_count,
    coalesce(counted.additive_since_count, 0) as additive_since_count,
    cast(
        {{ ms_between('joined.last_touched_at', 'greatest(joined.as_of, joined.last_touched_at)') }}
        / 86400000.0 as double
    ) as content_age_days,
    joined.content_count,
    joined.update_count,
    joined.run_count,
    joined.session_count,
    joined.load_success_ratio,
    joined.judged_task_count,
    joined.task_success_ratio,
    joined.run_cost_usd,
    joined.context_cost_usd
from joined
left join counted on counted.skill_id = joined.skill_id
