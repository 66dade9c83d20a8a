with metrics as (
    select * from {{ ref('quality_metrics') }}
)

select
    {{ surrogate_key(['metric_name']) }} as metric_id,
    cast(defined_on as timestamp) as created_at,
    metric_name,
    metric_type,
    check_kind,
    description,
    higher_is_better,
    threshold_pass
from metrics
union all
-- Metrics that programs use, in their own words.
select
    {{ surrogate_key(['recorded.check_name']) }} as metric_id,
    min(recorded.checked_at) as created_at,
    recorded.check_name as metric_name,
    'recorded' as metric_type,
    cast(null as varchar) as check_kind,
    cast(null as varchar) as description,
    cast(null as boolean) as higher_is_better,
    cast(null as double) as threshold_pass
from {{ ref('int_recorded_check') }} as recorded
where
    recorded.event_kind = 'quality_measurement'
    and recorded.check_name not in (select metric_name from metrics)
group by recorded.check_name
