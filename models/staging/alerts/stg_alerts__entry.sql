select
    alert_name,
    alert_kind,
    period,
    scope,
    scope_value,
    listed_in,
    set_aside_reason,
    listed_at,
    entry_number,
    threshold_usd,
    growth_ratio,
    minimum_usd,
    _batch_id
from {{ source('scans', 'alert') }}
