-- What work will cost, from what such work cost before. Executed when the store is published.

-- Quantiles of past work of the same kind. The most similar work counts most: with n pieces of work at a level it gets n / (n + 10) of the
-- weight, and the next wider level shares in the rest the same way; what remains goes to all work of the kind. The outer quantiles move
-- out where little is known. The costs of one fan-out rise and fall together, so that its quantile is that of one agent times their number.
create or replace macro forecast(requests, as_of := null, min_count := 20, most_count := 2000) as table
with asked as materialized (
    select
        request.request_number,
        coalesce(request.work_kind, 'agent_run') as work_kind,
        coalesce(request.work_count, 1) as work_count,
        nullif(request.agent_name, '') as agent_name,
        coalesce(nullif(request.model_name, ''), s.model_name) as model_name,
        coalesce(nullif(request.task_type, ''), s.task_type) as task_type,
        coalesce(nullif(request.project_name, ''), s.project_name) as project_name,
        request.session_id,
        -- A running session has cost this much: only what cost more is like it.
        coalesce(s.cost_usd, 0) as spent_usd
    from (
        select
            generate_subscripts(given, 1) as request_number,
            unnest(given, recursive := true)
        from (
            select cast(requests as struct(
                work_kind varchar, work_count bigint, agent_name varchar, model_name varchar, task_type varchar,
                project_name varchar, session_id varchar
            )[]) as given
        )
    ) as request
    left join v_work_cost as s
        on s.work_kind = 'session' and request.work_kind = 'session' and s.work_id = request.session_id
),
past as materialized (
    select *
    from v_work_cost
    where cost_usd > 0 and (as_of is null or ended_at < cast(as_of as timestamp))
    qualify row_number() over (partition by work_kind order by ended_at desc nulls last, work_id) <= most_count
),
compared as materialized (
    select
        a.request_number,
        p.work_id,
        p.cost_usd,
        p.total_tokens,
        case
            when a.work_kind = 'agent_run' then [
                p.agent_name = a.agent_name and p.model_name = a.model_name and p.project_name = a.project_name,
                p.agent_name = a.agent_name and p.model_name = a.model_name,
                p.agent_name = a.agent_name,
                p.model_name = a.model_name
            ]
            else [
                p.project_name = a.project_name and p.model_name = a.model_name and p.task_type = a.task_type,
                p.project_name = a.project_name and p.model_name = a.model_name,
                p.project_name = a.project_name,
                p.model_name = a.model_name
            ]
        end as is_similar
    from asked as a
    inner join past as p
        on p.work_kind = a.work_kind and p.cost_usd > a.spent_usd and p.work_id is distinct from a.session_id
),
counted as (
    select
        request_number,
        count(*) as work_count,
        [
            count(*) filter (where is_similar[1]), count(*) filter (where is_similar[2]), count(*) filter (where is_similar[3]),
            count(*) filter (where is_similar[4])
        ] as counts
    from compared
    group by request_number
),
shares as materialized (
    select
        *,
        list_transform([1, 2, 3, 4], lambda level: counts[level] / (counts[level] + 10.0)) as kept,
        list_transform(
            [1, 2, 3, 4, 5],
            lambda level: coalesce(list_product(list_transform(counts[1:level - 1], lambda n: 10.0 / (n + 10.0))), 1.0)
        ) as passed
    from counted
),
weighed as materialized (
    select
        c.request_number,
        c.work_id,
        c.cost_usd,
        c.total_tokens,
        s.work_count,
        s.counts,
        s.passed[5] / s.work_count
        + case when c.is_similar[1] then s.passed[1] * s.kept[1] / s.counts[1] else 0 end
        + case when c.is_similar[2] then s.passed[2] * s.kept[2] / s.counts[2] else 0 end
        + case when c.is_similar[3] then s.passed[3] * s.kept[3] / s.counts[3] else 0 end
        + case when c.is_similar[4] then s.passed[4] * s.kept[4] / s.counts[4] else 0 end as weight
    from compared as c
    inner join shares as s on s.request_number = c.request_number
),
measured as (
    unpivot (select request_number, work_id, weight, cost_usd, cast(total_tokens as double) as total_tokens from weighed)
    on cost_usd, total_tokens into name measure value amount
),
placed as materialized (
    select
        request_number,
        measure,
        amount,
        sum(weight) over before - weight / 2 as place
    from measured
    window before as (
        partition by request_number, measure order by amount, work_id rows between unbounded preceding and current row
    )
),
quantiles as (
    select
        e.request_number,
        unnest([
            {'quantile': 'low', 'wanted': 0.1 * (1 - 1 / (e.similar_count + 1))},
            {'quantile': 'median', 'wanted': 0.5},
            {'quantile': 'high', 'wanted': 1 - 0.1 * (1 - 1 / (e.similar_count + 1))}
        ], recursive := true)
    from (select request_number, 1 / sum(weight * weight) as similar_count from weighed group by request_number) as e
),
-- Between two pieces of work, on the logarithmic scale.
neighbours as (
    select
        q.request_number,
        p.measure,
        q.quantile,
        q.wanted,
        max(p.place) filter (where p.place <= q.wanted) as below,
        arg_max(p.amount, p.place) filter (where p.place <= q.wanted) as amount_below,
        min(p.place) filter (where p.place > q.wanted) as above,
        arg_min(p.amount, p.place) filter (where p.place > q.wanted) as amount_above
    from quantiles as q
    inner join placed as p on p.request_number = q.request_number
    group by q.request_number, p.measure, q.quantile, q.wanted
),
found as (
    select
        request_number,
        measure,
        quantile,
        case
            when below is null then amount_above
            when above is null then amount_below
            else exp(
                ln(greatest(amount_below, 1e-9))
                + (ln(greatest(amount_above, 1e-9)) - ln(greatest(amount_below, 1e-9))) * (wanted - below) / (above - below)
            )
        end as amount
    from neighbours
),
wide as (
    select
        request_number,
        max(amount) filter (where measure = 'cost_usd' and quantile = 'low') as low_usd,
        max(amount) filter (where measure = 'cost_usd' and quantile = 'median') as median_usd,
        max(amount) filter (where measure = 'cost_usd' and quantile = 'high') as high_usd,
        max(amount) filter (where measure = 'total_tokens' and quantile = 'low') as low_tokens,
        max(amount) filter (where measure = 'total_tokens' and quantile = 'median') as median_tokens,
        max(amount) filter (where measure = 'total_tokens' and quantile = 'high') as high_tokens
    from found
    group by request_number
),
answered as (
    select
        a.request_number,
        a.work_kind,
        a.work_count,
        a.agent_name,
        a.model_name,
        a.task_type,
        a.project_name,
        case when a.spent_usd > 0 then a.spent_usd end as spent_usd,
        coalesce(s.work_count, 0) as past_count,
        coalesce(s.counts, [0, 0, 0, 0]) as similar_counts,
        -- Fewer pieces of work tell nothing.
        case when s.work_count >= min_count then a.work_count * w.low_usd end as low_usd,
        case when s.work_count >= min_count then a.work_count * w.median_usd end as median_usd,
        case when s.work_count >= min_count then a.work_count * w.high_usd end as high_usd,
        case when s.work_count >= min_count then cast(round(a.work_count * w.low_tokens) as bigint) end as low_tokens,
        case when s.work_count >= min_count then cast(round(a.work_count * w.median_tokens) as bigint) end as median_tokens,
        case when s.work_count >= min_count then cast(round(a.work_count * w.high_tokens) as bigint) end as high_tokens
    from asked as a
    left join shares as s on s.request_number = a.request_number
    left join wide as w on w.request_number = a.request_number
)
select
    request_number,
    work_kind,
    work_count,
    agent_name,
    model_name,
    task_type,
    project_name,
    spent_usd,
    past_count,
    case
        when if(work_kind = 'agent_run', agent_name, project_name) is null then similar_counts[4]
        else similar_counts[3]
    end as similar_count,
    similar_counts,
    low_usd,
    median_usd,
    high_usd,
    low_tokens,
    median_tokens,
    high_tokens
