{{ config(materialized='view') }}

-- The finest grain of what dollars are attributed to, by the context ledger: v_cost_by_skill, v_cost_by_tool,
-- v_cost_by_mcp_server and v_context_by_file are this, added up. `cost_by` in the published store does that for any time.
with usage as (
    select
        cast({{ local_time('usage.measured_at') }} as date) as usage_date,
        usage.session_id,
        usage.call_id,
        components.component_type,
        components.component_name,
        usage.input_tokens,
        usage.output_tokens,
        usage.cost_usd
    from {{ ref('fact_token_usage') }} as usage
    inner join {{ ref('dim_component') }} as components on components.component_id = usage.component_id
),

segments as (
    select
        cast({{ local_time('entered_at') }} as date) as usage_date,
        session_id,
        call_id,
        item_kind,
        component_name,
        file_path,
        tokens + carried_tokens as input_tokens,
        cost_usd
    from {{ ref('fact_context_segment') }}
    where file_id is not null
),

causes as (
    select
        'component' as cause_type,
        component_name as cause_name,
        component_type as detail,
        usage_date,
        session_id,
        call_id,
        input_tokens,
        output_tokens,
        cost_usd,
        0 as invocation_count,
        cast(null as double) as work_cost_usd
    from usage
    union all
    select 'tool', component_name, '', usage_date, session_id, call_id, input_tokens, output_tokens, cost_usd, 0, null
    from usage
    where component_type = 'tool'
    union all
    select
        'mcp', {{ mcp_server('component_type', 'component_name') }}, '', usage_date, session_id, call_id, input_tokens,
        output_tokens, cost_usd, 0, null
    from usage
    where {{ mcp_server('component_type', 'component_name') }} is not null
    union all
    select 'skill', component_name, '', usage_date, session_id, call_id, input_tokens, output_tokens, cost_usd, 0, null
    from usage
    where component_type in ('skill', 'command')
    union all
    select
        'skill', {{ skill_of_file('file_path') }}, '', usage_date, session_id, call_id, input_tokens, 0, cost_usd, 0, null
    from segments
    where {{ is_skill_file('item_kind', 'component_name', 'file_path') }}
    union all
    select 'file', file_path, '', usage_date, session_id, call_id, input_tokens, 0, cost_usd, 0, null
    from segments
    union all
    -- What was done under a skill is other cost of the same calls: nothing to add to what its text costs.
    select
        'skill', skill_name, '', cast({{ local_time('invoked_at') }} as date), session_id, null, 0, 0, null, 1, cost_usd
    from {{ ref('fact_skill_invocation') }}
    union all
    select 'tool', tools.tool_name, '', cast({{ local_time('calls.invoked_at') }} as date), calls.session_id, null, 0, 0, null, 1, null
    from {{ ref('fact_tool_invocation') }} as calls
    inner join {{ ref('dim_tool') }} as tools on tools.tool_id = calls.tool_id
    union all
    select
        'mcp', tools.mcp_server, '', cast({{ local_time('calls.invoked_at') }} as date), calls.session_id, null, 0, 0, null, 1, null
    from {{ ref('fact_tool_invocation') }} as calls
    inner join {{ ref('dim_tool') }} as tools on tools.tool_id = calls.tool_id
    where tools.mcp_server is not null
)

select
    causes.usage_date,
    causes.session_id,
    sessions.project_name,
    causes.cause_type,
    causes.cause_name,
    causes.detail,
    cast(count(distinct causes.call_id) as bigint) as request_count,
    cast(sum(causes.input_tokens) as bigint) as carried_tokens,
    cast(sum(causes.output_tokens) as bigint) as output_tokens,
    cast(sum(causes.invocation_count) as bigint) as invocation_count,
    sum(causes.cost_usd) as cost_usd,
    sum(causes.work_cost_usd) as work_cost_usd
from causes
inner join {{ ref('dim_session') }} as sessions on sessions.session_id = causes.session_id
group by all
