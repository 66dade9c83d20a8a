with errors as (
    select
        tool_id,
        error_type,
        row_number() over (partition by tool_id order by count(*) desc, error_type) as error_rank
    from {{ ref('fact_tool_invocation') }}
    where status = 'error' and error_type is not null
    group by tool_id, error_type
)

select
    tools.tool_name,
    tools.tool_type,
    tools.tool_family,
    tools.mcp_server,
    cast(count(*) as bigint) as call_count,
    cast(count(*) filter (where calls.status = 'ok') as bigint) as ok_count,
    cast(count(*) filter (where calls.status = 'error') as bigint) as error_count,
    cast(count(*) filter (where calls.status = 'denied') as bigint) as denied_count,
    cast(count(*) filter (where calls.status = 'interrupted') as bigint) as interrupted_count,
    cast(count(*) filter (where calls.status = 'no_result') as bigint) as no_result_count,
    count(*) filter (where calls.status = 'error')
    / nullif(count(*) filter (where calls.status in ('ok', 'error')), 0) as error_ratio,
    errors.error_type as example_error_type,
    cast(median(calls.duration_ms) as bigint) as median_duration_ms,
    count(*) filter (where calls.duration_method = 'exact') / count(*) as exact_duration_ratio,
    cast(sum(calls.output_size_bytes) as bigint) as output_bytes,
    max(calls.invoked_at) as last_used_at
from {{ ref('fact_tool_invocation') }} as calls
inner join {{ ref('dim_tool') }} as tools on tools.tool_id = calls.tool_id
left join errors on errors.tool_id = calls.tool_id and errors.error_rank = 1
group by all
