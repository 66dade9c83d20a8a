-- Are the dependencies of components up, and how often do they fail?
select dependency_name, dependency_type, status, availability_ratio, use_count, failure_count, component_count
from {{ ref('v_dependency_health') }}
order by failure_count desc, use_count desc
