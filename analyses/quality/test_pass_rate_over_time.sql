-- Test pass rate over time
-- Days are counted back from the newest action in the store, so that archives work too.
select
    date_trunc('day', ran_at) as day,
    cast(sum(passed) as real) / sum(total_tests) as pass_rate,
    avg(duration_seconds) as avg_duration
from {{ ref('fact_test_run') }}
where ran_at > (select max(action_at) from {{ ref('fact_agent_action') }}) - interval '90 days'
group by day
order by day
