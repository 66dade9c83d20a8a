-- Work of agents: what they did, used and could do. Executed when the store is published.

-- The moment from which days are counted back, so that an archive gives answers too. Wrong clocks are ignored.
create or replace macro newest_action_at() as (
    select max(a.action_at) from fact_agent_action as a where a.action_at <= (select b.published_at from store_build as b)
);

comment on macro newest_action_at is 'newest_action_at(): the time of the newest action in the store (UTC), from which `days` are counted back.';

create or replace macro agent_performance(agent, days := 30) as table
with outcomes as (
    select o.*, t.task_type
    from fact_task_outcome as o
    inner join dim_task as t on t.task_id = o.task_id
    inner join dim_agent as a on a.agent_id = o.agent_id
    where
        (a.agent_id = agent or a.agent_name = agent)
        and o.completed_at >= newest_action_at() - to_days(cast(days as integer))
),
measured as (
    select
        task_type,
        count(*) as task_count,
        count(success) as judged_count,
        count(*) filter (where success) as success_count,
        avg(test_pass_rate) as avg_test_pass_rate,
        median(time_elapsed_seconds) as median_seconds,
        cast(sum(tool_error_count) as bigint) as tool_error_count,
        sum(cost_usd) as cost_usd,
        mode(failure_reason) as commonest_failure_reason,
        max(completed_at) as last_completed_at
    from outcomes
    group by task_type
),
advice as (
    select s.task_type, string_agg(s.advice, '; ' order by s.advice_order) as advice
    from v_strategy_advice as s
    group by s.task_type
)
select
    m.task_type, m.task_count, m.judged_count, m.success_count, m.success_count / nullif(m.judged_count, 0) as success_ratio,
    m.avg_test_pass_rate, m.median_seconds, m.tool_error_count, m.cost_usd, m.commonest_failure_reason, a.advice,
    m.last_completed_at
from measured as m
left join advice as a on a.task_type = m.task_type
order by m.task_count desc, m.task_type;

comment on macro table agent_performance is 'agent_performance(agent, days := 30): how the tasks of an agent (id or name) went in the last days of the store, by type of task, with advice for the type. judged_count is the number of tasks with a known result. Example: from agent_performance(''Explore'', days := 90)';

create or replace macro open_work(agent := null) as table
with can as (
    select
        c.capability_name, max(m.proficiency) as proficiency, cast(sum(m.attempt_count) as bigint) as attempt_count
    from agent_capability_map as m
    inner join dim_agent as a on a.agent_id = m.agent_id
    inner join dim_agent_capability as c on c.capability_id = m.capability_id
    where a.agent_id = agent or a.agent_name = agent
    group by c.capability_name
)
select
    w.work_id, w.description, w.work_type, w.target_path, w.created_at,
    coalesce(w.required_capability, t.task_type) as capability_name, can.proficiency, can.attempt_count, w.work_source
from dim_work_item as w
left join dim_task as t on t.task_id = w.task_id
left join can on can.capability_name = coalesce(w.required_capability, t.task_type)
where w.status = 'pending'
order by can.proficiency desc nulls last, w.created_at nulls last, w.work_id;

comment on macro table open_work is 'open_work(agent := null): open work, starting with what an agent (id or name) does best. Agents with the same name count as one: the best proficiency, all attempts. Example: from open_work()';

-- What was used in the last days, most used of each kind first; a file is used by a request that contains it, an agent by a
-- delegation. A session where something only had a cost (a server offers its tools in each) has not used it.
create or replace macro usage_of(days := 30) as table
with parts as (
    select
        c.kind, coalesce(c.name, 'unknown') as name, c.detail, c.session_id, c.usage_date, c.cost_usd,
        case when c.kind = 'file' then c.request_count else c.invocation_count end as run_count,
        0 as delegation_count
    from v_cost as c
    where c.kind in ('tool', 'mcp', 'skill', 'plugin', 'agent', 'file')
    union all
    select
        'agent', a.agent_name, 'subagent', a.session_id,
        cast(timezone((select b.timezone from store_build as b), timezone('UTC', a.assigned_at)) as date), null, 0, 1
    from fact_work_assignment as a
    where a.agent_name is not null
),
-- Not every delegation has a transcript, and a workflow starts several agents with one.
by_session as (
    select
        kind, name, detail, session_id,
        greatest(coalesce(sum(run_count), 0), sum(delegation_count)) as use_count,
        sum(cost_usd) as cost_usd,
        max(case when run_count > 0 or delegation_count > 0 then usage_date end) as last_used_date
    from parts
    where is_within(usage_date, cast(newest_action_at() as date) - cast(days as integer) + 1, null)
    group by kind, name, detail, session_id
),
used as (
    select
        kind, name, detail,
        sum(use_count) as use_count,
        count(*) filter (where use_count > 0) as session_count,
        sum(cost_usd) as cost_usd,
        max(last_used_date) as last_used_date
    from by_session
    group by kind, name, detail
)
select
    u.kind,
    u.name,
    u.detail,
    row_number() over (partition by u.kind order by u.use_count desc, u.name, u.detail nulls first) as rank_in_kind,
    cast(u.use_count as bigint) as use_count,
    cast(u.session_count as bigint) as session_count,
    u.cost_usd,
    v.success_ratio,
    u.last_used_date
from used as u
left join v_usage as v
    on v.used_name = u.name and v.usage_type = case u.kind when 'mcp' then 'mcp_server' else u.kind end
where u.use_count > 0
order by rank_in_kind, u.kind, u.name;

comment on macro table usage_of is 'usage_of(days := 30): the tools, MCP servers, skills, plugins, agents and files used in the last days of the store, with the dollars from cost_by(); session_count is the number of sessions that used it; rank_in_kind is 1 for the most used. success_ratio is over all time. Example: from usage_of(days := 90)';
