{{ config(materialized='incremental', incremental_strategy='replace_touched') }}

{%- set ttl_5m = var('cache_ttl_5m_seconds') %}
{%- set ttl_1h = var('cache_ttl_1h_seconds') %}

-- Every request is replayed with its real pause. A request uses all of the cache that the one before it left,
-- and so extends its life: whether an entry has expired depends on the last pause alone.
with touched as {{ touched_sessions() }},

responses as (
    select
        context.*,
        coalesce(bases.base_tokens, 0) as base_tokens,
        {{ cache_lifetime_seconds('context') }} as ttl_seconds,
        {{ ms_between('context.previous_started_at', 'context.started_at') }} / 1000.0 as gap_seconds
    from {{ ref('int_context_response') }} as context
    semi join touched on touched.session_id = context.session_id
    left join {{ ref('int_thread_base') }} as bases on bases.thread_id = context.thread_id
),

-- Only a pause that outlasts one lifetime and not the other makes a difference.
judged as (
    select
        *,
        case
            when context_change = 'start' then false
            else coalesce(gap_seconds > {{ ttl_5m }} and gap_seconds <= {{ ttl_1h }}, false)
        end as is_between,
        least(previously_cached_tokens, context_tokens) as cached_end
    from responses
),

moved as (
    select
        *,
        -- Read within the hour: after five minutes it would have been written again.
        case when is_between and ttl_seconds = {{ ttl_1h }} then cache_read_tokens else 0 end as lost_tokens,
        -- Not read after five minutes: within the hour it would have been, and not written or sent again.
        case
            when is_between and ttl_seconds = {{ ttl_5m }} and context_change = 'growth'
                then greatest(cached_end - cache_read_tokens, 0)
            else 0
        end as kept_tokens
    from judged
),

split as (
    select
        *,
        least(kept_tokens, cache_write_5m_tokens + cache_write_1h_tokens) as kept_written_tokens,
        least(lost_tokens, base_tokens) as lost_base_tokens
    from moved
)

select
    split.response_id as call_id,
    split.session_id,
    actors.agent_id,
    actors.agent_run_id,
    split.context_change,
    split.is_between as is_replayed,
    cast(split.gap_seconds as double) as gap_seconds,
    cast(split.ttl_seconds as bigint) as ttl_seconds,
    cast(split.cache_read_tokens - split.lost_tokens + split.lost_base_tokens as bigint)
        as cache_read_tokens_if_5m,
    cast(
        split.cache_write_5m_tokens + split.cache_write_1h_tokens + split.lost_tokens - split.lost_base_tokens
        as bigint
    ) as cache_write_tokens_if_5m,
    cast(split.lost_base_tokens as bigint) as uncertain_tokens_if_5m,
    cast(split.cache_read_tokens + split.kept_tokens as bigint) as cache_read_tokens_if_1h,
    cast(split.cache_write_5m_tokens + split.cache_write_1h_tokens - split.kept_written_tokens as bigint)
        as cache_write_tokens_if_1h,
    cast(split.fresh_tokens - (split.kept_tokens - split.kept_written_tokens) as bigint)
        as uncached_input_tokens_if_1h,
    touched._batch_id
from split
inner join touched on touched.session_id = split.session_id
inner join {{ ref('int_actor') }} as actors
    on actors.session_id = split.session_id and actors.actor = split.actor
