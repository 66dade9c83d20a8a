-- What's eating my context window?
-- Days are counted back from the newest action in the store, so that archives work too.
select
    c.component_name, c.component_type,
    avg(u.input_tokens) as avg_tokens,
    count(*) as invocations,
    sum(u.input_tokens) as total_tokens
from {{ ref('fact_token_usage') }} as u
inner join {{ ref('dim_component') }} as c on c.component_id = u.component_id
where u.measured_at > (select max(action_at) from {{ ref('fact_agent_action') }}) - interval '7 days'
group by c.component_name, c.component_type
order by total_tokens desc
