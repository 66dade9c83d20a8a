{{ config(materialized='incremental', incremental_strategy='replace_touched') }}

-- A request counts once per name, so causes with several components, such as MCP servers with their tools,
-- are counted here.
{%- set attributed_kinds = {
    'component': {'name': 'component_name', 'detail': 'component_type', 'condition': 'true'},
    'tool': {'name': 'component_name', 'detail': 'null', 'condition': "component_type = 'tool'"},
    'mcp': {'name': 'mcp_server', 'detail': 'null', 'condition': 'mcp_server is not null'},
    'skill': {
        'name': 'component_name', 'detail': 'null', 'condition': "component_type in ('skill', 'command')"
    },
} %}
with touched as {{ touched_sessions() }},

segments as (
    select * from {{ touched_rows(ref('fact_context_segment')) }}
),

entries as (
    select
        call_id,
        component_id,
        sum(tokens) as entered_tokens,
        sum(entry_cost_usd) as entry_cost_usd
    from segments
    where call_id is not null
    group by call_id, component_id
),

carried as (
    select distinct session_id, component_id from segments
),

usage as (
    select
        usage.session_id,
        usage.call_id,
        usage.measured_at,
        components.component_type,
        components.component_name,
        {{ mcp_server('components.component_type', 'components.component_name') }} as mcp_server,
        entries.entered_tokens,
        usage.input_tokens as carried_tokens,
        usage.output_tokens,
        -- Everything that was billed and not carried counts as entry. This includes input that was never a
        -- segment: that of a request outside of any thread, and that of an adviser.
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
        usage.cost_usd
    from {{ touched_rows(ref('fact_token_usage')) }} as usage
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
    from segments
    where file_id is not null
),

invocations as (
    select
        session_id,
        invoked_at as measured_at,
        tool_name,
        mcp_server
    from {{ touched_rows(ref('fact_tool_invocation')) }}
),

causes as (
    {%- for kind, parts in attributed_kinds.items() %}
        select
            '{{ kind }}' as kind,
            {{ parts.name }} as name,
            {{ parts.detail }} as detail,
            usage.* exclude (component_type, component_name, mcp_server)
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
    -- The cost of the work under a skill overlaps with the cost of its text: never add them up.
    select
        'skill' as kind,
        skill_name as name,
        session_id,
        invoked_at as measured_at,
        1 as invocation_count,
        cost_usd as work_cost_usd
    from {{ touched_rows(ref('fact_skill_invocation')) }}
    union all by name
    select 'tool' as kind, tool_name as name, session_id, measured_at, 1 as invocation_count
    from invocations
    union all by name
    select 'mcp' as kind, mcp_server as name, session_id, measured_at, 1 as invocation_count
    from invocations
    where mcp_server is not null
)

select
    causes.kind,
    causes.name,
    causes.detail,
    cast({{ local_time('causes.measured_at') }} as date) as usage_date,
    causes.session_id,
    min(causes.measured_at) filter (where causes.call_id is not null) as first_called_at,
    cast(count(distinct causes.call_id) as bigint) as request_count,
    cast(coalesce(sum(causes.invocation_count), 0) as bigint) as invocation_count,
    cast(coalesce(sum(causes.entered_tokens), 0) as bigint) as entered_tokens,
    cast(coalesce(sum(causes.carried_tokens), 0) as bigint) as carried_tokens,
    cast(coalesce(sum(causes.output_tokens), 0) as bigint) as output_tokens,
    sum(causes.entry_cost_usd) as entry_cost_usd,
    sum(causes.carrying_cost_usd) as carrying_cost_usd,
    sum(causes.output_cost_usd) as output_cost_usd,
    sum(causes.web_search_cost_usd) as web_search_cost_usd,
    sum(causes.work_cost_usd) as work_cost_usd,
    sum(causes.cost_usd) as cost_usd,
    touched._batch_id
from causes
inner join touched on touched.session_id = causes.session_id
group by all
