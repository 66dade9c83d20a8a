{{ config(materialized='incremental', incremental_strategy='replace_touched') }}

{#- The API keeps a cache entry for five minutes or an hour, depending on how it was written. #}
{%- set cache_ttl_1h_seconds = var('cache_ttl_1h_seconds') %}

-- Requests that were billed again for tokens that the request before had in the cache. A compaction or a
-- rewind changes the prompt and is not a miss.
with touched as {{ touched_sessions() }},

responses as (
    select
        context.*,
        {{ cache_lifetime_seconds('context') }} as ttl_seconds,
        {{ ms_between('context.previous_started_at', 'context.started_at') }} / 1000.0 as gap_seconds,
        -- A request that read nothing shows no read price: the session's read price for that model is used.
        coalesce(
            nullif(context.read_usd_per_token, 0),
            max(context.read_usd_per_token) over (partition by context.session_id, context.model_name)
        ) as fair_read_usd_per_token,
        least(context.previously_cached_tokens, context.context_tokens) as cached_end
    from {{ ref('int_context_response') }} as context
    semi join touched on touched.session_id = context.session_id
),

misses as (
    select
        *,
        cached_end - cache_read_tokens as missed_tokens,
        greatest(least(cached_end, cache_read_tokens + cache_write_1h_tokens) - cache_read_tokens, 0)
            as rewritten_1h_tokens,
        greatest(
            least(cached_end, cache_read_tokens + cache_write_1h_tokens + cache_write_5m_tokens)
            - (cache_read_tokens + cache_write_1h_tokens), 0
        ) as rewritten_5m_tokens,
        greatest(cached_end - (cache_read_tokens + cache_write_1h_tokens + cache_write_5m_tokens), 0)
            as fresh_again_tokens
    from responses
    -- Less than the API's smallest cache entry is not a miss.
    where context_change = 'growth' and cached_end - cache_read_tokens >= {{ var('cache_miss_tokens', 1024) }}
),

priced as (
    select
        *,
        rewritten_1h_tokens * write_1h_usd_per_token + rewritten_5m_tokens * write_5m_usd_per_token
        + fresh_again_tokens * fresh_usd_per_token as rebilled_cost_usd
    from misses
)

select
    priced.response_id as call_id,
    priced.session_id,
    actors.agent_id,
    actors.agent_run_id,
    {{ surrogate_key(['priced.model_name']) }} as model_id,
    priced.started_at as missed_at,
    case
        when priced.cache_miss_reason is not null then priced.cache_miss_reason
        when priced.is_model_switch then 'model_switch'
        when priced.gap_seconds > priced.ttl_seconds
            then case priced.ttl_seconds
                when {{ cache_ttl_1h_seconds }} then 'expired_1h'
                else 'expired_5m'
            end
        -- No pause between the requests means that times were rewritten: it is not known whether the cache
        -- expired.
        when coalesce(priced.gap_seconds, 0) <= 0 then 'unknown'
        when priced.cache_read_tokens > 0 then 'changed_prefix'
        else 'unknown'
    end as cause,
    case when priced.cache_miss_reason is not null then 'logged' else 'inferred' end as cause_basis,
    case when priced.cache_miss_reason is not null then 'observed' else 'estimated' end as provenance,
    cast(priced.gap_seconds as double) as gap_seconds,
    cast(priced.ttl_seconds as bigint) as ttl_seconds,
    cast(priced.context_tokens as bigint) as context_tokens,
    cast(priced.cache_read_tokens as bigint) as cache_read_tokens,
    cast(priced.missed_tokens as bigint) as missed_tokens,
    cast(priced.rebilled_cost_usd as double) as rebilled_cost_usd,
    cast(
        greatest(priced.rebilled_cost_usd - priced.missed_tokens * priced.fair_read_usd_per_token, 0)
        as double
    ) as extra_cost_usd,
    calls.source_path as _source_path,
    calls.source_line as _source_line,
    touched._batch_id
from priced
inner join touched on touched.session_id = priced.session_id
inner join {{ ref('int_actor') }} as actors
    on actors.session_id = priced.session_id and actors.actor = priced.actor
inner join {{ ref('int_api_response') }} as calls on calls.response_id = priced.response_id
