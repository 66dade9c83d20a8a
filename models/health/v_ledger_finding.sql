-- How much of the ledger is measured per client version. A session counts for the version of its last line.
{%- set methods = ['direct', 'proportional', 'estimated'] %}
with segments as (
    select
        coalesce(sessions.last_client_version, 'unknown') as client_version,
        segments.session_id,
        segments.allocation_method,
        segments.item_kind,
        segments.is_disagreeing,
        segments.carried_tokens + segments.tokens as sent_tokens
    from {{ ref('fact_context_segment') }} as segments
    inner join {{ ref('dim_session') }} as sessions on sessions.session_id = segments.session_id
)

select
    client_version,
    cast(count(distinct session_id) as bigint) as session_count,
    cast(count(*) as bigint) as segment_count,
    cast(sum(sent_tokens) as bigint) as sent_tokens,
    {%- for method in methods %}
        coalesce(
            sum(sent_tokens) filter (where allocation_method = '{{ method }}') / nullif(sum(sent_tokens), 0),
            0
        ) as {{ method }}_ratio,
    {%- endfor %}
    coalesce(sum(sent_tokens) filter (where item_kind = 'unlogged') / nullif(sum(sent_tokens), 0), 0)
        as unlogged_ratio,
    cast(count(*) filter (where is_disagreeing) as bigint) as disagreeing_segment_count,
    cast(coalesce(sum(sent_tokens) filter (where is_disagreeing), 0) as bigint) as disagreeing_tokens
from segments
group by client_version
