with calls as (
    select
        tool_name,
        max(mcp_server) as mcp_server,
        min(called_at) as first_used_at,
        max(called_at) as last_used_at
    from {{ ref('int_tool_call') }}
    group by tool_name
),

known as (
    select * from {{ ref('tool_types') }}
),

names as (
    select tool_name from calls
    union
    select tool_name from known
)

select
    {{ surrogate_key(['names.tool_name']) }} as tool_id,
    names.tool_name,
    calls.mcp_server,
    calls.first_used_at,
    calls.last_used_at,
    coalesce(known.tool_type, case when calls.mcp_server is not null then 'mcp' else 'custom' end)
        as tool_type,
    coalesce(known.tool_family, case when calls.mcp_server is not null then 'mcp' else 'other' end)
        as tool_family,
    {{ mcp_tool_of('names.tool_name') }} as mcp_tool,
    known.description,
    coalesce(known.is_read_only, false) as is_read_only,
    coalesce(known.is_bookkeeping, false) as is_bookkeeping
from names
left join calls on calls.tool_name = names.tool_name
left join known on known.tool_name = names.tool_name
