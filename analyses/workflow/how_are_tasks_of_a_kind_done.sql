-- Which ways through the tools do tasks of a kind take?
select task_type, tool_sequence, task_count, task_ratio
from {{ ref('v_tool_sequence') }}
where sequence_rank <= 3
order by task_type, sequence_rank
