{{ config(materialized='table') }}

-- Days of sessions whose lines have expired are as they were kept.
with sessions as (
    select session_id, project_path, project_name
    from {{ ref('dim_session') }}
),

prompts as (
    select
        sessions.project_path,
        cast({{ local_time('prompts.prompted_at') }} as date) as activity_date,
        count(*) filter (
            where prompts.command_name is null and prompts.prompt_origin not in (
                'command', 'local_command', 'shell', 'task_notification', 'system', 'scheduled'
            )
        ) as prompt_count
    from {{ ref('fact_prompt') }} as prompts
    inner join sessions on sessions.session_id = prompts.session_id
    where prompts.prompted_at is not null
    group by all
),

lines as (
    select
        coalesce(sessions.project_path, 'unknown') as project_path,
        days.activity_date,
        days.session_id,
        days.file_modified_at,
        days.line_count
    from {{ ref('int_session_day') }} as days
    left join sessions on sessions.session_id = days.session_id
),

spending as (
    select
        coalesce(sessions.project_path, days.project_path, 'unknown') as project_path,
        days.usage_date as activity_date,
        days.session_id,
        days.response_count,
        days.cost_usd
    from (
        select usage_date, session_id, cast(null as varchar) as project_path, response_count, cost_usd
        from {{ ref('fact_spending_day') }}
        union all
        select usage_date, session_id, project_path, response_count, cost_usd
        from {{ ref('stg_retention__spending') }}
    ) as days
    left join sessions on sessions.session_id = days.session_id
    where days.usage_date is not null
),

parts as (
    select project_path, activity_date, session_id, file_modified_at, line_count
    from lines
    union all by name
    select project_path, activity_date, session_id, response_count, cost_usd
    from spending
    union all by name
    select project_path, activity_date, prompt_count
    from prompts
)

select
    {{ surrogate_key(['project_path', 'activity_date']) }} as project_day_id,
    project_path,
    activity_date,
    cast(cast(min(file_modified_at) as date) + {{ var('cleanup_period_days') }} as date) as deletes_on,
    cast(count(distinct session_id) as bigint) as session_count,
    cast(coalesce(sum(prompt_count), 0) as bigint) as prompt_count,
    cast(coalesce(sum(response_count), 0) as bigint) as response_count,
    cast(coalesce(sum(line_count), 0) as bigint) as line_count,
    cast(sum(cost_usd) as double) as cost_usd
from parts
group by project_path, activity_date