from answered
union all by name
-- Agents of one plan rise and fall together, as those of one fan-out do. Without one of its parts, a total is not known.
select
    0 as request_number,
    'all' as work_kind,
    sum(work_count) as work_count,
    min(past_count) as past_count,
    case when count(low_usd) = count(*) then sum(low_usd) end as low_usd,
    case when count(median_usd) = count(*) then sum(median_usd) end as median_usd,
    case when count(high_usd) = count(*) then sum(high_usd) end as high_usd,
    case when count(low_usd) = count(*) then cast(sum(low_tokens) as bigint) end as low_tokens,
    case when count(low_usd) = count(*) then cast(sum(median_tokens) as bigint) end as median_tokens,
    case when count(low_usd) = count(*) then cast(sum(high_tokens) as bigint) end as high_tokens
from answered
having count(*) > 1
order by request_number;

comment on macro table forecast is 'forecast(requests, as_of := null, min_count := 20, most_count := 2000): what pieces of work will cost: requests is a list of {work_kind: ''agent_run'', ''workflow_run'' or ''session'', work_count, agent_name, model_name, task_type, project_name, session_id}, each NULL if not known; session_id names a running session. low and high are an 80 % band. past_count is how many pieces of work of that kind it is based on (NULL bands below min_count; the newest most_count at most), similar_counts how many of these are similar, from the most to the least similar level: for runs of agents, the same agent, model and project; agent and model; agent; model; for sessions and workflows, the same project, model and type of task; project and model; project; model. as_of leaves out what ended later. Several requests also have a total (request_number 0). Example: from forecast([{work_kind: ''agent_run'', work_count: 5, agent_name: ''Explore'', model_name: null, task_type: null, project_name: null, session_id: null}])';

