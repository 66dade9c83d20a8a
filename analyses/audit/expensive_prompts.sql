-- Expensive prompts
-- Days are counted back from the newest action in the store, so that archives work too.
select
    p.prompt_text, m.model_name,
    p.input_tokens, r.output_tokens,
    (p.estimated_cost_usd + r.estimated_cost_usd) as total_cost
from {{ ref('fact_prompt') }} as p
inner join {{ ref('fact_response') }} as r on r.prompt_id = p.prompt_id
inner join {{ ref('dim_model') }} as m on m.model_id = p.model_id
where p.prompted_at > (select max(action_at) from {{ ref('fact_agent_action') }}) - interval '7 days'
order by total_cost desc
limit 20
