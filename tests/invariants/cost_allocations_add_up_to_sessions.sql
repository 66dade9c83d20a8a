-- Per session and basis, the allocations add up to the session's cost: however the dollars are split, none is
-- lost and none is counted twice.
with bases as (
    select distinct basis
    from {{ ref('fact_cost_allocation') }}
),

expected as (
    select
        sessions.session_id,
        bases.basis,
        coalesce(sessions.cost_usd, 0) as cost_usd
    from {{ ref('fact_session') }} as sessions
    cross join bases
    where {{ only_touched('sessions.session_id in {sessions}') }}
),

allocated as (
    select
        session_id,
        basis,
        sum(cost_usd) as cost_usd
    from {{ ref('fact_cost_allocation') }}
    where {{ only_touched('session_id in {sessions}') }}
    group by all
)

select
    expected.session_id,
    expected.basis,
    expected.cost_usd,
    allocated.cost_usd as allocated_cost_usd
from expected
left join allocated on allocated.session_id = expected.session_id and allocated.basis = expected.basis
where {{ other_amount('expected.cost_usd', 'coalesce(allocated.cost_usd, 0)') }}
