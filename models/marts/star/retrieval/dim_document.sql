with retrievals as (
    select document_path, retrieved_at, document_line_count, retrieval_event, retrieval_method
    from {{ ref('int_retrieval') }}
    union all
    select document_path, occurred_at, null, event_id, 'program'
    from {{ ref('int_recorded_retrieval') }}
),

retrieved as (
    select
        document_path,
        min(retrieved_at) as first_seen_at,
        max(retrieved_at) as last_retrieved_at,
        max(document_line_count) as line_count,
        count(distinct retrieval_event) as retrieval_count,
        bool_or(retrieval_method = 'url') as is_page
    from retrievals
    where document_path is not null
    group by document_path
),

edited as (
    select
        target_path as document_path,
        min(called_at) as first_edited_at,
        max(called_at) as last_edited_at,
        min(called_at) filter (where tool_name = 'Write' and result.type = 'create') as written_at
    from {{ ref('int_tool_call') }}
    where
        call_status = 'ok' and tool_name in ('Edit', 'Write', 'MultiEdit', 'NotebookEdit')
        and target_path is not null and target_path <> ''
    group by target_path
),

-- File size after a write of the whole file, until the next edit. For pages, the size that the fetch reports.
edit_sizes as (
    select
        target_path as document_path,
        {{ value_at_max('file_size_bytes', '(modified_at, _source_path, _source_line)') }} as size_bytes
    from {{ ref('fact_file_modification') }}
    group by target_path
),

page_sizes as (
    select
        tool_input.url as document_path,
        max_by(result.bytes, (called_at, tool_use_id)) as size_bytes
    from {{ ref('int_tool_call') }}
    where tool_name = 'WebFetch' and call_status = 'ok' and result.bytes is not null
    group by tool_input.url
),

scanned as (
    select *
    from {{ ref('stg_code__document') }}
    where newness = 1
),

committed as (
    select
        document_path,
        any_value(repository) as repository,
        min(committed_at) filter (where change_type = 'created') as created_at,
        max(committed_at) as last_committed_at
    from {{ ref('stg_code__change') }}
    group by document_path
),

paths as (
    select document_path from retrieved
    union
    select document_path from edited
    union
    select document_path from scanned
    union
    select document_path from committed
),

named as (
    select
        document_path,
        {{ path_name('document_path') }} as document_name,
        coalesce(
            nullif(lower({{ regex_group(path_name('document_path'), '[.]([A-Za-z0-9_]+)$') }}), ''),
            lower({{ path_name('document_path') }})
        ) as extension
    from paths
),

described as (
    select
        named.*,
        coalesce(retrieved.is_page, false) as is_page,
        scanned.repository is not null or committed.repository is not null as is_in_repository,
        coalesce(scanned.repository, committed.repository) as repository,
        coalesce(scanned.language, types.language) as language,
        coalesce(scanned.document_type, types.document_type) as document_type,
        scanned.blob_id,
        scanned.set_aside_reason,
        scanned.parse_problem,
        coalesce(scanned.is_current, false) as is_scanned,
        coalesce(scanned.is_deleted, false) as is_deleted,
        coalesce(committed.created_at, edited.written_at) as first_written_at,
        least(retrieved.first_seen_at, edited.first_edited_at, scanned.modified_at, committed.created_at)
            as first_seen_at,
        greatest(
            edited.last_edited_at, committed.last_committed_at,
            case when not scanned.is_deleted then scanned.modified_at end
        ) as last_modified_at,
        retrieved.last_retrieved_at,
        coalesce(scanned.line_count, retrieved.line_count) as line_count,
        coalesce(scanned.size_bytes, edit_sizes.size_bytes, page_sizes.size_bytes) as size_bytes,
        coalesce(retrieved.retrieval_count, 0) as retrieval_count,
        scanned._batch_id
    from named
    left join retrieved on retrieved.document_path = named.document_path
    left join edited on edited.document_path = named.document_path
    left join scanned on scanned.document_path = named.document_path
    left join committed on committed.document_path = named.document_path
    left join edit_sizes on edit_sizes.document_path = named.document_path
    left join page_sizes on page_sizes.document_path = named.document_path
    left join {{ ref('document_types') }} as types on types.extension = named.extension
)

select
    {{ surrogate_key(['document_path']) }} as document_id,
    first_written_at as created_at,
    first_seen_at,
    last_modified_at,
    last_retrieved_at,
    document_path,
    document_name,
    case
        when is_page then 'web_page'
        else coalesce(document_type, 'other')
    end as document_type,
    language,
    repository,
    blob_id,
    set_aside_reason,
    parse_problem,
    is_scanned,
    is_deleted,
    line_count,
    size_bytes,
    cast(retrieval_count as bigint) as retrieval_count
from described
