-- What do agents search for in vain?
select query_text, retrieved_with, miss_count, session_count, followed_by_find_count
from {{ ref('v_retrieval_miss') }}
order by miss_count desc
limit 20
