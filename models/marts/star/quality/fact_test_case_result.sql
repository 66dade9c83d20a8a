select
    results.test_result_id as result_id,
    results.check_run_id as run_id,
    {{ test_case_id('sessions.project_path', 'results') }} as test_case_id,
    results.session_id,
    actors.agent_id,
    actors.agent_run_id,
    runs.turn_id as prompt_id,
    runs.turn_id as task_id,
    runs.tool_use_id as invocation_id,
    runs.ran_at,
    results.check_name as framework,
    results.outcome,
    'observed' as provenance,
    runs.source_path as _source_path,
    runs.source_line as _source_line,
    results._batch_id
from {{ ref('int_test_result') }} as results
inner join {{ ref('int_check_run') }} as runs on runs.check_run_id = results.check_run_id
inner join {{ ref('int_session') }} as sessions on sessions.session_id = results.session_id
inner join {{ ref('int_actor') }} as actors
    on actors.session_id = runs.session_id and actors.actor = runs.actor
