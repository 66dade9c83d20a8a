-- Which tools does the client ask me about, how often do I refuse, and how long does the agent wait?
select
    tool_name,
    count(*) as question_count,
    count(*) filter (where outcome = 'denied') as denied_count,
    round(median(wait_ms) / 1000, 1) as median_wait_seconds,
    round(sum(wait_ms) / 60000, 1) as wait_minutes
from {{ ref('fact_permission_request') }}
group by tool_name
order by question_count desc, tool_name
