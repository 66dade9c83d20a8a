select
    comparison,
    cast(count(distinct session_id) as bigint) as session_count,
    sum(our_usd) as our_usd,
    sum(their_usd) as their_usd,
    sum(difference_usd) as difference_usd
from {{ ref('v_reconciliation') }}
group by comparison
