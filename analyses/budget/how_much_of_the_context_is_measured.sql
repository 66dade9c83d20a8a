-- How much of the context ledger is measured, per client version?
select
    client_version, session_count, sent_tokens, direct_ratio, proportional_ratio, estimated_ratio,
    unlogged_ratio
from {{ ref('v_ledger_finding') }}
order by sent_tokens desc
