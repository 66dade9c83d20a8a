-- Token efficiency: output per input
-- Days are counted back from the newest action in the store, so that archives work too.
select
    a.agent_name,
    cast(sum(u.output_tokens) as real) / sum(u.input_tokens) as output_per_input,
    sum(u.total_tokens) as total,
    sum(u.cost_usd) as total_cost
from {{ ref('fact_token_usage') }} as u
inner join {{ ref('dim_agent') }} as a on a.agent_id = u.agent_id
where u.measured_at > (select max(action_at) from {{ ref('fact_agent_action') }}) - interval '30 days'
group by a.agent_name
order by output_per_input desc
