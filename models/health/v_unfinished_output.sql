select
    coalesce(sessions.last_client_version, 'unknown') as client_version,
    calls.agent_run_id is not null as is_subagent,
    cast(count(*) as bigint) as response_count,
    cast(count(*) filter (where not calls.is_output_final) as bigint) as unfinished_count,
    count(*) filter (where not calls.is_output_final) / count(*) as unfinished_ratio,
    cast(coalesce(sum(calls.output_tokens) filter (where not calls.is_output_final), 0) as bigint)
        as lower_bound_output_tokens
from {{ ref('fact_api_call') }} as calls
inner join {{ ref('dim_session') }} as sessions on sessions.session_id = calls.session_id
where calls.success
group by all
having count(*) filter (where not calls.is_output_final) > 0
