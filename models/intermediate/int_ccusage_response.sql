{{ config(materialized='view') }}

select
    entries.ccusage_report,
    lines.response_id,
    count(*) as entry_count,
    sum(entries.total_tokens) as total_tokens,
    sum(entries.cost_usd) as cost_usd,
    bool_and(entries.is_known_model) as is_known_model
from {{ ref('int_ccusage_entry') }} as entries
inner join {{ ref('int_response_line') }} as lines on lines.line_id = entries.line_id
group by entries.ccusage_report, lines.response_id
