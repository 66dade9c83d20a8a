with bounds as (
    select
        coalesce(min(cast(started_at as date)), date '2025-01-01') as first_date,
        coalesce(max(cast(last_logged_at as date)), date '2025-01-01') as last_date
    from {{ ref('int_session') }}
),

-- The days of the log (capped, in case of damaged dates) plus one at either end, because local days differ
-- from UTC days.
days as (
    select cast(first_date as date) + cast(day_number as integer) - 1 as date_day
    from bounds, (select unnest(range(36531)) as day_number) as series
    where first_date + cast(day_number as integer) - 1 <= last_date + 1
)

select
    date_day,
    cast(date_trunc('week', date_day) as date) as week_start_date,
    cast(date_trunc('month', date_day) as date) as month_start_date,
    cast(extract(year from date_day) as integer) as calendar_year,
    cast(extract(month from date_day) as integer) as calendar_month,
    cast(extract(day from date_day) as integer) as day_of_month,
    cast(extract(isodow from date_day) as integer) as iso_day_of_week,
    extract(isodow from date_day) >= 6 as is_weekend
from days
