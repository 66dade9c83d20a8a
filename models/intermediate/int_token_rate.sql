{{ config(materialized='table') }}

{#- A type with fewer measured texts gets the median of all types. #}
{%- set fewest_measured_texts = var('fewest_measured_texts', 5) %}

-- Tokens per character by kind of text: the median of the ledger's measurements, not the mean, because a
-- short text that shares a large growth would distort it. No text of these kinds is beyond the bounds.
with segments as (
    select
        component_type,
        segment_id,
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
        median(tokens_per_character) as tokens_per_character
    from segments
    group by component_type
    union all
    select
        'any' as component_type,
        count(*) as segment_count,
        median(tokens_per_character) as tokens_per_character
    from segments
),

types as (
    select listed.component_type
    from (
        values ('skill'), ('command'), ('agent'), ('reference_file'), ('hook'), ('plugin')
    ) as listed (component_type)
),

chosen as (
    select
        types.component_type,
        case
            when own.segment_count >= {{ fewest_measured_texts }} then 'measured'
            when overall.segment_count >= {{ fewest_measured_texts }} then 'measured_elsewhere'
            else 'assumed'
        end as rate_method,
        own.tokens_per_character as own_rate,
        overall.tokens_per_character as overall_rate,
        coalesce(own.segment_count, 0) as segment_count
    from types
    left join measured as own on own.component_type = types.component_type
    left join measured as overall on overall.component_type = 'any'
)

select
    component_type,
    rate_method,
    greatest({{ var('fewest_tokens_per_character') }}, least(
        {{ var('most_tokens_per_character') }},
        case rate_method
            when 'measured' then own_rate
            when 'measured_elsewhere' then overall_rate
            else 1.0 / {{ var('characters_per_token') }}
        end
    )) as tokens_per_character,
    segment_count
from chosen
