{{ config(materialized='table') }}

-- Ledger measurements of skill and command bodies, within the plausible weight of such a text.
with weighed as (
    select
        bodies.skill_name,
        bodies.version_hash,
        segments.allocation_method,
        max(segments.segment_tokens) as tokens
    from {{ ref('int_skill_body') }} as bodies
    inner join {{ ref('int_context_segment') }} as segments
        on segments.segment_id = {{ surrogate_key(['bodies.line_uuid', 'bodies.block_number']) }}
    where
        bodies.skill_name is not null and bodies.body_characters > 0
        and segments.allocation_method in ('direct', 'proportional')
        and segments.segment_tokens / cast(bodies.body_characters as double)
        between {{ var('fewest_tokens_per_character') }} and {{ var('most_tokens_per_character') }}
    group by bodies.skill_name, bodies.version_hash, segments.allocation_method, bodies.line_uuid
)

select
    {{ surrogate_key(['skill_name', 'version_hash']) }} as weight_id,
    skill_name,
    version_hash,
    case when count(*) filter (where allocation_method = 'direct') > 0 then 'direct' else 'proportional' end
        as token_method,
    cast(round(coalesce(
        median(tokens) filter (where allocation_method = 'direct'),
        median(tokens) filter (where allocation_method = 'proportional')
    )) as bigint) as tokens,
    count(*) as sight_count
from weighed
group by skill_name, version_hash
