{%- set spec = '{"kind": "VARCHAR", "name": "VARCHAR", "detail": "VARCHAR", "usage_date": "DATE",
    "project_name": "VARCHAR", "project_path": "VARCHAR", "first_called_at": "TIMESTAMP",
    "request_count": "BIGINT", "invocation_count": "BIGINT", "unpriced_response_count": "BIGINT",
    "entered_tokens": "BIGINT", "carried_tokens": "BIGINT", "output_tokens": "BIGINT",
    "total_tokens": "BIGINT", "entry_cost_usd": "DOUBLE", "carrying_cost_usd": "DOUBLE",
    "output_cost_usd": "DOUBLE", "web_search_cost_usd": "DOUBLE", "work_cost_usd": "DOUBLE",
    "cost_usd": "DOUBLE"}' -%}

-- A row kept by an earlier version may lack a column. Descriptions of a session come from its newest row.
with parsed as (
    select
        session_id,
        expired_at,
        {{ json_struct('row_json', spec) }} as p
    from {{ source('retention', 'expired_row') }}
    where relation = 'cost'
)

select
    parsed.p.kind,
    parsed.p.name,
    parsed.p.detail,
    parsed.p.usage_date,
    parsed.session_id,
    case when sessions.session_id is null then parsed.p.project_name else sessions.project_name end
        as project_name,
    case when sessions.session_id is null then parsed.p.project_path else sessions.project_path end
        as project_path,
    parsed.p.first_called_at,
    parsed.expired_at,
    coalesce(parsed.p.request_count, 0) as request_count,
    coalesce(parsed.p.invocation_count, 0) as invocation_count,
    coalesce(parsed.p.unpriced_response_count, 0) as unpriced_response_count,
    coalesce(parsed.p.entered_tokens, 0) as entered_tokens,
    coalesce(parsed.p.carried_tokens, 0) as carried_tokens,
    coalesce(parsed.p.output_tokens, 0) as output_tokens,
    coalesce(parsed.p.total_tokens, 0) as total_tokens,
    parsed.p.entry_cost_usd,
    parsed.p.carrying_cost_usd,
    parsed.p.output_cost_usd,
    parsed.p.web_search_cost_usd,
    parsed.p.work_cost_usd,
    parsed.p.cost_usd
from parsed
left join {{ ref('stg_retention__session') }} as sessions on sessions.session_id = parsed.session_id
