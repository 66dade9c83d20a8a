{{ config(materialized='table') }}

{#- With fewer days to compare with, no day counts as usual. -#}
{%- set usual_days = var('alert_usual_days', 5) %}

-- As of the newest day in the store, which may not be today: a row is valid until `ends_at`.
with costs as (
    select kind, name, usage_date, session_id, project_name, project_path, cost_usd, unpriced_response_count
    from {{ ref('v_cost') }}
    where kind in ('session', 'agent')
),

newest as (
    select max(usage_date) as newest_date
    from costs
),

alerts as (
    select
        alerts.*,
        newest.newest_date,
        cast(case alerts.period
            when 'week' then date_trunc('week', newest.newest_date)
            when 'month' then date_trunc('month', newest.newest_date)
            else newest.newest_date
        end as date) as period_start
    from {{ ref('dim_alert') }} as alerts
    cross join newest
    where newest.newest_date is not null
),

counted as (
    select
        alerts.alert_id,
        costs.session_id,
        costs.usage_date,
        sum(costs.cost_usd) as cost_usd,
        cast(sum(costs.unpriced_response_count) as bigint) as unpriced_response_count
    from alerts
    inner join costs
        on costs.kind = case when alerts.scope = 'agent' then 'agent' else 'session' end
        and case alerts.scope
            when 'project' then alerts.scope_value in (costs.project_name, costs.project_path)
            when 'agent' then costs.name = alerts.scope_value
            else true
        end
    group by all
),

days as (
    select
        alert_id,
        usage_date,
        sum(cost_usd) as cost_usd,
        cast(sum(unpriced_response_count) as bigint) as unpriced_response_count
    from counted
    group by all
),

usual as (
    select
        days.alert_id,
        count(*) as day_count,
        median(days.cost_usd) as usual_usd
    from days
    inner join alerts on alerts.alert_id = days.alert_id
    where days.usage_date < alerts.newest_date and days.cost_usd > 0
    group by days.alert_id
),

periods as (
    select
        alerts.alert_id,
        cast(null as varchar) as session_id,
        coalesce(sum(days.cost_usd) filter (where days.usage_date >= alerts.period_start), 0) as spent_usd,
        cast(coalesce(
            sum(days.unpriced_response_count) filter (where days.usage_date >= alerts.period_start), 0
        ) as bigint) as unpriced_response_count,
        count(days.alert_id) > 0 as has_subject
    from alerts
    left join days on days.alert_id = alerts.alert_id
    where alerts.period <> 'session'
    group by alerts.alert_id
),

-- Sessions of the newest day, with everything they have spent since they began.
sessions as (
    select
        alerts.alert_id,
        counted.session_id,
        coalesce(sum(counted.cost_usd), 0) as spent_usd,
        cast(sum(counted.unpriced_response_count) as bigint) as unpriced_response_count,
        true as has_subject
    from alerts
    inner join counted on counted.alert_id = alerts.alert_id
    inner join {{ ref('fact_session') }} as facts on facts.session_id = counted.session_id
    where alerts.period = 'session' and (alerts.alert_kind <> 'fan_out' or facts.subagent_count > 0)
    group by alerts.alert_id, alerts.newest_date, counted.session_id
    having bool_or(counted.usage_date = alerts.newest_date)
),

limits as (
    select
        alerts.alert_kind,
        alerts.alert_name,
        subjects.session_id,
        alerts.period_start,
        cast(case alerts.period
            when 'week' then alerts.period_start + interval 7 day
            when 'month' then alerts.period_start + interval 1 month
            else alerts.period_start + interval 1 day
        end as date) as period_end,
        alerts.scope,
        alerts.scope_value,
        alerts.period,
        alerts.title,
        alerts.near_ratio,
        case when usual.day_count >= {{ usual_days }} then usual.usual_usd end as usual_usd,
        case
            when alerts.alert_kind <> 'growth' then alerts.threshold_usd
            when usual.day_count >= {{ usual_days }}
                then greatest(alerts.growth_ratio * usual.usual_usd, alerts.minimum_usd)
        end as threshold_usd,
        subjects.spent_usd,
        subjects.unpriced_response_count,
        subjects.has_subject
    from alerts
    inner join (
        select * from periods
        union all
        select * from sessions
        union all
        -- An alert is listed even if it matches no session of the day.
        select alert_id, null, 0, 0, false
        from alerts
        anti join sessions on sessions.alert_id = alerts.alert_id
        where period = 'session'
    ) as subjects on subjects.alert_id = alerts.alert_id
    left join usual on usual.alert_id = alerts.alert_id and alerts.alert_kind = 'growth'
),

titled as (
    select
        * replace (
            case
                when title is not null then title
                when threshold_usd is null then 'The alert ' || alert_name
                else
                    'The alert ' || alert_name || ' of ' || {{ dollars_text('threshold_usd') }}
                    || ' a day (usually ' || {{ dollars_text('usual_usd') }} || ')'
                    || case when scope <> 'all' then ' for the ' || scope || ' ' || scope_value else '' end
            end as title
        )
    from limits
),

stood as (
    select
        *,
        spent_usd / threshold_usd as spent_ratio,
        case
            when threshold_usd is null or not has_subject then 'unknown'
            when spent_usd > threshold_usd then 'over'
            when spent_usd >= near_ratio * threshold_usd then 'near'
            else 'ok'
        end as status
    from titled
    union all
    -- Budgets warn at the ratio that they define.
    select
        'budget' as alert_kind,
        budget_name as alert_name,
        cast(null as varchar) as session_id,
        period_start,
        period_end,
        scope,
        scope_value,
        period,
        'The budget ' || budget_name || ' of ' || {{ dollars_text('limit_usd') }} || ' a ' || period
        || case when scope <> 'all' then ' for the ' || scope || ' ' || scope_value else '' end as title,
        alert_ratio as near_ratio,
        cast(null as double) as usual_usd,
        limit_usd as threshold_usd,
        spent_usd,
        cast(null as bigint) as unpriced_response_count,
        true as has_subject,
        spent_ratio,
        case status when 'over' then 'over' when 'alert' then 'near' else 'ok' end as status
    from {{ ref('v_budget_burn_down') }}
    where is_current
)

select
    {{ surrogate_key(['alert_kind', 'alert_name', 'session_id']) }} as alert_subject_id,
    session_id,
    {{ utc_time('cast(period_end as timestamp)') }} as ends_at,
    period_start,
    period_end,
    alert_kind,
    alert_name,
    scope,
    scope_value,
    period,
    status,
    title,
    title
    || case
        when not has_subject and period = 'session'
            then ' watches no session of ' || cast(period_start as varchar) || '.'
        when not has_subject then ' counts nothing: the store has no cost of this ' || scope || '.'
        when threshold_usd is null
            then ' has no usual day to compare with yet: that takes {{ usual_days }} earlier days with use.'
        when status = 'ok' then ' is at ' || {{ grouped_number('100 * spent_ratio') }} || ' %'
        when status = 'near' then ' is nearly '
        else ' is '
    end
    || case
        when status not in ('near', 'over') then ''
        when alert_kind = 'budget' then 'used up'
        else 'reached'
    end
    || case
        when status = 'unknown' then ''
        else
            ': ' || {{ dollars_text('spent_usd') }}
            || case
                when session_id is not null then ' in session ' || left(session_id, 8)
                when period = 'day' then ' on ' || cast(period_start as varchar)
                else ' since ' || cast(period_start as varchar)
            end || '.'
            || case
                when unpriced_response_count = 1 then ' Not counted: an API response without a price.'
                when unpriced_response_count > 1
                    then
                    ' Not counted: ' || {{ grouped_number('unpriced_response_count') }}
                    || ' API responses without a price.'
                else ''
            end
    end as message,
    usual_usd,
    threshold_usd,
    spent_usd,
    spent_ratio,
    near_ratio,
    unpriced_response_count
from stood
