with actors as (
    select * from {{ ref('int_actor') }}
)

select
    agent_id,
    min(agent_name) as agent_name,
    min(agent_type) as agent_type,
    min(project_path) as project_path,
    cast(null as varchar) as system_prompt_hash,
    min(started_at) as created_at,
    max(ended_at) as last_seen_at,
    'observed' as provenance,
    count(*) as run_count
from actors
group by agent_id
