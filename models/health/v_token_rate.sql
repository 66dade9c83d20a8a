{{ config(materialized='table') }}

-- The median of the ledger's measurements, not the mean, because a short text that shares a large growth
-- would distort it.
with texts as (
    select
        component_type,
        segment_id,
        min(laid_at) as laid_at,
        cast(max(segment_tokens) as double) / max(characters) as tokens_per_character
    from {{ ref('int_context_segment') }}
    where
        component_type in ('skill', 'command', 'reference_file', 'agent') and characters >= 500
        and allocation_method in ('direct', 'proportional')
    group by component_type, segment_id
),

measured as (
    select
        component_type,
        count(*) as segment_count,
        max(laid_at) as last_measured_at,
        median(tokens_per_character) as tokens_per_character
    from texts
    group by component_type
),

rates as (
    select
        rates.*,
        measured.last_measured_at,
        measured.tokens_per_character as measured_tokens_per_character,
        measured.segment_count
    from {{ ref('int_token_rate') }} as rates
    left join measured on measured.component_type = rates.component_type
    -- The rate of the latest text that was measured; without one the newest.
    where {{ rate_applies(
        'rates', "coalesce(measured.last_measured_at, timestamp '9999-12-30 00:00:00')"
    ) }}
)

select
    component_type,
    effective_date,
    last_measured_at,
    rate_method,
    tokens_per_character,
    measured_tokens_per_character,
    -- Too few texts say nothing about the rate.
    case
        when segment_count >= {{ var('fewest_measured_texts', 5) }}
            then round(measured_tokens_per_character / tokens_per_character - 1, 4)
    end as relative_difference,
    coalesce(segment_count, 0) as segment_count
from rates
