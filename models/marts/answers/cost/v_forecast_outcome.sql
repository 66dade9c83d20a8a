-- Work that goes on is not over: its outcome is known once the store holds something that happened later.
{%- set day = var('forecast_hours', 24) %}

with forecasts as (
    select * from {{ ref('fact_forecast') }}
),

work as (
    select * from {{ ref('v_work_cost') }}
),

newest as (
    select
        max(ended_at) as ended_at,
        cast({{ local_time('max(ended_at)') }} as date) as usage_date
    from work
),

-- The work itself, or the next of that kind and agent: in the same session, else in the project.
candidates as (
    select
        forecasts.forecast_id,
        forecasts.work_count,
        work.started_at,
        work.ended_at,
        work.cost_usd,
        work.total_tokens,
        row_number() over (partition by forecasts.forecast_id order by work.started_at, work.work_id)
            as run_number
    from forecasts
    inner join work
        on work.work_kind = forecasts.work_kind
        and case
            when forecasts.work_id is not null then work.work_id = forecasts.work_id
            -- A hook forecasts one certain piece of work.
            when forecasts.interface = 'hook' then false
            else
                work.started_at >= forecasts.made_at
                and work.started_at < forecasts.made_at + to_hours({{ day }})
                and coalesce(work.project_name = forecasts.project_name, forecasts.project_name is null)
                and (
                    forecasts.work_kind = 'session'
                    or (
                        coalesce(work.agent_name = forecasts.agent_name, forecasts.agent_name is null)
                        and coalesce(work.session_id = forecasts.session_id, forecasts.session_id is null)
                    )
                )
        end
    where forecasts.work_kind <> 'month'
),

work_outcomes as (
    select
        forecast_id,
        count(*) as done_count,
        count(*) = max(work_count)
        and max(ended_at)
        < (select newest.ended_at from newest) - to_hours({{ var('forecast_settled_hours', 1) }}) as is_over,
        sum(cost_usd) as cost_usd,
        sum(total_tokens) as total_tokens
    from candidates
    where run_number <= work_count
    group by forecast_id
),

months as (
    select
        forecasts.forecast_id,
        count(*) as done_count,
        max(forecasts.ends_on) < (select usage_date from newest) as is_over,
        sum(costs.cost_usd) as cost_usd,
        cast(null as bigint) as total_tokens
    from forecasts
    inner join {{ ref('v_cost') }} as costs
        on costs.kind = 'session'
        and costs.usage_date between date_trunc('month', forecasts.ends_on) and forecasts.ends_on
        and coalesce(costs.project_name = forecasts.project_name, forecasts.project_name is null)
    where forecasts.work_kind = 'month'
    group by forecasts.forecast_id
),

outcomes as (
    select * from work_outcomes
    union all by name
    select * from months
)

select
    forecasts.forecast_id,
    forecasts.made_at,
    forecasts.work_kind,
    forecasts.work_count,
    forecasts.agent_name,
    forecasts.model_name,
    forecasts.project_name,
    forecasts.session_id,
    forecasts.interface,
    forecasts.past_count,
    forecasts.similar_count,
    forecasts.low_usd,
    forecasts.median_usd,
    forecasts.high_usd,
    coalesce(outcomes.is_over, false) as is_known,
    case when outcomes.is_over then cast(outcomes.cost_usd as double) end as outcome_usd,
    case when outcomes.is_over then cast(outcomes.total_tokens as bigint) end as outcome_tokens,
    case
        when not outcomes.is_over or forecasts.low_usd is null or outcomes.cost_usd is null then null
        when outcomes.cost_usd < forecasts.low_usd then 'below'
        when outcomes.cost_usd > forecasts.high_usd then 'above'
        else 'inside'
    end as verdict
from forecasts
left join outcomes on outcomes.forecast_id = forecasts.forecast_id
