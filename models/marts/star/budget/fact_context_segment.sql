{{ config(materialized='incremental', incremental_strategy='replace_touched') }}

with touched as {{ touched_sessions() }},

responses as (
    select *
    from {{ ref('int_context_response') }} as int_context_response
    semi join touched on touched.session_id = int_context_response.session_id
),

pieces as (
    select *
    from {{ ref('int_context_segment') }} as int_context_segment
    semi join touched on touched.session_id = int_context_segment.session_id
),

charges as (
    select
        piece_id,
        sum(charge_usd) filter (where is_entry) as entry_usd,
        sum(charge_usd - read_instead_usd) as extra_usd,
        sum(charge_usd) filter (where not is_entry) as rebilled_usd,
        sum(charge_usd - read_instead_usd) filter (where not is_entry) as miss_extra_usd,
        count(*) filter (where not is_entry) as rebilled_count
    from {{ ref('int_segment_charge') }} as int_segment_charge
    semi join touched on touched.session_id = int_segment_charge.session_id
    group by piece_id
),

-- Every request reads the whole piece at the read price. Anything billed differently adds the difference.
costed as (
    select
        pieces.*,
        pieces.tokens * (
            last_responses.running_read_usd_per_token - first_responses.running_read_usd_per_token
            + first_responses.read_usd_per_token
        ) + coalesce(charges.extra_usd, 0) as cost_usd,
        -- The part of a piece that was a cache read on entry belongs to the entry cost too.
        case
            when pieces.first_response_number < pieces.entered_response_number then 0
            else coalesce(charges.entry_usd, 0) + first_responses.read_usd_per_token * (
                    pieces.tokens - coalesce(entry_charges.entry_tokens, 0)
                )
        end as entry_cost_usd,
        coalesce(charges.rebilled_usd, 0) as rebilled_cost_usd,
        coalesce(charges.miss_extra_usd, 0) as miss_extra_cost_usd,
        coalesce(charges.rebilled_count, 0) as rebilled_count,
        case
            when pieces.first_response_number = pieces.entered_response_number
                then first_responses.response_id
        end as entered_response_id,
        case
            when pieces.first_response_number = pieces.entered_response_number then first_responses.started_at
        end as entered_at,
        last_responses.started_at as left_at,
        first_responses.actor
    from pieces
    inner join responses as first_responses
        on first_responses.thread_id = pieces.thread_id
        and first_responses.response_number = pieces.entered_response_number
    inner join responses as last_responses
        on last_responses.thread_id = pieces.thread_id
        and last_responses.response_number = pieces.left_response_number
    left join charges on charges.piece_id = pieces.piece_id
    left join (
        select piece_id, sum(write_1h_tokens + write_5m_tokens + fresh_tokens) as entry_tokens
        from {{ ref('int_segment_charge') }} as int_segment_charge
        semi join touched on touched.session_id = int_segment_charge.session_id
        where is_entry
        group by piece_id
    ) as entry_charges on entry_charges.piece_id = pieces.piece_id
),

segments as (
    select
        segment_id,
        session_id,
        actor,
        item_kind,
        component_type,
        component_name,
        tool_use_id,
        file_path,
        line_uuid,
        allocation_method,
        max(entered_response_id) as entered_response_id,
        max(entered_at) as entered_at,
        max(left_at) as left_at,
        first_response_number as entered_response_number,
        max(left_response_number) as left_response_number,
        max(segment_tokens) as segment_tokens,
        max(characters) as characters,
        -- A piece that a micro-compaction placed again is already carried by the response that it is placed
        -- at.
        sum(tokens * (
            left_response_number - entered_response_number
            + case when first_response_number < entered_response_number then 1 else 0 end
        )) as carried_tokens,
        sum(rebilled_count) as rebilled_count,
        sum(cost_usd) as cost_usd,
        sum(entry_cost_usd) as entry_cost_usd,
        sum(rebilled_cost_usd) as rebilled_cost_usd,
        sum(miss_extra_cost_usd) as miss_extra_cost_usd
    from costed
    group by all
),

lines as (
    select
        int_line.line_uuid,
        int_line.source_path,
        int_line.line_number as source_line
    from {{ ref('int_line') }} as int_line
    semi join touched on touched.session_id = int_line.session_id
)

select
    segments.segment_id,
    segments.session_id,
    actors.agent_id,
    actors.agent_run_id,
    {{ surrogate_key(['segments.component_type', 'segments.component_name']) }} as component_id,
    segments.entered_response_id as call_id,
    segments.tool_use_id as invocation_id,
    case
        when
            segments.file_path is not null
            and segments.file_path <> ''
            and segments.component_type in ('tool', 'reference_file')
            then {{ surrogate_key(['segments.file_path']) }}
    end as file_id,
    segments.entered_at,
    segments.left_at,
    segments.item_kind,
    segments.component_type,
    segments.component_name,
    segments.file_path,
    segments.allocation_method,
    case when segments.allocation_method = 'estimated' then 'estimated' else 'observed' end as provenance,
    -- Measured tokens and text length that cannot belong together: a finding, not an error. A segment without
    -- a line has no text to compare with.
    segments.line_uuid is not null and segments.allocation_method <> 'estimated'
    and (
        segments.segment_tokens * {{ var('characters_per_token') }}
        > {{ var('ledger_disagreement_factor') }}
        * (segments.characters + {{ var('block_overhead_characters') }})
        or segments.segment_tokens * {{ var('characters_per_token') }} * {{ var(
            'ledger_disagreement_factor'
        ) }}
        < segments.characters
    ) as is_disagreeing,
    cast(segments.entered_response_number as integer) as entered_response_number,
    cast(segments.left_response_number - segments.entered_response_number as integer) as requests_carried,
    cast(segments.characters as bigint) as characters,
    cast(segments.segment_tokens as bigint) as tokens,
    cast(segments.carried_tokens as bigint) as carried_tokens,
    cast(segments.rebilled_count as integer) as rebilled_count,
    segments.entry_cost_usd,
    segments.cost_usd - segments.entry_cost_usd as carrying_cost_usd,
    segments.rebilled_cost_usd,
    segments.miss_extra_cost_usd,
    segments.cost_usd,
    lines.source_path as _source_path,
    lines.source_line as _source_line,
    touched._batch_id
from segments
inner join touched on touched.session_id = segments.session_id
inner join {{ ref('int_actor') }} as actors
    on actors.session_id = segments.session_id and actors.actor = segments.actor
left join lines on lines.line_uuid = segments.line_uuid
