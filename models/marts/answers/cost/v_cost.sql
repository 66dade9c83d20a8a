{{ config(materialized='table') }}

-- Cost by anything: what every command, `cost_by` and the v_cost_ views add up. Sessions and days are in the
-- grain, so both can be counted over any time; whatever else is counted belongs to one of them.
{%- set spent_kinds = {
    'session': {'name': 'session_id', 'detail': 'session_title', 'invocations': 'null'},
    'model': {'name': 'model_name', 'detail': 'provider', 'invocations': 'null'},
    'branch': {'name': 'git_branch', 'detail': 'project_name', 'invocations': 'null'},
    'agent': {
        'name': "case when agent_type = 'main' then 'main agent' else agent_name end", 'detail': 'agent_type',
        'invocations': 'agent_run_count'
    },
    'task-type': {'name': 'task_type', 'detail': 'null', 'invocations': 'task_count'},
} %}
{%- set attributed_kinds = {
    'component': {'name': 'component_name', 'detail': 'component_type', 'condition': 'true'},
    'tool': {'name': 'component_name', 'detail': 'null', 'condition': "component_type = 'tool'"},
    'mcp': {'name': 'mcp_server', 'detail': 'null', 'condition': 'mcp_server is not null'},
    'skill': {
        'name': 'component_name', 'detail': 'null', 'condition': "component_type in ('skill', 'command')"
    },
    'plugin': {'name': 'plugin_name', 'detail': 'null', 'condition': 'plugin_name is not null'},
} %}
{%- set spent_measures = [
    'inference_count', 'unpriced_inference_count', 'uncached_input_tokens', 'cache_read_tokens',
    'cache_write_5m_tokens',
    'cache_write_1h_tokens', 'output_tokens', 'total_tokens', 'web_search_count', 'unpriced_response_count',
    'cache_miss_count', 'missed_tokens', 'web_search_cost_usd', 'rebilled_cost_usd', 'miss_extra_cost_usd',
    'cache_saved_usd',
    'cost_usd'
] %}
with spent as (
    {%- for kind, parts in spent_kinds.items() %}
        select
            '{{ kind }}' as kind,
            {{ parts.name }} as name,
            {{ parts.detail }} as detail,
            usage_date,
            session_id,
            min(first_called_at) as first_called_at,
            sum(response_count) as request_count,
            sum({{ parts.invocations }}) as invocation_count,
        {%- for measure in spent_measures %}
            sum({{ measure }}) as {{ measure }}{{ ',' if not loop.last }}
        {%- endfor %}
        from {{ ref('v_spending') }}
        -- A call that failed has no model.
        {{ "where model_name <> 'none'" if kind == 'model' }}
        group by all
        {{ 'union all' if not loop.last }}
    {%- endfor %}
),

entries as (
    select
        call_id,
        component_id,
        sum(tokens) as entered_tokens,
        sum(entry_cost_usd) as entry_cost_usd
    from {{ ref('fact_context_segment') }}
    where call_id is not null
    group by call_id, component_id
),

carried as (
    select distinct session_id, component_id from {{ ref('fact_context_segment') }}
),

usage as (
    select
        usage.session_id,
        usage.call_id,
        usage.measured_at,
        components.component_type,
        components.component_name,
        components.plugin_name,
        {{ mcp_server('components.component_type', 'components.component_name') }} as mcp_server,
        entries.entered_tokens,
        usage.input_tokens as carried_tokens,
        usage.output_tokens,
        -- What was billed and not carried, entered: also what never was a segment, the input of a request
        -- outside of any thread and of an adviser.
        case
            when carried.session_id is null then usage.input_cost_usd
            else coalesce(entries.entry_cost_usd, 0)
        end as entry_cost_usd,
        case
            when carried.session_id is null then 0
            else usage.input_cost_usd - coalesce(entries.entry_cost_usd, 0)
        end as carrying_cost_usd,
        usage.output_cost_usd,
        usage.fee_usd as web_search_cost_usd,
        usage.cost_usd,
        0 as invocation_count,
        cast(null as double) as work_cost_usd
    from {{ ref('fact_token_usage') }} as usage
    inner join {{ ref('dim_component') }} as components on components.component_id = usage.component_id
    left join entries on entries.call_id = usage.call_id and entries.component_id = usage.component_id
    left join carried on carried.session_id = usage.session_id and carried.component_id = usage.component_id
),

files as (
    select
        session_id,
        call_id,
        entered_at as measured_at,
        file_path,
        {{ is_skill_file('item_kind', 'component_name', 'file_path') }} as is_skill_file,
        tokens as entered_tokens,
        tokens + carried_tokens as carried_tokens,
        entry_cost_usd,
        carrying_cost_usd,
        cost_usd
    from {{ ref('fact_context_segment') }}
    where file_id is not null
),

