-- Every session with a landed line is in dim_session and in fact_session: no use of an agent disappears
-- silently.
with landed as (
    select
        session_id,
        count(*) as line_count
    from {{ ref('stg_transcripts__line') }}
    where {{ only_touched('session_id in {sessions}') }}
    group by session_id
)

select
    landed.session_id,
    landed.line_count,
    sessions.session_id is null as is_missing_in_dim_session,
    facts.session_id is null as is_missing_in_fact_session
from landed
left join {{ ref('dim_session') }} as sessions on sessions.session_id = landed.session_id
left join {{ ref('fact_session') }} as facts on facts.session_id = landed.session_id
where sessions.session_id is null or facts.session_id is null