-- The rest of a month: sums of as many consecutive days, days without use included, in the year before.
create or replace macro forecast_month(today, projects := null, min_count := 20) as table
with spent as materialized (
    select c.usage_date, sum(c.cost_usd) as cost_usd
    from v_cost as c
    where
        c.kind = 'session' and c.usage_date <= cast(today as date)
        and (projects is null or list_contains(projects, c.project_name))
    group by c.usage_date
),
days as (
    select cast(day as date) as day, coalesce(spent.cost_usd, 0) as cost_usd
    from generate_series(
        cast((select greatest(min(usage_date), cast(today as date) - 365) from spent having count(*) > 0) as timestamp),
        cast(cast(today as date) - 1 as timestamp), interval 1 day
    ) as series (day)
    left join spent on spent.usage_date = cast(day as date)
),
sums as (
    select
        day,
        count(*) over rest as day_count,
        sum(cost_usd) over rest as cost_usd
    from days
    window rest as (
        order by day
        range between current row and to_days(cast(last_day(cast(today as date)) - cast(today as date) as integer)) following
    )
),
windows as (
    select count(*) as window_count, quantile_cont(cost_usd, [0.1, 0.5, 0.9]) as rest_usd
    from sums
    where day_count = last_day(cast(today as date)) - cast(today as date) + 1
)
select
    cast(date_trunc('month', cast(today as date)) as date) as month_started_on,
    last_day(cast(today as date)) - cast(today as date) + 1 as days_left,
    (select count(*) from days) as past_days,
    windows.window_count,
    so_far.spent_usd,
    case when windows.window_count >= min_count then greatest(so_far.before_usd + rest_usd[1], so_far.spent_usd) end as low_usd,
    case when windows.window_count >= min_count then greatest(so_far.before_usd + rest_usd[2], so_far.spent_usd) end as median_usd,
    case when windows.window_count >= min_count then greatest(so_far.before_usd + rest_usd[3], so_far.spent_usd) end as high_usd,
    so_far.before_usd + (select avg(cost_usd) from days where day >= cast(today as date) - 30)
    * (last_day(cast(today as date)) - cast(today as date) + 1) as pace_usd
from windows
cross join (
    select
        coalesce(sum(cost_usd), 0) as spent_usd,
        coalesce(sum(cost_usd) filter (where usage_date < cast(today as date)), 0) as before_usd
    from spent
    where usage_date >= date_trunc('month', cast(today as date))
) as so_far;

comment on macro table forecast_month is 'forecast_month(today, projects := null, min_count := 20): what the month of `today` will have cost: what was spent, and an 80 % band for the whole month from sums of as many consecutive days in the year before, days without use included (NULL below min_count such sums). pace_usd is the naive answer: the average day of the last thirty. Example: from forecast_month(current_date)';
