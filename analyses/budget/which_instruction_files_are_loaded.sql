-- Which instruction files enter the context, and why are they loaded?
select
    file_path,
    memory_type,
    load_reason,
    count(*) as load_count,
    count(distinct session_id) as session_count
from {{ ref('fact_instruction_load') }}
group by file_path, memory_type, load_reason
order by load_count desc, file_path, load_reason
