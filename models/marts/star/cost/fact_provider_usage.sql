{{ config(materialized='table') }}

-- Of a report that is read again, the newest reading of each row counts.
with told as (
    select
        *,
        coalesce(nullif(trim(payload.report_key), ''), event_id) as usage_id,
        lower(trim(payload.report)) as report,
        {{ timestamp_from_ms('payload.starts_at_ms') }} as starts_at,
        {{ timestamp_from_ms('payload.ends_at_ms') }} as ends_at
    from {{ ref('int_recorded_event') }}
    where event_kind = 'provider_usage'
)

select
    usage_id,
    starts_at,
    ends_at,
    occurred_at as read_at,
    cast(starts_at as date) as usage_date,
    report,
    coalesce(nullif(trim(payload.origin), ''), 'unknown') as origin,
    {{ normalized_model(displayed_model('payload.model')) }} as model_name,
    nullif(trim(payload.model), '') as model_raw,
    nullif(trim(payload.workspace), '') as workspace,
    nullif(trim(payload.api_key), '') as api_key,
    nullif(lower(trim(payload.service_tier)), '') as service_tier,
    nullif(trim(payload.context_window), '') as context_window,
    nullif(lower(trim(payload.cost_type)), '') as cost_type,
    nullif(lower(trim(payload.token_type)), '') as token_type,
    nullif(trim(payload.description), '') as description,
    'recorded' as provenance,
    payload.uncached_input_tokens,
    payload.output_tokens,
    payload.cache_read_tokens,
    payload.cache_write_5m_tokens,
    payload.cache_write_1h_tokens,
    payload.web_search_count,
    case when abs(payload.amount_usd) < 1e9 then payload.amount_usd end as amount_usd,
    source_path as _source_path,
    source_line as _source_line,
    _batch_id
from told
where report in ('usage', 'cost') and starts_at is not null
qualify row_number() over (partition by usage_id order by occurred_at desc, event_id) = 1
