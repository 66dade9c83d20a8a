-- The client's running totals: each such line gives one row per model; the last line has the session's
-- totals.
with lines as (
    select
        session_id,
        line_id,
        total_cost_usd,
        model_usage,
        _batch_id
    from {{ ref('stg_transcripts__line') }}
    where line_type = 'cost-state' and model_usage is not null
),

entries as (
    select
        lines.* exclude (model_usage),
        entry.key as model_raw,
        {{ json_struct('entry.value', '{"inputTokens": "BIGINT", "outputTokens": "BIGINT",
            "cacheReadInputTokens": "BIGINT", "cacheCreationInputTokens": "BIGINT",
            "cacheCreationEphemeral1hInputTokens": "BIGINT", "webSearchRequests": "BIGINT",
            "costUSD": "DOUBLE"}') }} as usage
    from lines, json_each(lines.model_usage) as entry
)

select
    session_id,
    line_id,
    model_raw,
    {{ normalized_model('model_raw') }} as model_name,
    total_cost_usd,
    coalesce({{ believable('usage.inputTokens') }}, 0) as uncached_input_tokens,
    coalesce({{ believable('usage.outputTokens') }}, 0) as output_tokens,
    coalesce({{ believable('usage.cacheReadInputTokens') }}, 0) as cache_read_tokens,
    coalesce({{ believable('usage.cacheCreationInputTokens') }}, 0) as cache_write_tokens,
    {{ believable('usage.cacheCreationEphemeral1hInputTokens') }} as cache_write_1h_tokens,
    coalesce({{ believable('usage.webSearchRequests') }}, 0) as web_search_count,
    coalesce({{ believable('usage.costUSD') }}, 0) as cost_usd,
    _batch_id
from entries
