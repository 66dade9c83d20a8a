with feedback as (
    select
        prompt_id,
        count(*) filter (where feedback_type in ('interruption', 'rejection', 'correction', 'thumbs_down'))
            as bad_count,
        count(*) filter (where feedback_type in ('thanks', 'thumbs_up')) as good_count
    from {{ ref('fact_prompt_feedback') }}
    group by prompt_id
),

measured as (
    select
        templates.template_id,
        templates.template_name,
        templates.command_name,
        min(prompts.prompted_at) as first_used_at,
        max(prompts.prompted_at) as last_used_at,
        count(*) as use_count,
        count(outcomes.success) as judged_count,
        count(*) filter (where outcomes.success) as success_count,
        count(*) filter (where feedback.bad_count > 0) as bad_feedback_count,
        count(*) filter (where feedback.good_count > 0) as good_feedback_count,
        median(prompts.response_count) as median_response_count,
        median(prompts.tool_call_count) as median_tool_call_count,
        median(outcomes.time_elapsed_seconds) as median_seconds,
        median(prompts.caused_cost_usd) as median_cost_usd,
        sum(prompts.caused_cost_usd) as cost_usd
    from {{ ref('fact_prompt') }} as prompts
    inner join {{ ref('dim_prompt_template') }} as templates on templates.template_id = prompts.template_id
    left join {{ ref('fact_task_outcome') }} as outcomes on outcomes.task_id = prompts.prompt_id
    left join feedback on feedback.prompt_id = prompts.prompt_id
    group by templates.template_id, templates.template_name, templates.command_name
),

-- Adds the totals over all versions of its command to each version.
rolled_up as (
    select
        *,
        count(*) over (partition by command_name) as command_version_count,
        sum(use_count) over (partition by command_name) as command_use_count,
        sum(judged_count) over (partition by command_name) as command_judged_count,
        sum(success_count) over (partition by command_name) as command_success_count,
        sum(bad_feedback_count) over (partition by command_name) as command_bad_feedback_count,
        sum(cost_usd) over (partition by command_name) as command_cost_usd
    from measured
)

select
    template_id,
    template_name,
    command_name,
    first_used_at,
    last_used_at,
    cast(use_count as bigint) as use_count,
    cast(judged_count as bigint) as judged_count,
    cast(success_count as bigint) as success_count,
    success_count / nullif(judged_count, 0) as success_ratio,
    {{ wilson_low('success_count', 'judged_count') }} as success_ratio_low,
    {{ wilson_high('success_count', 'judged_count') }} as success_ratio_high,
    cast(bad_feedback_count as bigint) as bad_feedback_count,
    cast(good_feedback_count as bigint) as good_feedback_count,
    cast(median_response_count as double) as median_response_count,
    cast(median_tool_call_count as double) as median_tool_call_count,
    cast(median_seconds as double) as median_seconds,
    cast(median_cost_usd as double) as median_cost_usd,
    cost_usd,
    cast(command_version_count as bigint) as command_version_count,
    cast(command_use_count as bigint) as command_use_count,
    cast(command_judged_count as bigint) as command_judged_count,
    cast(command_success_count as bigint) as command_success_count,
    command_success_count / nullif(command_judged_count, 0) as command_success_ratio,
    {{ wilson_low('command_success_count', 'command_judged_count') }} as command_success_ratio_low,
    {{ wilson_high('command_success_count', 'command_judged_count') }} as command_success_ratio_high,
    cast(command_bad_feedback_count as bigint) as command_bad_feedback_count,
    command_cost_usd
from rolled_up
