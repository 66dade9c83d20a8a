-- Prompts that triggered safety flags
select p.prompted_at, p.prompt_text, r.safety_flags
from {{ ref('fact_response') }} as r
inner join {{ ref('fact_prompt') }} as p on p.prompt_id = r.prompt_id
where r.safety_flags is not null
    and r.safety_flags != ''
