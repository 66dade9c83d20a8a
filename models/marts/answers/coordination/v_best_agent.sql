with workloads as (
    select agent_id, count(distinct work_id) as open_work_count
    from {{ ref('fact_work_assignment') }}
    where status = 'accepted'
    group by agent_id
),

-- Ranked by the lower bound of the Wilson interval, so that two lucky attempts do not beat forty good ones.
bounded as (
    select
        *,
        success_count / attempt_count as success_ratio,
        (
            success_count / attempt_count + 1.96 * 1.96 / (2 * attempt_count)
            - 1.96 * sqrt(
                (
                    success_count / attempt_count * (1 - success_count / attempt_count)
                    + 1.96 * 1.96 / (4 * attempt_count)
                ) / attempt_count
            )
        ) / (1 + 1.96 * 1.96 / attempt_count) as lower_bound,
        (
            success_count / attempt_count + 1.96 * 1.96 / (2 * attempt_count)
            + 1.96 * sqrt(
                (
                    success_count / attempt_count * (1 - success_count / attempt_count)
                    + 1.96 * 1.96 / (4 * attempt_count)
                ) / attempt_count
            )
        ) / (1 + 1.96 * 1.96 / attempt_count) as upper_bound
    from {{ ref('agent_capability_map') }}
)

select
    bounded.capability_id,
    bounded.agent_id,
    capabilities.capability_name,
    capabilities.capability_type,
    agents.agent_name,
    agents.agent_type,
    cast(row_number() over (
        partition by bounded.capability_id
        order by bounded.lower_bound desc, bounded.attempt_count desc, bounded.agent_id
    ) as bigint) as agent_rank,
    bounded.proficiency,
    bounded.success_ratio,
    bounded.lower_bound as success_lower_bound,
    bounded.upper_bound as success_upper_bound,
    bounded.attempt_count,
    bounded.success_count,
    cast(coalesce(workloads.open_work_count, 0) as bigint) as open_work_count,
    bounded.last_attempt_at
from bounded
inner join {{ ref('dim_agent_capability') }} as capabilities
    on capabilities.capability_id = bounded.capability_id
inner join {{ ref('dim_agent') }} as agents on agents.agent_id = bounded.agent_id
left join workloads on workloads.agent_id = bounded.agent_id
