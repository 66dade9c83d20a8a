{{ config(materialized='incremental', incremental_strategy='replace_touched') }}

-- What ccusage 20.0.24 counts from the same lines, in its `session` and `daily` reports: its filters, its
-- keys, its choice among copies, its prices. Derived from the behaviour of the released program on
-- transcripts of one to three lines; the golden cases record the findings. `daily` also counts responses
-- nested in progress lines, counts the replay of a side question once, and merges lines without a request id
-- into one response only if their times are equal. A message counts once however many sessions contain it:
-- such sessions are always touched together.
with touched as {{ touched_sessions() }},

glued as (
    -- Two objects on a line: its parser rejects both.
    select distinct file_id, line_number
    from {{ ref('stg_transcripts__line') }}
    where part_number > 0
),

lines as (
    select
        lines.*,
        touched._batch_id as touched_batch_id,
        files.path,
        lines.usage.cache_creation.ephemeral_5m_input_tokens is not null
        or lines.usage.cache_creation.ephemeral_1h_input_tokens is not null as has_breakdown
    from {{ ref('stg_transcripts__line') }} as lines
    inner join touched on touched.session_id = lines.session_id
    inner join {{ ref('stg_transcripts__file') }} as files on files.file_id = lines.file_id
    left join glued on glued.file_id = lines.file_id and glued.line_number = lines.line_number
    where
        glued.file_id is null
        and lines.usage is not null
        and lines.line_type = 'assistant'
        and lines.ccusage_skip_reason is null
        and lines.usage.input_tokens is not null
        and lines.usage.output_tokens is not null
        and lines.created_at is not null
        -- The event stream has no `timestamp`, without which ccusage ignores a line.
        and not lines.is_event_stream
        and coalesce(lines.model_raw, 'x') <> ''
        and regexp_matches(coalesce(lines.client_version, '0.0.0'), '^[0-9]+[.][0-9]+[.][0-9]+')
),

tokens as (
    select
        line_id,
        line_number,
        path,
        message_id,
        request_id,
        session_id,
        created_at,
        is_nested,
        -- Nested lines have no side-chain mark: ccusage assigns them to the main thread.
        is_sidechain and not is_nested as is_sidechain,
        reported_cost_usd,
        usage.speed as speed,
        {{ normalized_model("coalesce(model_raw, '')") }} as model_name,
        usage.input_tokens as input_tokens,
        usage.output_tokens as output_tokens,
        coalesce(usage.cache_read_input_tokens, 0) as cache_read_tokens,
        touched_batch_id,
        case
            when has_breakdown then coalesce(usage.cache_creation.ephemeral_5m_input_tokens, 0)
            else coalesce(usage.cache_creation_input_tokens, 0)
        end as cache_write_5m_tokens,
        case when has_breakdown then coalesce(usage.cache_creation.ephemeral_1h_input_tokens, 0) else 0 end
            as cache_write_1h_tokens
    from lines
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
        coalesce(long.cache_write_5m_usd_per_mtok, base.cache_write_5m_usd_per_mtok)
            as long_cache_write_5m_usd_per_mtok
    from {{ ref('model_prices') }} as base
    left join {{ ref('model_prices') }} as long
        on long.model_name = base.model_name and long.speed = 'standard' and long.valid_to is null
        and long.prompt_tokens_above = 200000
    where
        base.speed = 'standard' and base.valid_to is null and base.prompt_tokens_above = 0
        -- Models missing from its embedded list of September 2026 are counted at no dollars.
        and base.model_name not in (
            'claude-opus-5-5', 'claude-sonnet-5-5', 'claude-haiku-5-5', 'claude-fable-5-2',
            'claude-mythos-5-2'
        )
),

priced as (
    select
        tokens.*,
        tokens.input_tokens + tokens.output_tokens + tokens.cache_read_tokens + tokens.cache_write_5m_tokens
        + tokens.cache_write_1h_tokens as total_tokens,
        coalesce(
            tokens.reported_cost_usd,
            (
                {{ ccusage_tier(
                    'tokens.input_tokens', 'prices.input_usd_per_mtok', 'prices.long_input_usd_per_mtok'
                ) }}
                + {{ ccusage_tier(
                    'tokens.output_tokens', 'prices.output_usd_per_mtok', 'prices.long_output_usd_per_mtok'
                ) }}
                + {{ ccusage_tier(
                    'tokens.cache_read_tokens', 'prices.cache_read_usd_per_mtok',
                    'prices.long_cache_read_usd_per_mtok'
                ) }}
                + {{ ccusage_tier(
                    'tokens.cache_write_5m_tokens', 'prices.cache_write_5m_usd_per_mtok',
                    'prices.long_cache_write_5m_usd_per_mtok'
                ) }}
                + {{ ccusage_tier(
                    'tokens.cache_write_1h_tokens', '2 * prices.input_usd_per_mtok',
                    '2 * prices.long_input_usd_per_mtok'
                ) }}
            )
            * case
                when coalesce(tokens.speed, '') <> 'fast' then 1
                when tokens.model_name in ('claude-opus-4-6', 'claude-opus-4-7') then 6
                when tokens.model_name in ('claude-opus-4-8', 'claude-opus-5') then 2
                else 1
            end,
            0
        ) as cost_usd,
        prices.model_name is not null as is_known_model
    from tokens
    left join prices on prices.model_name = tokens.model_name
),

-- How a message was requested: if the main thread requested it, side-chain requests are replays.
requests as (
    select
        message_id,
        request_id,
        bool_and(is_sidechain) as is_only_side
    from priced
    where request_id is not null
    group by message_id, request_id
),

messages as (
    select
        message_id,
        bool_and(is_only_side) as is_only_side
    from requests
    group by message_id
),

keyed as (
    select
        'session' as ccusage_report,
        priced.*,
        coalesce(message_id, path || ':' || line_number) as message_key,
        case when message_id is null then '' else coalesce(request_id, session_id) end as request_key,
        0.0 as tie_break_usd
    from priced
    where not is_nested
    union all
    select
        'daily' as ccusage_report,
        priced.*,
        coalesce(priced.message_id, priced.path || ':' || priced.line_number) as message_key,
        case
            when priced.message_id is null then ''
            when priced.request_id is null
                then {{ surrogate_key(['priced.session_id', 'priced.created_at']) }}
            when messages.is_only_side then 'side chain'
            else priced.request_id
        end as request_key,
        priced.cost_usd as tie_break_usd
    from priced
    left join requests on requests.message_id = priced.message_id and requests.request_id = priced.request_id
    left join messages on messages.message_id = priced.message_id
    where not (coalesce(requests.is_only_side, false) and not coalesce(messages.is_only_side, true))
),

ranked as (
    select
        *,
        row_number() over (
            partition by ccusage_report, message_key, request_key
            order by
                is_sidechain, total_tokens desc, tie_break_usd desc, speed is null, path, line_number, line_id
        ) as winner_rank
    from keyed
)

select
    ccusage_report,
    line_id,
    session_id,
    message_id,
    model_name,
    cast(total_tokens as bigint) as total_tokens,
    cost_usd,
    is_known_model,
    touched_batch_id as _batch_id
from ranked
where winner_rank = 1
