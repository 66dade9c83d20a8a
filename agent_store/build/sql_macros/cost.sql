-- Cost by anything, of any time: what every interface shows. Executed when the store is published.

-- Whether a day is between two days, both included; without a limit calls without a time are in it too.
create or replace macro is_within(day, since, until) as
    (since is null or coalesce(day >= cast(since as date), false)) and (until is null or coalesce(day <= cast(until as date), false));

comment on macro is_within is 'is_within(day, since, until): whether a day is between two days, both included; NULL is no limit.';

create or replace macro cost_by(kind, since := null, until := null, projects := null) as table
with spending as (
    select * from v_spending as s
    where is_within(s.usage_date, since, until) and (projects is null or list_contains(projects, s.project_name))
),
spent as (
    select
        case kind
            when 'all' then 'all'
            when 'day' then coalesce(cast(s.usage_date as varchar), 'undated')
            when 'week' then coalesce(cast(cast(date_trunc('week', s.usage_date) as date) as varchar), 'undated')
            when 'month' then coalesce(strftime(s.usage_date, '%Y-%m'), 'undated')
            when 'model' then s.model_name
            when 'project' then s.project_name
            when 'branch' then s.git_branch
            when 'session' then s.session_id
            when 'agent' then case when s.agent_type = 'main' then 'main agent' else s.agent_name end
            when 'task-type' then s.task_type
        end as name,
        case kind
            when 'model' then s.provider
            when 'branch' then s.project_name
            when 'session' then s.session_title
            when 'agent' then s.agent_type
        end as detail,
        case when kind = 'session' then s.project_name end as project_name,
        min(s.project_path) as project_path,
        min(s.first_called_at) as first_called_at,
        count(distinct s.session_id) as session_count,
        sum(s.response_count) as request_count,
        cast(null as bigint) as invocation_count,
        sum(s.total_tokens) as total_tokens,
        sum(s.uncached_input_tokens) as uncached_input_tokens,
        sum(s.cache_read_tokens) as cache_read_tokens,
        sum(s.cache_write_5m_tokens + s.cache_write_1h_tokens) as cache_write_tokens,
        sum(s.output_tokens) as output_tokens,
        sum(s.unpriced_response_count) as unpriced_response_count,
        sum(s.cache_miss_count) as cache_miss_count,
        sum(s.missed_tokens) as missed_tokens,
        sum(s.rebilled_cost_usd) as rebilled_cost_usd,
        sum(s.miss_extra_cost_usd) as miss_extra_cost_usd,
        sum(s.cache_saved_usd) as cache_saved_usd,
        cast(null as double) as work_cost_usd,
        sum(s.cost_usd) as cost_usd
    from spending as s
    where
        kind in ('all', 'day', 'week', 'month', 'model', 'project', 'branch', 'session', 'agent', 'task-type')
        -- A call that failed has no model, and nothing was spent on it.
        and not (kind = 'model' and s.model_name = 'none')
    group by 1, 2, 3
    union all
    select
        c.cause_name, nullif(c.detail, ''), null, null, null, count(distinct c.session_id), sum(c.request_count),
        sum(c.invocation_count),
        sum(c.carried_tokens + c.output_tokens), null, null, null, sum(c.output_tokens), 0, null, null, null, null, null,
        sum(c.work_cost_usd), sum(c.cost_usd)
    from v_cause as c
    where
        kind in ('skill', 'tool', 'mcp', 'file', 'component') and c.cause_type = kind
        and is_within(c.usage_date, since, until) and (projects is null or list_contains(projects, c.project_name))
    group by 1, 2
),
totals as (
    select sum(cost_usd) as total_usd from spending
)
select
    coalesce(spent.name, 'unknown') as name,
    -- Folders of one name are one project here.
    case when kind = 'project' then spent.project_path else spent.detail end as detail,
    spent.project_name,
    spent.first_called_at,
    cast(spent.session_count as bigint) as session_count,
    cast(spent.request_count as bigint) as request_count,
    cast(spent.invocation_count as bigint) as invocation_count,
    cast(spent.total_tokens as bigint) as total_tokens,
    cast(spent.uncached_input_tokens as bigint) as uncached_input_tokens,
    cast(spent.cache_read_tokens as bigint) as cache_read_tokens,
    cast(spent.cache_write_tokens as bigint) as cache_write_tokens,
    cast(spent.output_tokens as bigint) as output_tokens,
    cast(spent.unpriced_response_count as bigint) as unpriced_response_count,
    spent.cache_read_tokens
    / nullif(spent.cache_read_tokens + spent.cache_write_tokens + spent.uncached_input_tokens, 0) as cache_hit_ratio,
    cast(spent.cache_miss_count as bigint) as cache_miss_count,
    cast(spent.missed_tokens as bigint) as missed_tokens,
    spent.rebilled_cost_usd,
    spent.miss_extra_cost_usd,
    spent.cache_saved_usd,
    spent.work_cost_usd,
    spent.work_cost_usd / nullif(totals.total_usd, 0) as work_ratio,
    spent.cost_usd,
    spent.cost_usd / nullif(totals.total_usd, 0) as cost_ratio
from spent
cross join totals;

comment on macro table cost_by is 'cost_by(kind, since := null, until := null, projects := null): cost by day, week, month, model, project, branch, session, agent, task-type, skill, tool, mcp, file or component; kind ''all'' is one row. Days are of the zone of the reports and included, projects a list of names. cost_ratio is the share of all dollars of that time and these projects.';

-- Today, this week and this month beside what a day, week and month with use usually cost: the median of the last twelve before.
create or replace macro spending_pace(today, projects := null) as table
with days as (
    select s.usage_date, s.session_id, s.response_count, s.cost_usd
    from v_spending as s
    where s.usage_date <= cast(today as date) and (projects is null or list_contains(projects, s.project_name))
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
    -- Nothing used cost nothing; what was used and has no price is not known.
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

comment on macro table spending_pace is 'spending_pace(today, projects := null): the day, week and month that `today` is in, beside what one with use usually costs: the median of the last twelve before it (usual_count: of how many).';
