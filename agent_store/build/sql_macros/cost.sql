-- Cost by any breakdown and period, as every interface shows it. Executed when the store is published.

-- Whether a day is between two days, both included; without limits this includes calls without a time.
create or replace macro is_within(day, since, until) as
    (since is null or coalesce(day >= cast(since as date), false)) and (until is null or coalesce(day <= cast(until as date), false));

comment on macro is_within is 'is_within(day, since, until): whether a day is between two days, both included; NULL means no limit.';

create or replace macro projects_named(name) as table
select
    coalesce(
        list(project_name order by project_name) filter (where trim(lower(name)) in (lower(project_name), lower(project_path))),
        list(project_name order by project_name) filter (
            where trim(name) <> ''
            and (contains(lower(project_name), trim(lower(name))) or contains(lower(project_path), trim(lower(name))))
        )
    ) as project_names
from (
    select distinct c.project_name, coalesce(c.project_path, '') as project_path
    from v_cost as c
    where c.kind = 'session' and c.project_name is not null
);

comment on macro table projects_named is 'projects_named(name): the projects called so or with that folder, else all whose name or folder contains it, as one list; NULL if there is none. Example: from projects_named(''shop'')';

create or replace macro cost_by(kind, since := null, until := null, projects := null) as table
with costs as (
    select
        c.*,
        case kind
            when 'all' then 'all'
            when 'day' then coalesce(cast(c.usage_date as varchar), 'undated')
            when 'week' then coalesce(cast(cast(date_trunc('week', c.usage_date) as date) as varchar), 'undated')
            when 'month' then coalesce(strftime(c.usage_date, '%Y-%m'), 'undated')
            when 'project' then coalesce(c.project_name, 'unknown')
            else coalesce(c.name, 'unknown')
        end as shown_name,
        -- A day, a week … has no title; a project has one folder, regardless of where its sessions ran.
        case when kind not in ('all', 'day', 'week', 'month', 'project') then c.detail end as shown_detail
    from v_cost as c
    where
        c.kind = case when kind in ('all', 'day', 'week', 'month', 'project') then 'session' else kind end
        and is_within(c.usage_date, since, until) and (projects is null or list_contains(projects, c.project_name))
),
summed as (
    select
        shown_name as name,
        case when kind = 'project' then min(project_path) else shown_detail end as detail,
        case when kind = 'session' then min(project_name) end as project_name,
        min(first_called_at) as first_called_at,
        min(usage_date) as first_usage_date,
        max(usage_date) as last_usage_date,
        count(distinct usage_date) as day_count,
        count(distinct session_id) as session_count,
        sum(request_count) as request_count,
        sum(invocation_count) as invocation_count,
        sum(total_tokens) as total_tokens,
        sum(uncached_input_tokens) as uncached_input_tokens,
        sum(cache_read_tokens) as cache_read_tokens,
        sum(cache_write_5m_tokens + cache_write_1h_tokens) as cache_write_tokens,
        sum(output_tokens) as output_tokens,
        sum(unpriced_response_count) as unpriced_response_count,
        sum(cache_miss_count) as cache_miss_count,
        sum(missed_tokens) as missed_tokens,
        sum(rebilled_cost_usd) as rebilled_cost_usd,
        sum(miss_extra_cost_usd) as miss_extra_cost_usd,
        sum(cache_saved_usd) as cache_saved_usd,
        sum(work_cost_usd) as work_cost_usd,
        sum(cost_usd) as cost_usd
    from costs
    group by shown_name, shown_detail
),
totals as (
    select sum(c.cost_usd) as total_usd
    from v_cost as c
    where
        c.kind = 'session' and is_within(c.usage_date, since, until)
        and (projects is null or list_contains(projects, c.project_name))
),
ranked as (
    select
        *,
        row_number() over (
            order by work_cost_usd desc nulls last, cost_usd desc nulls last, total_tokens desc, name, detail nulls first
        ) as cost_rank
    from summed
)
select
    ranked.name,
    ranked.detail,
    ranked.project_name,
    ranked.first_called_at,
    ranked.first_usage_date,
    ranked.last_usage_date,
    cast(ranked.day_count as bigint) as day_count,
    cast(ranked.session_count as bigint) as session_count,
    cast(ranked.request_count as bigint) as request_count,
    cast(ranked.invocation_count as bigint) as invocation_count,
    cast(ranked.total_tokens as bigint) as total_tokens,
    cast(ranked.uncached_input_tokens as bigint) as uncached_input_tokens,
    cast(ranked.cache_read_tokens as bigint) as cache_read_tokens,
    cast(ranked.cache_write_tokens as bigint) as cache_write_tokens,
    cast(ranked.output_tokens as bigint) as output_tokens,
    cast(ranked.unpriced_response_count as bigint) as unpriced_response_count,
    ranked.cache_read_tokens
    / nullif(ranked.cache_read_tokens + ranked.cache_write_tokens + ranked.uncached_input_tokens, 0) as cache_hit_ratio,
    cast(ranked.cache_miss_count as bigint) as cache_miss_count,
    cast(ranked.missed_tokens as bigint) as missed_tokens,
    ranked.rebilled_cost_usd,
    ranked.miss_extra_cost_usd,
    ranked.cache_saved_usd,
    ranked.work_cost_usd,
    ranked.work_cost_usd / nullif(totals.total_usd, 0) as work_ratio,
    ranked.cost_usd,
    ranked.cost_usd / nullif(totals.total_usd, 0) as cost_ratio,
    ranked.cost_rank,
    cast(sum(ranked.request_count) over those_below as bigint) as rest_request_count,
    cast(sum(ranked.total_tokens) over those_below as bigint) as rest_total_tokens,
    sum(ranked.cost_usd) over those_below as rest_cost_usd