skill_runs as (
    select
        runs.session_id,
        runs.invoked_at as measured_at,
        runs.skill_name,
        components.plugin_name,
        runs.cost_usd as work_cost_usd
    from {{ ref('fact_skill_invocation') }} as runs
    left join {{ ref('dim_component') }} as components on components.component_id = runs.component_id
),

causes as (
    {%- for kind, parts in attributed_kinds.items() %}
        select
            '{{ kind }}' as kind,
            {{ parts.name }} as name,
            {{ parts.detail }} as detail,
            usage.* exclude (component_type, component_name, plugin_name, mcp_server)
        from usage
        where {{ parts.condition }}
        union all by name
    {%- endfor %}
    select
        'skill' as kind,
        {{ skill_of_file('file_path') }} as name,
        files.* exclude (file_path, is_skill_file)
    from files
    where is_skill_file
    union all by name
    select 'file' as kind, file_path as name, files.* exclude (file_path, is_skill_file)
    from files
    union all by name
    -- What was done under a skill is other cost of the same calls: nothing to add to what its text costs.
    select 'skill' as kind, skill_name as name, session_id, measured_at, 1 as invocation_count, work_cost_usd
    from skill_runs
    union all by name
    select
        'plugin' as kind,
        plugin_name as name,
        session_id,
        measured_at,
        1 as invocation_count,
        work_cost_usd
    from skill_runs
    where plugin_name is not null
    union all by name
    select 'tool' as kind, tool_name as name, session_id, invoked_at as measured_at, 1 as invocation_count
    from {{ ref('fact_tool_invocation') }}
    union all by name
    select 'mcp' as kind, mcp_server as name, session_id, invoked_at as measured_at, 1 as invocation_count
    from {{ ref('fact_tool_invocation') }}
    where mcp_server is not null
),

attributed as (
    select
        kind,
        name,
        detail,
        cast({{ local_time('measured_at') }} as date) as usage_date,
        session_id,
        min(measured_at) filter (where call_id is not null) as first_called_at,
        count(distinct call_id) as request_count,
        coalesce(sum(invocation_count), 0) as invocation_count,
        coalesce(sum(entered_tokens), 0) as entered_tokens,
        coalesce(sum(carried_tokens), 0) as carried_tokens,
        coalesce(sum(output_tokens), 0) as output_tokens,
        coalesce(sum(carried_tokens), 0) + coalesce(sum(output_tokens), 0) as total_tokens,
        0 as unpriced_response_count,
        sum(entry_cost_usd) as entry_cost_usd,
        sum(carrying_cost_usd) as carrying_cost_usd,
        sum(output_cost_usd) as output_cost_usd,
        sum(web_search_cost_usd) as web_search_cost_usd,
        sum(work_cost_usd) as work_cost_usd,
        sum(cost_usd) as cost_usd
    from causes
    group by all
),

everything as (
    select * from spent
    union all by name
    select * from attributed
)

select
    everything.kind,
    everything.name,
    everything.detail,
    everything.usage_date,
    everything.session_id,
    sessions.project_name,
    sessions.project_path,
    everything.first_called_at,
    cast(everything.request_count as bigint) as request_count,
    cast(everything.invocation_count as bigint) as invocation_count,
    cast(everything.inference_count as bigint) as inference_count,
    cast(everything.unpriced_response_count as bigint) as unpriced_response_count,
    cast(everything.unpriced_inference_count as bigint) as unpriced_inference_count,
    cast(everything.web_search_count as bigint) as web_search_count,
    cast(everything.cache_miss_count as bigint) as cache_miss_count,
    cast(everything.uncached_input_tokens as bigint) as uncached_input_tokens,
    cast(everything.cache_read_tokens as bigint) as cache_read_tokens,
    cast(everything.cache_write_5m_tokens as bigint) as cache_write_5m_tokens,
    cast(everything.cache_write_1h_tokens as bigint) as cache_write_1h_tokens,
    cast(everything.entered_tokens as bigint) as entered_tokens,
    cast(everything.carried_tokens as bigint) as carried_tokens,
    cast(everything.output_tokens as bigint) as output_tokens,
    cast(everything.total_tokens as bigint) as total_tokens,
    cast(everything.missed_tokens as bigint) as missed_tokens,
    everything.entry_cost_usd,
    everything.carrying_cost_usd,
    everything.output_cost_usd,
    everything.web_search_cost_usd,
    everything.rebilled_cost_usd,
    everything.miss_extra_cost_usd,
    everything.cache_saved_usd,
    everything.work_cost_usd,
    everything.cost_usd
from everything
inner join {{ ref('dim_session') }} as sessions on sessions.session_id = everything.session_id
