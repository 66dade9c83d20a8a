-- Most-used tools
-- Days are counted back from the newest action in the store, so that archives work too.
select
    t.tool_name,
    count(*) as invocations,
    avg(ti.duration_ms) as avg_duration_ms,
    avg(cast(ti.success as integer)) as success_rate
from {{ ref('fact_tool_invocation') }} as ti
inner join {{ ref('dim_tool') }} as t on t.tool_id = ti.tool_id
where ti.invoked_at > (select max(action_at) from {{ ref('fact_agent_action') }}) - interval '30 days'
group by t.tool_name
order by invocations desc
