{%- set newest = var('forecast_scored_count', 40) %}
{%- set enough = var('forecast_min_scored', 10) %}

with kinds as (
    select unnest(['all', 'agent_run', 'workflow_run', 'session', 'month']) as work_kind
),

forecasts as (
    select kinds.work_kind as kind, outcomes.*
    from kinds
    inner join {{ ref('v_forecast_outcome') }} as outcomes
        on kinds.work_kind = 'all' or outcomes.work_kind = kinds.work_kind
),

counted as (
    select kind, count(*) as forecast_count, count(*) filter (where verdict is not null) as known_count
    from forecasts
    group by kind
),

newest as (
    select *
    from forecasts
    where verdict is not null
    qualify row_number() over (partition by kind order by made_at desc, forecast_id) <= {{ newest }}
),

scored as (
    select
        kind,
        count(*) as scored_count,
        count(*) filter (where verdict = 'inside') as inside_count,
        count(*) filter (where verdict = 'below') as below_count,
        count(*) filter (where verdict = 'above') as above_count,
        median(high_usd / nullif(low_usd, 0)) as width_ratio,
        median(outcome_usd / nullif(median_usd, 0)) as outcome_ratio,
        sum(median_usd) as median_usd,
        sum(outcome_usd) as outcome_usd,
        max(made_at) as last_made_at
    from newest
    group by kind
)

select
    kinds.work_kind,
    cast(coalesce(counted.forecast_count, 0) as bigint) as forecast_count,
    cast(coalesce(counted.known_count, 0) as bigint) as known_count,
    cast(coalesce(scored.scored_count, 0) as bigint) as scored_count,
    cast(coalesce(scored.inside_count, 0) as bigint) as inside_count,
    cast(coalesce(scored.below_count, 0) as bigint) as below_count,
    cast(coalesce(scored.above_count, 0) as bigint) as above_count,
    cast(0.8 as double) as promised_ratio,
    case when scored.scored_count >= {{ enough }} then scored.inside_count / scored.scored_count end
        as inside_ratio,
    case when scored.scored_count >= {{ enough }} then scored.width_ratio end as width_ratio,
    case when scored.scored_count >= {{ enough }} then scored.outcome_ratio end as outcome_ratio,
    scored.median_usd,
    scored.outcome_usd,
    scored.last_made_at
from kinds
left join counted on counted.kind = kinds.work_kind
left join scored on scored.kind = kinds.work_kind
