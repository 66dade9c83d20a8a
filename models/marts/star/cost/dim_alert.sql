select
    {{ surrogate_key(['alert_name']) }} as alert_id,
    listed_at,
    alert_name,
    alert_kind,
    period,
    scope,
    scope_value,
    threshold_usd,
    growth_ratio,
    minimum_usd,
    _batch_id
from {{ ref('stg_alerts__entry') }}
where alert_name is not null
