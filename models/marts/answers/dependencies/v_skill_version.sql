-- Versions of skills and commands that sessions ran with, and how they performed.
with runs as (
    select
        runs.component_id,
        runs.session_id,
        runs.invoked_at,
        runs.skill_name,
        runs.version_hash,
        runs.skill_version,
        runs.version_commit,
        runs.success,
        runs.actions_taken,
        runs.action_error_count,
        runs.total_tokens,
        runs.cost_usd,
        outcomes.success as task_success,
        row_number() over (
            partition by runs.skill_name, runs.version_hash, runs.task_id
            order by runs.invoked_at, runs.invocation_id
        ) as run_of_task
    from {{ ref('fact_skill_invocation') }} as runs
    left join {{ ref('fact_task_outcome') }} as outcomes on outcomes.task_id = runs.task_id
    where runs.version_hash is not null
),

used as (
    select
        skill_name,
        version_hash,
        max(component_id) as component_id,
        min(invoked_at) as first_used_at,
        max(invoked_at) as last_used_at,
        max(skill_version) as skill_version,
        max(version_commit) as version_commit,
        count(distinct session_id) as session_count,
        count(*) as run_count,
        count(*) filter (where success) as started_count,
        sum(action_error_count) as action_error_count,
        sum(actions_taken) as action_count,
        count(task_success) filter (where run_of_task = 1) as judged_task_count,
        count(*) filter (where task_success and run_of_task = 1) as achieved_task_count,
        sum(total_tokens) as total_tokens,
        sum(cost_usd) as cost_usd
    from runs
    group by skill_name, version_hash
),

files as (
    select
        body_hash,
        skill_id,
        coalesce(min(case when file_role = 'main' then file_path end), min(file_path)) as file_path,
        max(token_method) as token_method,
        max(estimated_tokens) as body_tokens,
        bool_or(file_role = 'main') as is_on_disk
    from {{ ref('fact_content_measurement') }}
    where file_role in ('main', 'body') and body_hash is not null
    group by body_hash, skill_id
)

select
    used.component_id,
    used.version_hash,
    used.first_used_at,
    used.last_used_at,
    used.skill_name,
    used.skill_version,
    used.version_commit,
    files.file_path,
    coalesce(files.is_on_disk, false) as is_on_disk,
    row_number() over (partition by used.skill_name order by used.first_used_at nulls last, used.version_hash)
        as version_number,
    row_number() over (
        partition by used.skill_name order by used.last_used_at desc nulls last, used.version_hash
    ) = 1 as is_last_used,
    used.session_count,
    used.run_count,
    used.started_count,
    cast(used.action_count as bigint) as action_count,
    cast(used.action_error_count as bigint) as action_error_count,
    used.judged_task_count,
    used.achieved_task_count,
    used.achieved_task_count / nullif(cast(used.judged_task_count as double), 0) as success_ratio,
    files.body_tokens,
    files.token_method,
    cast(used.total_tokens as bigint) as total_tokens,
    used.cost_usd
from used
left join files on files.body_hash = used.version_hash and files.skill_id = used.component_id