from ranked
cross join totals
window those_below as (order by ranked.cost_rank rows between 1 following and unbounded following)
order by ranked.cost_rank;

comment on macro table cost_by is 'cost_by(kind, since := null, until := null, projects := null): cost by day, week, month, model, project, branch, session, agent, task-type, skill, plugin, tool, mcp, file or component; kind ''all'' is one row. Days are in the time zone of the reports, both included; projects is a list of names. cost_ratio is the share of all dollars of that period and these projects; cost_rank is 1 for the most expensive row, and the columns rest_ are the sums of all rows that rank below it. Example: from cost_by(''model'')';

-- Today, this week and this month compared with the usual cost of a day, week and month with use: the median of the previous twelve.
create or replace macro spending_pace(today, projects := null) as table
with days as (
    select c.usage_date, c.session_id, c.request_count as response_count, c.cost_usd
    from v_cost as c
    where
        c.kind = 'session' and c.usage_date <= cast(today as date)
        and (projects is null or list_contains(projects, c.project_name))
),
periods as (
    select unnest(['day', 'week', 'month']) as period
),
sums as (
    select
        periods.period,
        cast(date_trunc(periods.period, days.usage_date) as date) as started_on,
        cast(date_trunc(periods.period, days.usage_date) = date_trunc(periods.period, cast(today as date)) as boolean) as is_current,
        count(distinct days.session_id) as session_count,
        sum(days.response_count) as response_count,
        sum(days.cost_usd) as cost_usd
    from days
    cross join periods
    group by 1, 2, 3
),
ranked as (
    select *, row_number() over (partition by period, is_current order by started_on desc) as recency from sums
)
select
    periods.period,
    cast(date_trunc(periods.period, cast(today as date)) as date) as started_on,
    cast(coalesce(max(ranked.session_count) filter (where ranked.is_current), 0) as bigint) as session_count,
    cast(coalesce(max(ranked.response_count) filter (where ranked.is_current), 0) as bigint) as response_count,
    -- No use costs nothing; the cost of use without a price is unknown.
    case
        when count(*) filter (where ranked.is_current) = 0 then 0
        else max(ranked.cost_usd) filter (where ranked.is_current)
    end as cost_usd,
    median(ranked.cost_usd) filter (where not ranked.is_current and ranked.recency <= 12) as usual_usd,
    count(*) filter (where not ranked.is_current and ranked.recency <= 12) as usual_count
from periods
left join ranked on ranked.period = periods.period
group by periods.period
order by case periods.period when 'day' then 1 when 'week' then 2 else 3 end;

comment on macro table spending_pace is 'spending_pace(today, projects := null): the day, week and month of `today`, compared with the usual cost of one with use: the median of the previous twelve (usual_count: how many there were). Example: from spending_pace(current_date)';

