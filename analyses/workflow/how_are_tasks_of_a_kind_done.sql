-- Which sequences of tools do tasks of a type go through?
select task_type, tool_sequence, task_count, task_ratio
from {{ ref('v_tool_sequence') }}
where sequence_rank <= 3
order by task_type, sequence_rank
