-- Which templates produce the best responses?
select
    pt.template_name,
    count(*) as uses,
    avg(length(r.response_text)) as avg_response_length,
    avg(r.latency_ms) as avg_latency,
    cast(sum(case when pf.feedback_type = 'thumbs_up' then 1 else 0 end) as real) / count(*) as satisfaction
from {{ ref('fact_prompt') }} as p
inner join {{ ref('dim_prompt_template') }} as pt on pt.template_id = p.template_id
left join {{ ref('fact_response') }} as r on r.prompt_id = p.prompt_id
left join {{ ref('fact_prompt_feedback') }} as pf on pf.prompt_id = p.prompt_id
group by pt.template_name
order by satisfaction desc
