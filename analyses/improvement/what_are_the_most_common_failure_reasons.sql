-- What are the most common failure reasons?
-- Days are counted back from the newest action in the store, so that archives work too.
select
    failure_reason,
    count(*) as occurrences,
    count(distinct task_id) as tasks_affected
from {{ ref('fact_strategy_attempt') }}
where success = false
    and attempted_at > (select max(action_at) from {{ ref('fact_agent_action') }}) - interval '30 days'
group by failure_reason
order by occurrences desc
