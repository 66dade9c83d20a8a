{{ config(materialized='table') }}

{%- set block_hours = var('block_hours', 5) %}
{%- set block_ms = block_hours * 3600000 %}

-- A block starts with the first response that comes five hours or more after the start of the block before,
-- or after five idle hours, and it starts at that response's full UTC hour: the client's own limits work the
-- same way. Each step needs the one before, so the recursion runs over the hours with activity, not over the
-- responses.
with recursive hours as (
    select
        date_trunc('hour', called_at) as hour_started_at,
        min(called_at) as first_called_at,
        max(called_at) as last_called_at
    from {{ ref('fact_api_call') }}
    where success and called_at is not null
    group by all
),

numbered as (
    select
        *,
        row_number() over (order by hour_started_at) as hour_number,
        lag(last_called_at) over (order by hour_started_at) as previous_called_at
    from hours
),

blocks as (
    select hour_number, hour_started_at as block_started_at, last_called_at
    from numbered
    where hour_number = 1
    union all
    select
        numbered.hour_number,
        case
            when
                {{ ms_between('blocks.block_started_at', 'numbered.hour_started_at') }} >= {{ block_ms }}
                or {{ ms_between('blocks.last_called_at', 'numbered.first_called_at') }} > {{ block_ms }}
                then numbered.hour_started_at
            else blocks.block_started_at
        end as block_started_at,
        numbered.last_called_at
    from blocks
    inner join numbered on numbered.hour_number = blocks.hour_number + 1
),

block_of_hour as (
    select
        numbered.hour_started_at,
        blocks.block_started_at
    from blocks
    inner join numbered on numbered.hour_number = blocks.hour_number
),

newest as (
    select max(called_at) as last_called_at
    from {{ ref('fact_api_call') }}
),

measured as (
    select
        block_of_hour.block_started_at,
        max(calls.called_at) as last_activity_at,
        {{ cost_measures('calls') }}
    from {{ ref('fact_api_call') }} as calls
    inner join block_of_hour on block_of_hour.hour_started_at = date_trunc('hour', calls.called_at)
    where calls.success
    group by block_of_hour.block_started_at
)

select
    measured.block_started_at,
    measured.block_started_at + interval '{{ block_hours }} hours' as block_ended_at,
    {{ local_time('measured.block_started_at') }} as block_started_local_at,
    measured.last_activity_at,
    -- Active as of the newest response in the store; the reader's clock does not matter.
    measured.block_started_at + interval '{{ block_hours }} hours' > newest.last_called_at as is_active,
    measured.session_count,
    measured.response_count,
    measured.uncached_input_tokens,
    measured.output_tokens,
    measured.cache_read_tokens,
    measured.cache_write_5m_tokens,
    measured.cache_write_1h_tokens,
    measured.total_tokens,
    measured.web_search_count,
    measured.unpriced_response_count,
    measured.web_search_cost_usd,
    measured.cost_usd
from measured
cross join newest
