-- A miss counts as repaired if a later retrieval of the same task found something: later in time, or at the
-- same time further on in the same log file.
with misses as (
    select *
    from {{ ref('fact_chunk_retrieval') }}
    where is_miss
),

finds as (
    select
        task_id,
        _source_path,
        max(retrieved_at) as last_found_at,
        {{ value_at_max('_source_line', '(retrieved_at, _source_line)') }} as last_found_line
    from {{ ref('fact_chunk_retrieval') }}
    where not is_miss and chunk_id is not null
    group by task_id, _source_path
)

select
    misses.retrieval_method,
    misses.retrieved_with,
    coalesce(misses.query_text, documents.document_path) as query_text,
    min(misses.retrieved_at) as first_missed_at,
    max(misses.retrieved_at) as last_missed_at,
    count(distinct misses.retrieval_event) as miss_count,
    count(distinct misses.session_id) as session_count,
    count(distinct misses.retrieval_event) filter (
        where finds.last_found_at > misses.retrieved_at
        or (
            finds.last_found_at = misses.retrieved_at and finds._source_path = misses._source_path
            and finds.last_found_line > misses._source_line
        )
    ) as followed_by_find_count
from misses
left join {{ ref('dim_document') }} as documents on documents.document_id = misses.document_id
left join finds on finds.task_id = misses.task_id
-- A search whose pattern is not in the log cannot be looked up.
where coalesce(misses.query_text, documents.document_path) is not null
group by misses.retrieval_method, misses.retrieved_with, coalesce(misses.query_text, documents.document_path)
