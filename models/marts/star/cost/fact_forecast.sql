{{ config(materialized='table') }}

with told as (
    select
        *,
        -- A hook that is registered twice forecasts the same run twice.
        case
            when agent_name is not null then {{ surrogate_key(['session_id', 'agent_name']) }}
            else event_id
        end as forecast_id,
        coalesce(
            payload.low_usd >= 0 and payload.low_usd <= payload.median_usd
            and payload.median_usd <= payload.high_usd and payload.high_usd < 1e9,
            false
        ) as is_band
    from {{ ref('int_recorded_event') }}
    where
        event_kind = 'forecast'
        and lower(payload.work_kind) in ('agent_run', 'workflow_run', 'session', 'month')
)

select
    told.forecast_id,
    told.occurred_at as made_at,
    told.session_id,
    case lower(told.payload.work_kind)
        when 'agent_run' then told.agent_run_id
        when 'workflow_run' then items.workflow_run_id
        when 'session' then case when told.payload.spent_usd > 0 then told.session_id end
    end as work_id,
    lower(told.payload.work_kind) as work_kind,
    coalesce(told.payload.work_count, 1) as work_count,
    nullif(trim(told.payload.agent_type), '') as agent_name,
    nullif(trim(told.payload.model), '') as model_name,
    nullif(lower(trim(told.payload.task_type)), '') as task_type,
    coalesce(nullif(trim(told.payload.project_name), ''), sessions.project_name) as project_name,
    told.payload.spent_usd,
    case when told.is_band then told.payload.low_usd end as low_usd,
    case when told.is_band then told.payload.median_usd end as median_usd,
    case when told.is_band then told.payload.high_usd end as high_usd,
    told.payload.low_tokens,
    told.payload.median_tokens,
    told.payload.high_tokens,
    told.payload.past_count,
    told.payload.similar_count,
    try_cast(told.payload.ends_on as date) as ends_on,
    nullif(trim(told.payload.interface), '') as interface,
    'recorded' as provenance,
    told.source_path as _source_path,
    told.source_line as _source_line,
    told._batch_id
from told
left join {{ ref('dim_session') }} as sessions on sessions.session_id = told.session_id
left join {{ ref('dim_work_item') }} as items on items.work_id = told.invocation_id
qualify row_number() over (partition by told.forecast_id order by told.occurred_at, told.event_id) = 1
