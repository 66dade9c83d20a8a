-- Below that a suggestion for one session is not worth reading: a choice.
{%- set least_session_dollars = var('least_session_dollars', 0.05) %}
with misses as (
    select
        session_id,
        {{ cache_miss_group('cause') }} as cause,
        suggestion,
        missed_tokens,
        extra_cost_usd
    from {{ ref('v_session_miss') }}
    where suggestion is not null
),

advice as (
    select
        session_id,
        'cache_' || cause as optimization_type,
        {{ cache_miss_subject('cause') }} as subject,
        suggestion,
        count(*) as occurrence_count,
        sum(missed_tokens) as tokens,
        sum(extra_cost_usd) as cost_usd
    from misses
    group by all
    union all
    select
        session_id,
        'reread_file' as optimization_type,
        document_path as subject,
        {{ suggestion('reread_file') }} as suggestion,
        sum(reread_count) as occurrence_count,
        sum(reread_tokens) as tokens,
        sum(reread_cost_usd) as cost_usd
    from {{ ref('v_reread') }}
    group by all
    union all
    select
        session_id,
        'carried_unused_result' as optimization_type,
        subject,
        {{ suggestion('carried_unused_result') }} as suggestion,
        count(*) as occurrence_count,
        sum(tokens) as tokens,
        sum(carrying_cost_usd) as cost_usd
    from {{ ref('v_carrying_cost') }}
    where not is_instruction
    group by all
)

select
    session_id,
    optimization_type,
    subject,
    suggestion,
    'estimated' as provenance,
    cast(occurrence_count as bigint) as occurrence_count,
    cast(tokens as bigint) as tokens,
    cast(cost_usd as double) as cost_usd,
    row_number() over (
        partition by session_id order by round(cost_usd, 12) desc, optimization_type, subject
    ) as cost_rank
from advice
where cost_usd >= {{ least_session_dollars }}
