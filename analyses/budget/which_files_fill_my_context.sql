-- Which files fill my contexts, and which costs more: reading them or carrying them along?
select file_path, entry_count, session_count, entered_tokens, entry_cost_usd, carrying_cost_usd
from {{ ref('v_context_by_file') }}
order by cost_usd desc
limit 20
