with windows as (
    select * from {{ ref('context_windows') }}
)

select
    {{ surrogate_key(['model_name', 'effective_date']) }} as window_id,
    {{ surrogate_key(['model_name']) }} as model_id,
    effective_date,
    model_name,
    max_tokens,
    max_output_tokens,
    beta_max_tokens
from windows
