{{ config(materialized='table') }}

-- What ccusage 20.0.24 counts in its `session` report, from the same lines: its filters, its key, its winner, its price.
-- Read off the released program with one- to three-line transcripts; the golden cases hold the findings.
with lines as (
    select
        lines.*,
        files.path,
        case
            when files.file_kind in ('subagent', 'workflow_agent')
                then coalesce({{ regex_group("files.path", "([^/]+)/(?:subagents/)?[^/]+$") }}, lines.session_id)
            else files.file_session_id
        end as ccusage_session_id,
        lines.usage.cache_creation.ephemeral_5m_input_tokens is not null
        or lines.usage.cache_creation.ephemeral_1h_input_tokens is not null as has_breakdown
    from {{ ref('stg_transcripts__line') }} as lines
    inner join {{ ref('stg_transcripts__file') }} as files on files.file_id = lines.file_id
    where
        lines.usage is not null
        and lines.line_type = 'assistant'
        and lines.ccusage_skip_reason is null
        and not lines.is_nested
        and lines.usage.input_tokens is not null
        and lines.usage.output_tokens is not null
        and lines.created_at is not null
        -- The event stream has no `timestamp`, without which ccusage reads no line.
        and not lines.is_event_stream
        and coalesce(lines.model_raw, 'x') <> ''
        and regexp_matches(coalesce(lines.client_version, '0.0.0'), '^[0-9]+[.][0-9]+[.][0-9]+')
),

tokens as (
    select
        file_id,
        line_number,
        part_number,
        path,
        message_id,
        model_raw,
        coalesce(request_id, session_id) as request_key,
        is_sidechain,
        reported_cost_usd,
        usage.speed as speed,
        {{ normalized_model("coalesce(model_raw, '')") }} as model_name,
        usage.input_tokens as input_tokens,
        usage.output_tokens as output_tokens,
        coalesce(usage.cache_read_input_tokens, 0) as cache_read_tokens,
        case
            when has_breakdown then coalesce(usage.cache_creation.ephemeral_5m_input_tokens, 0)
            else coalesce(usage.cache_creation_input_tokens, 0)
        end as cache_write_5m_tokens,
        case when has_breakdown then coalesce(usage.cache_creation.ephemeral_1h_input_tokens, 0) else 0 end as cache_write_1h_tokens
    from lines
),

ranked as (
    select
        *,
        row_number() over (
            partition by
                coalesce(message_id, path || ':' || line_number), case when message_id is null then '' else request_key end
            order by
                is_sidechain,
                input_tokens + output_tokens + cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens desc,
                speed is null,
                path,
                line_number
        ) as winner_rank
    from tokens
),

prices as (
    select
        base.model_name,
        base.input_usd_per_mtok,
        base.output_usd_per_mtok,
        base.cache_read_usd_per_mtok,
        base.cache_write_5m_usd_per_mtok,
        coalesce(long.input_usd_per_mtok, base.input_usd_per_mtok) as long_input_usd_per_mtok,
        coalesce(long.output_usd_per_mtok, base.output_usd_per_mtok) as long_output_usd_per_mtok,
        coalesce(long.cache_read_usd_per_mtok, base.cache_read_usd_per_mtok) as long_cache_read_usd_per_mtok,
        coalesce(long.cache_write_5m_usd_per_mtok, base.cache_write_5m_usd_per_mtok) as long_cache_write_5m_usd_per_mtok
    from {{ ref('model_prices') }} as base
    left join {{ ref('model_prices') }} as long
        on long.model_name = base.model_name and long.speed = 'standard' and long.valid_to is null
        and long.prompt_tokens_above = 200000
    where
        base.speed = 'standard' and base.valid_to is null and base.prompt_tokens_above = 0
        -- Models that its embedded list of September 2026 does not know: it counts their tokens at no dollars.
        and base.model_name not in ('claude-opus-5-5', 'claude-sonnet-5-5', 'claude-haiku-5-5', 'claude-fable-5-2', 'claude-mythos-5-2')
)

select
    ranked.file_id,
    ranked.line_number,
    ranked.part_number,
    ranked.message_id,
    ranked.model_name,
    coalesce(
        ranked.reported_cost_usd,
        (
            {{ ccusage_tier('ranked.input_tokens', 'prices.input_usd_per_mtok', 'prices.long_input_usd_per_mtok') }}
            + {{ ccusage_tier('ranked.output_tokens', 'prices.output_usd_per_mtok', 'prices.long_output_usd_per_mtok') }}
            + {{ ccusage_tier('ranked.cache_read_tokens', 'prices.cache_read_usd_per_mtok', 'prices.long_cache_read_usd_per_mtok') }}
            + {{ ccusage_tier(
                'ranked.cache_write_5m_tokens', 'prices.cache_write_5m_usd_per_mtok', 'prices.long_cache_write_5m_usd_per_mtok'
            ) }}
            + {{ ccusage_tier('ranked.cache_write_1h_tokens', '2 * prices.input_usd_per_mtok', '2 * prices.long_input_usd_per_mtok') }}
        )
        * case
            when coalesce(ranked.speed, '') <> 'fast' then 1
            when ranked.model_name in ('claude-opus-4-6', 'claude-opus-4-7') then 6
            when ranked.model_name in ('claude-opus-4-8', 'claude-opus-5') then 2
            else 1
        end,
        0
    ) as cost_usd,
    prices.model_name is not null as is_known_model
from ranked
left join prices on prices.model_name = ranked.model_name
where ranked.winner_rank = 1
