-- Rebuilt from scratch each time: a scan of a file that was read long ago adds the chunks that were read.
-- Signs of use must come after the retrieval: at a later time, or further on in the log file, since the lines
-- of copied sessions share one time. Reading a file again is not a sign that its text was used, but it is for
-- a search result.
with chunks as (
    select * from {{ ref('dim_chunk') }}
),

signs as (
    select
        retrievals.retrieval_key,
        case
            when bool_or(uses.used_as = 'edited') then 'edited'
            when bool_or(uses.used_as = 'read') then 'read'
            when bool_or(uses.used_as = 'named') then 'named'
            when bool_or(uses.used_as = 'edited_later') then 'edited_later'
            when bool_or(uses.used_as = 'read_later') then 'read_later'
            else 'named_later'
        end as used_as
    from {{ ref('int_retrieval') }} as retrievals
    inner join {{ ref('int_retrieval_use') }} as uses
        on uses.turn_id = retrievals.turn_id and uses.document_path = retrievals.document_path
        and uses.session_id = retrievals.session_id
    where
        (
            uses.seen_at > retrievals.retrieved_at
            or (
                uses.seen_at = retrievals.retrieved_at and uses.source_path = retrievals.source_path
                and uses.source_line > retrievals.source_line
            )
        )
        and (retrievals.retrieval_method in ('keyword', 'glob') or uses.used_as not in ('read', 'read_later'))
    group by retrievals.retrieval_key
),

used as (
    select
        retrievals.*,
        case when retrievals.chunk_kind is not null then signs.used_as end as used_as,
        {{ surrogate_key([
            'retrievals.document_path', 'retrievals.chunk_kind', 'retrievals.line_start',
            'retrievals.line_end', 'retrievals.chunk_hash'
        ]) }} as range_chunk_id
    from {{ ref('int_retrieval') }} as retrievals
    left join signs on signs.retrieval_key = retrievals.retrieval_key
),

-- The range itself and, if the file was scanned, the chunks of the scan that it covers in part or whole.
matched as (
    select
        *,
        case when chunk_kind is not null then range_chunk_id end as chunk_id,
        case when chunk_kind is not null then 'exact' end as match_type,
        cast(null as double) as covered_ratio
    from used
    union all
    select
        used.*,
        chunks.chunk_id,
        'overlap',
        (least(used.line_end, chunks.line_end) - greatest(used.line_start, chunks.line_start) + 1)
        / (chunks.line_end - chunks.line_start + 1)
    from used
    inner join chunks
        on chunks.document_id = {{ surrogate_key(['used.document_path']) }}
        and chunks.line_start <= used.line_end and chunks.line_end >= used.line_start
    where chunks.chunk_origin = 'scan' and used.chunk_kind in ('range', 'match')
),

ordered as (
    select
        *,
        -- A search result or fetched page without a sign was not used. A file that was opened by its path or
        -- given along may have been read and understood, which leaves no sign.
        case
            when used_as is not null then true
            when chunk_id is not null and retrieval_method in ('keyword', 'glob', 'url') then false
        end as used_in_response,
        match_type = 'exact' and retrieval_method = 'path' and chunk_hash is not null
        and row_number() over (
            partition by session_id, actor, chunk_id, match_type
            order by retrieved_at, source_path, source_line, retrieval_event
        ) > 1 as is_reread
    from matched
),

