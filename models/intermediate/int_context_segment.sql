{{ config(materialized='incremental', incremental_strategy='replace_touched') }}

-- The positions of every item in the context of its thread, modelled as a stack: an item is placed on top
-- when it enters; a compaction, a rewind or dropped thinking removes everything above a cut; a
-- micro-compaction removes results from the middle, and the remaining items are placed again. A segment
-- exists over a range of responses.
with touched as {{ touched_sessions() }},

-- An item is placed once when it enters and once more after each micro-compaction that it survives.
laid as (
    select *
    from (
        select * from {{ ref('int_base_segment') }}
        union all
        select * from {{ ref('int_entered_segment') }}
        union all
        select * from {{ ref('int_relaid_segment') }}
    ) as segments
    semi join touched on touched.session_id = segments.session_id
),

entries as (
    select *
    from {{ ref('int_context_entry') }} as int_context_entry
    semi join touched on touched.session_id = int_context_entry.session_id
),

cuts as (
    select
        thread_id,
        response_number,
        cut_position
    from entries
    where cut_position < previous_context_tokens
),

-- A segment that a compaction removes completely is not processed further: the work would grow quadratically.
next_compactions as (
    select
        numbered.thread_id,
        numbered.response_number,
        cuts.response_number as compacted_response_number,
        cuts.cut_position as compacted_position
    from (
        select
            thread_id,
            response_number,
            min(
                case when context_change in ('compaction', 'micro_compaction') then response_number end
            ) over (
                partition by thread_id order by response_number
                rows between 1 following and unbounded following
            ) as next_number
        from entries
    ) as numbered
    inner join cuts on cuts.thread_id = numbered.thread_id and cuts.response_number = numbered.next_number
),

-- Each cut below a segment's top removes a piece; the part below all cuts stays until the end of the thread.
levels as (
    select
        laid.segment_id,
        laid.entered_response_number,
        laid.start_position,
        laid.end_position,
        cuts.response_number,
        least(
            laid.end_position,
            coalesce(
                min(cuts.cut_position) over (
                    partition by laid.segment_id, laid.entered_response_number order by cuts.response_number
                    rows between unbounded preceding and 1 preceding
                ),
                laid.end_position
            )
        ) as level_before,
        least(laid.end_position, min(cuts.cut_position) over (
            partition by laid.segment_id, laid.entered_response_number order by cuts.response_number
            rows between unbounded preceding and current row
        )) as level_after
    from laid
    left join next_compactions
        on next_compactions.thread_id = laid.thread_id
        and next_compactions.response_number = laid.entered_response_number
        and next_compactions.compacted_position <= laid.start_position
    inner join cuts
        on cuts.thread_id = laid.thread_id and cuts.response_number > laid.entered_response_number
        and cuts.cut_position < laid.end_position
        and (
            next_compactions.thread_id is null
            or cuts.response_number <= next_compactions.compacted_response_number
        )
),

pieces as (
    select
        segment_id,
        entered_response_number,
        greatest(start_position, level_after) as start_position,
        level_before as end_position,
        response_number - 1 as left_response_number
    from levels
    where level_before > greatest(start_position, level_after)
    union all
    select
        laid.segment_id,
        laid.entered_response_number,
        laid.start_position,
        least(laid.end_position, coalesce(floors.level_after, laid.end_position)) as end_position,
        threads.last_response_number as left_response_number
    from laid
    inner join {{ ref('int_thread_base') }} as threads on threads.thread_id = laid.thread_id
    left join (
        select segment_id, entered_response_number, min(level_after) as level_after
        from levels
        group by segment_id, entered_response_number
    ) as floors
        on floors.segment_id = laid.segment_id
        and floors.entered_response_number = laid.entered_response_number
    where least(laid.end_position, coalesce(floors.level_after, laid.end_position)) > laid.start_position
)

select
    {{ surrogate_key(['pieces.segment_id', 'pieces.entered_response_number', 'pieces.start_position']) }}
        as piece_id,
    laid.segment_id,
    laid.thread_id,
    laid.session_id,
    laid.item_kind,
    laid.component_type,
    laid.component_name,
    laid.tool_use_id,
    laid.file_path,
    laid.line_uuid,
    laid.allocation_method,
    laid.first_response_number,
    laid.entered_response_number,
    entries.started_at as laid_at,
    pieces.left_response_number,
    pieces.start_position,
    pieces.end_position,
    pieces.end_position - pieces.start_position as tokens,
    laid.segment_tokens,
    laid.characters,
    touched._batch_id
from pieces
inner join laid
    on laid.segment_id = pieces.segment_id and laid.entered_response_number = pieces.entered_response_number
inner join touched on touched.session_id = laid.session_id
left join entries
    on entries.thread_id = laid.thread_id and entries.response_number = laid.entered_response_number
