-- depends_on: {{ ref('cause_groups') }}
{{ config(materialized='incremental', incremental_strategy='replace_touched') }}

-- A request whose context exceeds a limit pays a higher price for all its tokens. Without a part of the
-- context it may stay below the limit: then the other tokens become cheaper too.
with touched as {{ touched_sessions() }},

prices as (
    select * from {{ ref('dim_model_price') }}
),

answers as (
    select
        inferences.*,
        cast(coalesce(inferences.started_at, timestamp '2024-01-01 00:00:00') as date) as priced_on
    from {{ ref('int_inference') }} as inferences
    semi join touched on touched.session_id = inferences.session_id
    semi join prices
        on prices.model_name = inferences.model_name and prices.speed = inferences.speed
        and prices.prompt_tokens_above > 0 and prices.prompt_tokens_above < inferences.context_tokens
    where inferences.is_answer and inferences.is_priced
),

-- The prices that applied: those of the highest limit that the context exceeds.
billed as (
    select
        answers.*,
        prices.prompt_tokens_above,
        prices.input_usd_per_mtok,
        prices.cache_write_5m_usd_per_mtok,
        prices.cache_write_1h_usd_per_mtok,
        prices.cache_read_usd_per_mtok,
        prices.output_usd_per_mtok
    from answers
    inner join prices
        on prices.model_name = answers.model_name and prices.speed = answers.speed
        and prices.valid_from <= answers.priced_on
        and (prices.valid_to is null or prices.valid_to > answers.priced_on)
        and prices.prompt_tokens_above > 0 and prices.prompt_tokens_above < answers.context_tokens
    qualify
        row_number() over (partition by answers.response_id order by prices.prompt_tokens_above desc) = 1
),

requests as (
    select
        billed.*,
        contexts.thread_id,
        contexts.actor,
        contexts.response_number,
        -- What batch and region multiply all prices by.
        (
            billed.cost_usd - billed.web_search_cost_usd
        ) / nullif(
            billed.uncached_input_tokens * billed.input_usd_per_mtok
            + billed.cache_write_5m_tokens * billed.cache_write_5m_usd_per_mtok
            + billed.cache_write_1h_tokens * billed.cache_write_1h_usd_per_mtok
            + billed.cache_read_tokens * billed.cache_read_usd_per_mtok
            + billed.output_tokens * billed.output_usd_per_mtok, 0
        ) as usd_per_listed
    from billed
    inner join {{ ref('int_context_response') }} as contexts on contexts.response_id = billed.response_id
),

pieces as (
    select
        segments.*,
        {{ context_part_kind('segments') }} as part_kind,
        {{ context_part_name('segments') }} as part_name
    from {{ ref('int_context_segment') }} as segments
    semi join touched on touched.session_id = segments.session_id
    semi join requests on requests.thread_id = segments.thread_id
),

-- Tokens of a part in each request: what has entered so far minus what has left.
changes as (
    select
        thread_id, part_kind, part_name, response_number, sum(change) as change,
        sum(direct_change) as direct_change
    from (
        select
            thread_id, part_kind, part_name,
            entered_response_number as response_number,
            tokens as change,
            case when allocation_method = 'direct' then tokens else 0 end as direct_change
        from pieces
        union all
        select
            thread_id, part_kind, part_name,
            left_response_number + 1,
            -tokens,
            case when allocation_method = 'direct' then -tokens else 0 end
        from pieces
    ) as steps
    group by all
),

spans as (
    select
        *,
        lead(response_number) over part_order as next_number,
        sum(change) over part_order as tokens,
        sum(direct_change) over part_order as direct_tokens
    from changes
    window part_order as (partition by thread_id, part_kind, part_name order by response_number)
),

-- Only parts without which the request would have stayed below the limit.
moved as (
    select
        requests.*,
        spans.part_kind,
        spans.part_name,
        spans.tokens,
        spans.direct_tokens
    from requests
    inner join spans
        on spans.thread_id = requests.thread_id
        and spans.response_number <= requests.response_number
        and (spans.next_number is null or spans.next_number > requests.response_number)
        and spans.tokens >= requests.context_tokens - requests.prompt_tokens_above
        and spans.tokens > 0
),

