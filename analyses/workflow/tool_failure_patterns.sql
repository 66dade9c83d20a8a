-- Tool failure patterns
-- Days are counted back from the newest action in the store, so that archives work too.
select
    t.tool_name, ti.error_type,
    count(*) as failures
from {{ ref('fact_tool_invocation') }} as ti
inner join {{ ref('dim_tool') }} as t on t.tool_id = ti.tool_id
where ti.success = false
    and ti.invoked_at > (select max(action_at) from {{ ref('fact_agent_action') }}) - interval '30 days'
group by t.tool_name, ti.error_type
order by failures desc
