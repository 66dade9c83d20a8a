select
    file_id,
    file_path,
    cast(count(*) as bigint) as entry_count,
    cast(count(distinct session_id) as bigint) as session_count,
    cast(sum(tokens) as bigint) as entered_tokens,
    cast(sum(carried_tokens) as bigint) as carried_tokens,
    cast(max(requests_carried) as bigint) as most_requests_carried,
    sum(entry_cost_usd) as entry_cost_usd,
    sum(carrying_cost_usd) as carrying_cost_usd,
    sum(cost_usd) as cost_usd,
    max(entered_at) as last_entered_at
from {{ ref('fact_context_segment') }}
where file_id is not null
group by file_id, file_path
