select
    {{ surrogate_key(['metric_name']) }} as metric_id,
    cast(defined_on as timestamp) as created_at,
    metric_name,
    metric_type,
    check_kind,
    description,
    higher_is_better,
    threshold_pass
from {{ ref('quality_metrics') }}
