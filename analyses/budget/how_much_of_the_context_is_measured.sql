-- How much of what is said about contexts is measured, by version of the client?
select
    client_version, session_count, sent_tokens, direct_ratio, proportional_ratio, estimated_ratio,
    unlogged_ratio
from {{ ref('v_ledger_finding') }}
order by sent_tokens desc
