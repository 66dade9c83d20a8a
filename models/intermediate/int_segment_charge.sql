{{ config(materialized='incremental', incremental_strategy='replace_touched') }}

-- Where a response billed a segment other than by a plain cache read: on entry, or after a cache miss.
-- Buckets match positions, so the work grows with the billed segments, not with responses times segments.
with touched as {{ touched_sessions() }},

zones as (
    select
        *,
        cache_read_tokens as zone_start,
        context_tokens as zone_end
    from {{ ref('int_context_response') }} as int_context_response
    semi join touched on touched.session_id = int_context_response.session_id
    where cache_read_tokens < context_tokens
),

pieces as (
    select *
    from {{ ref('int_context_segment') }} as int_context_segment
    semi join touched on touched.session_id = int_context_segment.session_id
),

-- In a context larger than any window the buckets are wider: an invalid count would need millions of them.
bucket_widths as (
    select
        thread_id,
        greatest(4096, cast(max(context_tokens) / 4096 as bigint)) as bucket_width
    from zones
    group by thread_id
),

zones_with_buckets as (
    select
        zones.*,
        {{ bucket_range('zones.zone_start', 'zones.zone_end', 'bucket_widths.bucket_width') }} as buckets
    from zones
    inner join bucket_widths on bucket_widths.thread_id = zones.thread_id
),

zone_buckets as (
    select thread_id, response_number, zone_start, zone_end, bucket
    from {{ explode('zones_with_buckets', 'buckets', 'bucket', 'bucket_number') }} as exploded
),

pieces_with_buckets as (
    select
        pieces.*,
        {{ bucket_range('pieces.start_position', 'pieces.end_position', 'bucket_widths.bucket_width') }}
            as buckets
    from pieces
    inner join bucket_widths on bucket_widths.thread_id = pieces.thread_id
),

piece_buckets as (
    select
        thread_id, piece_id, entered_response_number, left_response_number, start_position, end_position,
        bucket
    from {{ explode('pieces_with_buckets', 'buckets', 'bucket', 'bucket_number') }} as exploded
),

matches as (
    select
        zone_buckets.thread_id,
        zone_buckets.response_number,
        piece_buckets.piece_id
    from zone_buckets
    inner join piece_buckets
        on piece_buckets.thread_id = zone_buckets.thread_id
        and piece_buckets.bucket = zone_buckets.bucket
        and zone_buckets.response_number
        between piece_buckets.entered_response_number and piece_buckets.left_response_number
        and piece_buckets.start_position < zone_buckets.zone_end
        and piece_buckets.end_position > zone_buckets.zone_start
    group by all
),

charges as (
    select
        zones.response_id,
        zones.thread_id,
        zones.session_id,
        zones.response_number,
        pieces.piece_id,
        pieces.segment_id,
        pieces.entered_response_number = zones.response_number
        and pieces.first_response_number = zones.response_number as is_entry,
        zones.read_usd_per_token,
        zones.write_1h_usd_per_token,
        zones.write_5m_usd_per_token,
        zones.fresh_usd_per_token,
        -- In prompt order: the cached prefix, tokens written for an hour, for five minutes, the rest.
        greatest(
            least(pieces.end_position, zones.zone_start + zones.cache_write_1h_tokens)
            - greatest(pieces.start_position, zones.zone_start), 0
        ) as write_1h_tokens,
        greatest(
            least(
                pieces.end_position,
                zones.zone_start + zones.cache_write_1h_tokens + zones.cache_write_5m_tokens
            )
            - greatest(pieces.start_position, zones.zone_start + zones.cache_write_1h_tokens), 0
        ) as write_5m_tokens,
        greatest(
            least(pieces.end_position, zones.zone_end)
            - greatest(
                pieces.start_position,
                zones.zone_start + zones.cache_write_1h_tokens + zones.cache_write_5m_tokens
            ), 0
        ) as fresh_tokens
    from matches
    inner join zones
        on zones.thread_id = matches.thread_id and zones.response_number = matches.response_number
    inner join pieces on pieces.piece_id = matches.piece_id
)

select
    charges.response_id,
    charges.thread_id,
    charges.session_id,
    charges.response_number,
    charges.piece_id,
    charges.segment_id,
    charges.is_entry,
    charges.write_1h_tokens,
    charges.write_5m_tokens,
    charges.fresh_tokens,
    charges.write_1h_tokens * charges.write_1h_usd_per_token
    + charges.write_5m_tokens * charges.write_5m_usd_per_token
    + charges.fresh_tokens * charges.fresh_usd_per_token as charge_usd,
    (charges.write_1h_tokens + charges.write_5m_tokens + charges.fresh_tokens) * charges.read_usd_per_token
        as read_instead_usd,
    touched._batch_id
from charges
inner join touched on touched.session_id = charges.session_id
where charges.write_1h_tokens + charges.write_5m_tokens + charges.fresh_tokens > 0
