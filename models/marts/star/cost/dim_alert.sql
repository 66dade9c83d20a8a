{#- An alert is near its limit from this share of it. -#}
{%- set near_ratio = var('alert_near_ratio', 0.8) %}
select
    {{ surrogate_key(['alert_name']) }} as alert_id,
    listed_at,
    alert_name,
    alert_kind,
    period,
    scope,
    scope_value,
    -- The limit of a growth alert depends on the days before.
    case
        when alert_kind <> 'growth'
            then 'The alert ' || alert_name || ' of ' || {{ dollars_text('threshold_usd') }}
            || case when alert_kind = 'fan_out' then ' for a session with subagents' else ' a ' || period end
            || case when scope <> 'all' then ' for the ' || scope || ' ' || scope_value else '' end
    end as title,
    threshold_usd,
    growth_ratio,
    minimum_usd,
    cast({{ near_ratio }} as double) as near_ratio,
    _batch_id
from {{ ref('stg_alerts__entry') }}
where alert_name is not null
