{{ config(materialized='view') }}

with feedback as (
    select
        prompt_id,
        count(*) filter (where feedback_type in ('interruption', 'rejection', 'correction', 'thumbs_down')) as bad_count,
        count(*) filter (where feedback_type in ('thanks', 'thumbs_up')) as good_count
    from {{ ref('fact_prompt_feedback') }}
    group by prompt_id
)

select
    templates.template_id,
    templates.template_name,
    templates.command_name,
    min(prompts.prompted_at) as first_used_at,
    max(prompts.prompted_at) as last_used_at,
    cast(count(*) as bigint) as use_count,
    cast(count(outcomes.success) as bigint) as judged_count,
    cast(count(*) filter (where outcomes.success) as bigint) as success_count,
    count(*) filter (where outcomes.success) / nullif(count(outcomes.success), 0) as success_ratio,
    {{ wilson_low('count(*) filter (where outcomes.success)', 'count(outcomes.success)') }} as success_ratio_low,
    {{ wilson_high('count(*) filter (where outcomes.success)', 'count(outcomes.success)') }} as success_ratio_high,
    cast(count(*) filter (where feedback.bad_count > 0) as bigint) as bad_feedback_count,
    cast(count(*) filter (where feedback.good_count > 0) as bigint) as good_feedback_count,
    cast(median(prompts.response_count) as double) as median_response_count,
    cast(median(prompts.tool_call_count) as double) as median_tool_call_count,
    cast(median(outcomes.time_elapsed_seconds) as double) as median_seconds,
    cast(median(prompts.caused_cost_usd) as double) as median_cost_usd,
    sum(prompts.caused_cost_usd) as cost_usd
from {{ ref('fact_prompt') }} as prompts
inner join {{ ref('dim_prompt_template') }} as templates on templates.template_id = prompts.template_id
left join {{ ref('fact_task_outcome') }} as outcomes on outcomes.task_id = prompts.prompt_id
left join feedback on feedback.prompt_id = prompts.prompt_id
group by templates.template_id, templates.template_name, templates.command_name
