{#- Branches that many sessions share: a pull request from one of them says nothing about who worked on it. #}
{%- set shared_branches = var('shared_branches', [
    'main', 'master', 'trunk', 'develop', 'development', 'dev', 'staging', 'production', 'release', 'gh-pages'
]) %}

-- A call on the branch of a pull request belongs to it, whichever session of the project made it. Other calls
-- belong to the next pull request that their session names; those after the last one belong to the last one.
-- No call counts for two.
with calls as (
    select calls.*, models.model_name, sessions.project_path, {{ active_seconds('calls') }} as active_seconds
    from {{ ref('fact_api_call') }} as calls
    left join {{ ref('dim_model') }} as models on models.model_id = calls.model_id
    inner join {{ ref('dim_session') }} as sessions on sessions.session_id = calls.session_id
    where calls.called_at is not null
),

events as (
    select
        links.event_id,
        links.session_id,
        links.target_path as pr_url,
        links.event_at,
        links.provenance,
        coalesce(
            nullif(links.git_branch, 'HEAD'),
            max_by(calls.git_branch, (calls.called_at, calls.call_id)) filter (
                where calls.git_branch <> 'HEAD' and calls.called_at <= links.event_at
            )
        ) as git_branch,
        max(calls.project_path) as project_path
    from {{ ref('fact_session_event') }} as links
    left join calls on calls.session_id = links.session_id
    where links.event_type = 'pull_request' and links.event_at is not null
    group by
        links.event_id, links.session_id, links.target_path, links.event_at, links.provenance,
        links.git_branch
),

pull_requests as (
    select
        pr_url,
        min(event_at) as first_linked_at,
        min_by(git_branch, (event_at, event_id)) as git_branch,
        min(provenance) as provenance
    from events
    group by pr_url
),

branches as (
    select
        project_path,
        git_branch,
        pr_url,
        min(event_at) as event_at
    from events
    where
        git_branch not in (
            {%- for branch in shared_branches %}
                '{{ branch }}'{{ ',' if not loop.last }}
            {%- endfor %}
        )
    group by project_path, git_branch, pr_url
),

branch_spans as (
    select
        *,
        lag(event_at) over (partition by project_path, git_branch order by event_at, pr_url)
            as previous_event_at,
        lead(event_at) over (partition by project_path, git_branch order by event_at, pr_url) as next_event_at
    from branches
),

session_spans as (
    select
        *,
        lag(event_at) over (partition by session_id order by event_at, event_id) as previous_event_at,
        lead(event_at) over (partition by session_id order by event_at, event_id) as next_event_at
    from events
),

matches as (
    select calls.call_id, spans.pr_url, 1 as match_order
    from branch_spans as spans
    inner join calls
        on calls.project_path = spans.project_path and calls.git_branch = spans.git_branch
        and (spans.previous_event_at is null or calls.called_at > spans.previous_event_at)
        and (spans.next_event_at is null or calls.called_at <= spans.event_at)
    union all
    select calls.call_id, spans.pr_url, 2 as match_order
    from session_spans as spans
    inner join calls
        on calls.session_id = spans.session_id
        and (spans.previous_event_at is null or calls.called_at > spans.previous_event_at)
        and (spans.next_event_at is null or calls.called_at <= spans.event_at)
),

assigned as (
    select call_id, min_by(pr_url, (match_order, pr_url)) as pr_url
    from matches
    group by call_id
),

model_lists as (
    select pr_url, list(model_name order by cost_usd desc nulls last, model_name) as model_names
    from (
        select assigned.pr_url, calls.model_name, sum(calls.cost_usd) as cost_usd
        from assigned
        inner join calls on calls.call_id = assigned.call_id
        where calls.model_name is not null
        group by assigned.pr_url, calls.model_name
    ) as spent
    group by pr_url
)

select
    pull_requests.pr_url,
    pull_requests.git_branch,
    pull_requests.first_linked_at,
    min(calls.called_at) as first_called_at,
    max(calls.called_at) as last_called_at,
    pull_requests.provenance,
    model_lists.model_names,
    cast(sum(calls.active_seconds) as double) as active_seconds,
    {{ cost_measures('calls') }}
from pull_requests
inner join assigned on assigned.pr_url = pull_requests.pr_url
left join model_lists on model_lists.pr_url = pull_requests.pr_url
inner join calls on calls.call_id = assigned.call_id
group by all
