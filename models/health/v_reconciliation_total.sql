with by_cause as (
    select
        comparison,
        cause,
        sum(difference_usd) as difference_usd
    from {{ ref('v_reconciliation') }}
    group by comparison, cause
),

causes as (
    select
        comparison,
        string_agg(
            replace(cause, '_', ' ') || case when difference_usd < 0 then ' -' else ' ' end
            || {{ dollars_text('abs(difference_usd)') }},
            ', '
            order by abs(round(difference_usd, 6)) desc, cause
        ) as causes
    from by_cause
    where abs(difference_usd) >= 0.005
    group by comparison
)

select
    reconciliation.comparison,
    causes.causes,
    cast(count(distinct reconciliation.session_id) as bigint) as session_count,
    sum(reconciliation.our_usd) as our_usd,
    sum(reconciliation.their_usd) as their_usd,
    sum(reconciliation.difference_usd) as difference_usd
from {{ ref('v_reconciliation') }} as reconciliation
left join causes on causes.comparison = reconciliation.comparison
group by reconciliation.comparison, causes.causes
