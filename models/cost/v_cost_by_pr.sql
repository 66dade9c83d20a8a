{{ config(materialized='view') }}

-- A call belongs to the next pull request that its session names, after the last one to the last.
with links as (
    select
        session_id,
        target_path as pr_url,
        event_at,
        lag(event_at) over (partition by session_id order by event_at, event_id) as previous_event_at,
        lead(event_at) over (partition by session_id order by event_at, event_id) as next_event_at
    from {{ ref('fact_session_event') }}
    where event_type = 'pull_request' and event_at is not null
)

select
    links.pr_url,
    min(links.event_at) as first_linked_at,
    {{ cost_measures('calls') }}
from links
inner join {{ ref('fact_api_call') }} as calls
    on calls.session_id = links.session_id
    and (links.previous_event_at is null or calls.called_at > links.previous_event_at)
    and (links.next_event_at is null or calls.called_at <= links.event_at)
group by links.pr_url
