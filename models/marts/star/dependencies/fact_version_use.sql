-- A skill or command shows its version at the call. Of other components, the version that had begun last
-- counts.
with bodies as (
    select
        component_id,
        task_id,
        version_hash,
        invoked_at,
        row_number() over (
            partition by component_id, task_id order by invoked_at, invocation_id
        ) as call_number
    from {{ ref('fact_skill_invocation') }}
    where component_id is not null and task_id is not null and version_hash is not null
),

-- A text that differs at almost every call, because the client fills something in, does not tell versions.
steady as (
    select component_id
    from bodies
    group by component_id
    having count(distinct version_hash) <= greatest(2, count(*) / 2.0)
),

tasks as (
    select * from {{ ref('fact_task_measure') }}
),

sights as (
    select session_id, component_type, component_name, seen_at
    from {{ ref('int_session_component') }}
    union all
    select session_id, offer_type, component_name, offered_at
    from {{ ref('fact_component_offer') }}
    where offer_type = 'mcp_server'
    union all
    select session_id, 'reference_file', file_path, loaded_at
    from {{ ref('fact_instruction_load') }}
),

in_sessions as (
    select
        sights.component_type,
        sights.component_name,
        tasks.task_id,
        tasks.started_at,
        tasks.project_path,
        tasks.host
    from (
        select session_id, component_type, component_name, min(seen_at) as seen_at
        from sights
        group by session_id, component_type, component_name
    ) as sights
    inner join tasks
        on tasks.session_id = sights.session_id and tasks.task_source = 'prompt'
        and coalesce(tasks.completed_at >= sights.seen_at, true)
),

agent_runs as (
    select
        'agent' as component_type,
        agents.agent_name as component_name,
        tasks.task_id,
        tasks.started_at,
        tasks.project_path,
        tasks.host
    from tasks
    inner join {{ ref('dim_agent') }} as agents on agents.agent_id = tasks.agent_id
    where tasks.task_source = 'delegation' and agents.agent_type <> 'main'
),

dated as (
    select
        uses.component_type,
        uses.component_name,
        uses.task_id,
        uses.started_at,
        marks.version_hash,
        marks.change_basis,
        row_number() over (
            partition by uses.component_type, uses.component_name, uses.task_id
            order by
                marks.began_at desc, length(marks.folder) desc nulls last, marks.version_hash, marks.mark_id
        ) as recency
    from (
        select * from in_sessions
        union all
        select * from agent_runs
    ) as uses
    inner join {{ ref('int_version_mark') }} as marks
        on marks.component_type = uses.component_type and marks.component_name = uses.component_name
        and marks.began_at <= uses.started_at
        and (marks.host is null or marks.host = uses.host)
        and (
            marks.folder is null or {{ is_in_folder('uses.project_path', 'marks.folder') }}
        )
),

used as (
    select
        bodies.component_id,
        bodies.task_id,
        bodies.version_hash,
        'transcript' as change_basis
    from bodies
    inner join steady on steady.component_id = bodies.component_id
    where bodies.call_number = 1
    union all
    select
        {{ surrogate_key(['component_type', 'component_name']) }} as component_id,
        task_id,
        version_hash,
        change_basis
    from dated
    where recency = 1
),

-- The same name may be another file in another project: each project has a history of its own.
ordered as (
    select
        used.component_id,
        used.task_id,
        tasks.session_id,
        tasks.project_path,
        tasks.started_at,
        used.version_hash,
        used.change_basis,
        lag(used.version_hash) over history as last_version_hash
    from used
    inner join tasks on tasks.task_id = used.task_id
    window history as (
        partition by used.component_id, tasks.project_path order by tasks.started_at nulls first, used.task_id
    )
),

numbered as (
    select
        *,
        1 + count(*) filter (where last_version_hash <> version_hash) over (
            partition by component_id, project_path order by started_at nulls first, task_id
            rows between unbounded preceding and current row
        ) as life_number
    from ordered
),

lives as (
    select
        component_id,
        project_path,
        life_number,
        min(version_hash) as version_hash
    from numbered
    group by component_id, project_path, life_number
)

select
    {{ surrogate_key(['numbered.component_id', 'numbered.task_id']) }} as use_id,
    numbered.component_id,
    numbered.task_id,
    numbered.session_id,
    numbered.started_at,
    numbered.project_path,
    numbered.version_hash,
    before.version_hash as previous_version_hash,
    after.version_hash as next_version_hash,
    numbered.change_basis,
    'observed' as provenance,
    cast(numbered.life_number as bigint) as life_number
from numbered
left join lives as before
    on before.component_id = numbered.component_id
    and before.project_path is not distinct from numbered.project_path
    and before.life_number = numbered.life_number - 1
left join lives as after
    on after.component_id = numbered.component_id
    and after.project_path is not distinct from numbered.project_path
    and after.life_number = numbered.life_number + 1
