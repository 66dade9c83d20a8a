-- A commit costs what its session spent since the previous commit. Spending after the last commit is left
-- out.
with commits as (
    select
        event_id,
        session_id,
        event_at,
        git_branch,
        provenance,
        {{ regex_group('metadata', '"sha":"([^"]+)"') }} as commit_sha,
        nullif(replace({{ regex_group('metadata', '"subject":"((?:[^"\\\\]|\\\\.)*)"') }}, '\"', '"'), '')
            as commit_subject,
        lag(event_at) over (partition by session_id order by event_at, event_id) as previous_event_at
    from {{ ref('fact_session_event') }}
    where event_type = 'commit' and event_at is not null
)

select
    commits.event_id,
    commits.commit_sha,
    commits.session_id,
    sessions.project_name,
    coalesce(nullif(commits.git_branch, 'HEAD'), sessions.git_branch) as git_branch,
    commits.event_at as committed_at,
    commits.commit_subject,
    commits.provenance,
    {{ cost_measures('calls') }}
from commits
inner join {{ ref('dim_session') }} as sessions on sessions.session_id = commits.session_id
left join {{ ref('fact_api_call') }} as calls
    on calls.session_id = commits.session_id and calls.called_at <= commits.event_at
    and (commits.previous_event_at is null or calls.called_at > commits.previous_event_at)
group by all