create or replace macro sessions_of(projects) as table
select distinct c.session_id from v_cost as c where c.kind = 'session' and list_contains(projects, c.project_name);

comment on macro table sessions_of is 'sessions_of(projects): the sessions with costs of a list of projects. Example: from sessions_of([''shop''])';

-- The causes of the dollars. The dollars are measured; some of their causes are estimated.
create or replace macro cost_causes(since := null, until := null, projects := null) as table
with summed as (
    select
        c.cause_group,
        count(distinct c.session_id) as session_count,
        sum(c.estimated_cost_usd) as estimated_cost_usd,
        sum(c.cost_usd) as cost_usd
    from v_cost_cause as c
    where
        is_within(c.usage_date, since, until)
        and (projects is null or c.session_id in (select session_id from sessions_of(projects)))
    group by c.cause_group
),
ranked as (
    select *, row_number() over (order by cost_usd desc, cause_group) as cost_rank from summed
)
select
    cause_group,
    session_count,
    estimated_cost_usd,
    cost_usd,
    cost_usd / nullif(sum(cost_usd) over (), 0) as cost_ratio,
    1 - sum(estimated_cost_usd) over () / nullif(sum(cost_usd) over (), 0) as measured_ratio,
    cost_rank,
    sum(cost_usd) over (order by cost_rank rows between 1 following and unbounded following) as rest_cost_usd
from ranked
order by cost_rank;

comment on macro table cost_causes is 'cost_causes(since := null, until := null, projects := null): the causes of the dollars, by cause group of v_cost_cause; the groups add up to the total. cost_rank is 1 for the most expensive group, rest_cost_usd is the sum of all groups that rank below the row. measured_ratio is the same in each row: the share of all these dollars whose cause is measured instead of estimated. Example: from cost_causes()';

-- The project, model and cause whose cost differs most from a usual week. A week without costs of a name counts as 0.
create or replace macro spending_changes(today, projects := null) as table
with costs as (
    select
        case c.kind when 'session' then 'project' else c.kind end as kind,
        coalesce(case c.kind when 'session' then c.project_name else c.name end, 'unknown') as name,
        c.usage_date,
        c.cost_usd
    from v_cost as c
    where c.kind in ('session', 'model') and (projects is null or list_contains(projects, c.project_name))
    union all
    select 'cause', c.cause_group, c.usage_date, c.cost_usd
    from v_cost_cause as c
    where projects is null or c.session_id in (select session_id from sessions_of(projects))
),
by_week as (
    select kind, name, cast(date_trunc('week', usage_date) as date) as week, sum(cost_usd) as cost_usd
    from costs
    where usage_date <= cast(today as date)
    group by 1, 2, 3
),
earlier_weeks as (
    select distinct week
    from by_week
    where week < date_trunc('week', cast(today as date))
    order by week desc
    limit 12
),
usual as (
    select names.kind, names.name, median(coalesce(by_week.cost_usd, 0)) as usual_usd
    from (select distinct kind, name from by_week) as names
    cross join earlier_weeks
    left join by_week
        on by_week.kind = names.kind and by_week.name = names.name and by_week.week = earlier_weeks.week
    group by names.kind, names.name
)
select
    usual.kind,
    usual.name,
    cast(date_trunc('week', cast(today as date)) as date) as started_on,
    coalesce(now.cost_usd, 0) as cost_usd,
    usual.usual_usd,
    coalesce(now.cost_usd, 0) - usual.usual_usd as difference_usd,
    row_number() over (
        partition by usual.kind order by abs(coalesce(now.cost_usd, 0) - usual.usual_usd) desc, usual.name
    ) as change_rank
from usual
left join by_week as now
    on now.kind = usual.kind and now.name = usual.name and now.week = date_trunc('week', cast(today as date))
order by change_rank, usual.kind;

comment on macro table spending_changes is 'spending_changes(today, projects := null): the cost of each project, model and cause group in the week of `today`, compared with the median of the previous twelve weeks with use (a week without it counts as 0); change_rank is 1 for the largest difference of its kind. No rows if there is no earlier week. Example: from spending_changes(current_date) where change_rank = 1';