charged as (
    select
        charges.response_id,
        pieces.part_kind,
        pieces.part_name,
        sum(charges.write_1h_tokens) as write_1h_tokens,
        sum(charges.write_5m_tokens) as write_5m_tokens,
        sum(charges.fresh_tokens) as fresh_tokens
    from {{ ref('int_segment_charge') }} as charges
    semi join requests on requests.response_id = charges.response_id
    inner join pieces on pieces.piece_id = charges.piece_id
    group by all
),

-- The tokens that stay, by the price they were billed at.
kept as (
    select
        moved.*,
        moved.uncached_input_tokens - coalesce(charged.fresh_tokens, 0) as kept_fresh_tokens,
        moved.cache_write_5m_tokens - coalesce(charged.write_5m_tokens, 0) as kept_write_5m_tokens,
        moved.cache_write_1h_tokens - coalesce(charged.write_1h_tokens, 0) as kept_write_1h_tokens,
        moved.cache_read_tokens - (
            moved.tokens - coalesce(charged.write_1h_tokens, 0) - coalesce(charged.write_5m_tokens, 0)
            - coalesce(charged.fresh_tokens, 0)
        ) as kept_read_tokens
    from moved
    left join charged
        on charged.response_id = moved.response_id and charged.part_kind = moved.part_kind
        and charged.part_name = moved.part_name
),

lowered as (
    select
        kept.*,
        prices.prompt_tokens_above as lower_tokens_above,
        kept.usd_per_listed * (
            kept.kept_fresh_tokens * (kept.input_usd_per_mtok - prices.input_usd_per_mtok)
            + kept.kept_write_5m_tokens
            * (kept.cache_write_5m_usd_per_mtok - prices.cache_write_5m_usd_per_mtok)
            + kept.kept_write_1h_tokens
            * (kept.cache_write_1h_usd_per_mtok - prices.cache_write_1h_usd_per_mtok)
            + kept.kept_read_tokens * (kept.cache_read_usd_per_mtok - prices.cache_read_usd_per_mtok)
            + kept.output_tokens * (kept.output_usd_per_mtok - prices.output_usd_per_mtok)
        ) as saved_usd
    from kept
    inner join prices
        on prices.model_name = kept.model_name and prices.speed = kept.speed
        and prices.valid_from <= kept.priced_on
        and (prices.valid_to is null or prices.valid_to > kept.priced_on)
        and (
            prices.prompt_tokens_above = 0
            or prices.prompt_tokens_above < kept.context_tokens - kept.tokens
        )
    qualify
        row_number() over (
            partition by kept.response_id, kept.part_kind, kept.part_name
            order by prices.prompt_tokens_above desc
        ) = 1
)

select
    {{ surrogate_key(['lowered.response_id', 'lowered.part_kind', 'lowered.part_name']) }} as band_saving_id,
    lowered.response_id as call_id,
    lowered.session_id,
    actors.agent_id,
    {{ surrogate_key(['lowered.part_kind', 'lowered.part_name']) }} as part_id,
    lowered.started_at as called_at,
    lowered.part_kind,
    lowered.part_name,
    lowered.tokens = lowered.direct_tokens as is_exact,
    cast(lowered.context_tokens as bigint) as context_tokens,
    cast(lowered.prompt_tokens_above as bigint) as prompt_tokens_above,
    cast(lowered.lower_tokens_above as bigint) as lower_tokens_above,
    cast(lowered.tokens as bigint) as tokens,
    cast(lowered.saved_usd as double) as saved_usd,
    touched._batch_id
from lowered
inner join touched on touched.session_id = lowered.session_id
inner join {{ ref('int_actor') }} as actors
    on actors.session_id = lowered.session_id and actors.actor = lowered.actor
