{{ config(materialized='incremental', incremental_strategy='append') }}

-- Indexed by text, not by chunk: the same text in five worktrees is indexed once, and known texts never
-- change.
with texts as (
    select
        chunk_hash,
        min(chunk_text) as chunk_text,
        max(_batch_id) as _batch_id
    from (
        select chunk_hash, chunk_text, _batch_id
        from {{ ref('stg_code__chunk') }}
        where {{ unseen() }}
        union all
        select chunk_hash, chunk_text, _batch_id
        from {{ ref('int_retrieval') }} as retrievals
        -- Text from Read is in the chunks of the scan, whole or cut.
        anti join {{ ref('stg_code__read') }} as reads
            on reads.tool_use_id = retrievals.tool_use_id and reads.set_aside_reason is null
        where chunk_hash is not null and not is_miss and {{ unseen() }}
    ) as unseen_texts
    {%- if is_incremental() %}
    anti join {{ this }} as indexed on indexed.chunk_hash = unseen_texts.chunk_hash
    {%- endif %}
    group by chunk_hash
),

listed as (
    select
        chunk_hash,
        _batch_id,
        {{ words_of('chunk_text') }} as words
    from texts
),

words as (
    select
        chunk_hash,
        _batch_id,
        word,
        count(*) as word_count
    from {{ explode('listed', 'words', 'word', 'word_number') }} as exploded
    where length(word) <= 60
    group by chunk_hash, _batch_id, word
),

-- `parseHTTPHeader` and `parse_http_header` can be found by their parts too.
parts as (
    select
        chunk_hash,
        _batch_id,
        word,
        word_count,
        {{ word_parts('word') }} as word_parts
    from words
),

terms as (
    select
        chunk_hash,
        _batch_id,
        lower(word) as term,
        word_count
    from words
    union all
    select
        chunk_hash,
        _batch_id,
        lower(part),
        word_count
    from {{ explode('parts', 'word_parts', 'part', 'part_number') }} as exploded_parts
    where lower(part) <> lower(word)
)

select
    chunk_hash,
    term,
    cast(sum(word_count) as integer) as term_count,
    _batch_id
from terms
where length(term) between 2 and 40 and not {{ regex_matches('term', "'^[0-9_]+$'") }}
group by chunk_hash, _batch_id, term
-- A search reads the rows of a few terms: with equal terms stored together, it skips the rest.
order by term, chunk_hash
