-- A piece of a file counts for the day and the model of the request that it entered with.
select
    cast({{ local_time('segments.entered_at') }} as date) as usage_date,
    segments.session_id,
    coalesce(models.model_name, 'none') as model_name,
    {{ shown_agent('agents') }} as agent_name,
    segments.file_path,
    cast(count(*) as bigint) as entry_count,
    cast(sum(segments.tokens) as bigint) as entered_tokens,
    sum(segments.entry_cost_usd) as entry_cost_usd,
    sum(segments.carrying_cost_usd) as carrying_cost_usd,
    sum(segments.cost_usd) as cost_usd
from {{ ref('fact_context_segment') }} as segments
inner join {{ ref('dim_agent') }} as agents on agents.agent_id = segments.agent_id
left join {{ ref('fact_inference') }} as answers on answers.call_id = segments.call_id and answers.is_answer
left join {{ ref('dim_model') }} as models on models.model_id = answers.model_id
where segments.file_id is not null
group by all