in_transcripts as (
    select
        {{ surrogate_key(['ordered.retrieval_key', 'ordered.chunk_id']) }} as retrieval_id,
        ordered.chunk_id,
        case when ordered.document_path is not null then {{ surrogate_key(['ordered.document_path']) }} end
            as document_id,
        ordered.session_id,
        actors.agent_id,
        tasks.task_id,
        ordered.tool_use_id as invocation_id,
        ordered.retrieval_event,
        ordered.retrieved_at,
        left(ordered.query_text, 2000) as query_text,
        ordered.retrieval_method,
        ordered.retrieved_with,
        ordered.match_type,
        ordered.used_as,
        case when ordered.match_type = 'overlap' then 'estimated' else 'observed' end as provenance,
        -- Use is judged by later events, even if the retrieval itself is observed.
        case when ordered.used_in_response is not null then 'estimated' end as used_provenance,
        ordered.used_in_response,
        ordered.is_miss,
        coalesce(ordered.is_reread, false) as is_reread,
        ordered.result_rank,
        cast(ordered.result_count as bigint) as result_count,
        ordered.text_characters,
        cast(case
            when ordered.chunk_id is null then null
            when ordered.match_type = 'overlap' then ordered.covered_ratio
            else 1.0 / coalesce(ordered.result_rank, 1)
        end as double) as relevance_score,
        cast(case
            when ordered.used_in_response is null then null
            when ordered.used_as = 'edited' then 0.95
            when ordered.used_as = 'read' then 0.9
            when ordered.used_as = 'edited_later' then 0.8
            when ordered.used_as in ('named', 'read_later') then 0.7
            when ordered.used_as = 'named_later' then 0.6
            else 0.5
        end as double) as used_confidence,
        ordered.source_path as _source_path,
        ordered.source_line as _source_line,
        ordered._batch_id
    from ordered
    inner join {{ ref('int_actor') }} as actors
        on actors.session_id = ordered.session_id and actors.actor = ordered.actor
    left join {{ ref('dim_task') }} as tasks on tasks.task_id = ordered.turn_id
),

-- Retrievals by programs: the chunk with exactly these lines, else the chunks of a scan that they cover.
told as (
    select
        recorded.*,
        chunks.chunk_id,
        chunks.line_start = recorded.line_start and chunks.line_end = recorded.line_end as is_exact,
        (
            least(recorded.line_end, chunks.line_end) - greatest(recorded.line_start, chunks.line_start) + 1
        ) / (chunks.line_end - chunks.line_start + 1) as covered_ratio,
        row_number() over (
            partition by recorded.event_id
            order by
                (chunks.line_start = recorded.line_start and chunks.line_end = recorded.line_end) desc,
                chunks.chunk_id
        ) as chunk_rank
    from {{ ref('int_recorded_retrieval') }} as recorded
    left join chunks
        on chunks.document_id = {{ surrogate_key(['recorded.document_path']) }}
        and chunks.line_start <= recorded.line_end and chunks.line_end >= recorded.line_start
        and (
            chunks.chunk_origin = 'scan'
            or (chunks.line_start = recorded.line_start and chunks.line_end = recorded.line_end)
        )
),

told_of_chunks as (
    select
        *,
        bool_or(coalesce(is_exact, false)) over (partition by event_id) as has_exact
    from told
),

only_recorded as (
    select
        {{ surrogate_key(['recorded.event_id', 'recorded.chunk_id']) }} as retrieval_id,
        recorded.chunk_id,
        case
            when recorded.document_path is not null then {{ surrogate_key(['recorded.document_path']) }}
        end as document_id,
        recorded.session_id,
        recorded.agent_id,
        tasks.task_id,
        cast(null as varchar) as invocation_id,
        recorded.event_id as retrieval_event,
        recorded.occurred_at as retrieved_at,
        left(recorded.query_text, 2000) as query_text,
        'program' as retrieval_method,
        'program' as retrieved_with,
        case
            when recorded.chunk_id is null then null
            when recorded.is_exact then 'exact'
            else 'overlap'
        end as match_type,
        case when recorded.used_in_response then 'told' end as used_as,
        'recorded' as provenance,
        case when recorded.used_in_response is not null then 'recorded' end as used_provenance,
        recorded.used_in_response,
        recorded.document_path is null as is_miss,
        false as is_reread,
        recorded.result_rank,
        cast(null as bigint) as result_count,
        cast(null as bigint) as text_characters,
        cast(coalesce(
            recorded.relevance_score, case when not recorded.is_exact then recorded.covered_ratio end,
            1.0 / nullif(recorded.result_rank, 0)
        ) as double) as relevance_score,
        cast(case when recorded.used_in_response is not null then 1 end as double) as used_confidence,
        recorded.source_path as _source_path,
        recorded.source_line as _source_line,
        recorded._batch_id
    from told_of_chunks as recorded
    left join {{ ref('dim_task') }} as tasks on tasks.task_id = recorded.turn_task_id
    where not recorded.has_exact or recorded.chunk_rank = 1
)

select * from in_transcripts
union all by name
select * from only_recorded
