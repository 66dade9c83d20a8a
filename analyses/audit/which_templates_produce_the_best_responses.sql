-- Which templates produce the best responses?
select pt.template_name,
       count(*) as uses,
       avg(length(r.response_text)) as avg_response_length,
       avg(r.latency_ms) as avg_latency,
       sum(case when pf.feedback_type = 'thumbs_up' then 1 else 0 end)::real / count(*) as satisfaction
from {{ ref('fact_prompt') }} p
join {{ ref('dim_prompt_template') }} pt on pt.template_id = p.template_id
left join {{ ref('fact_response') }} r on r.prompt_id = p.prompt_id
left join {{ ref('fact_prompt_feedback') }} pf on pf.prompt_id = p.prompt_id
group by pt.template_name
order by satisfaction desc
