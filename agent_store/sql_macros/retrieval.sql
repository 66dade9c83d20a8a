-- Search over code, documents and what agents read of them. Executed when the store is published.

-- The words and parts of words that the index knows, out of a text.
create or replace macro search_terms(query) as table
select distinct lower(term) as term
from (
    select unnest(list_concat(words, flatten(list_transform(words, lambda word: regexp_extract_all(
        word, '\p{Lu}+[\p{Ll}0-9]*|[\p{Ll}\p{Lo}0-9]+'
    ))))) as term
    from (select regexp_extract_all(query, '[\p{L}0-9_]+') as words)
)
where length(term) between 2 and 40;

comment on macro table search_terms is 'The terms that a query is searched by: its words, and the parts of names like parseHeader or parse_header.';

-- Filters first: only chunks of documents that fit are ranked. k1 = 1.2, b = 0.75; a name weighs like three mentions.
create or replace macro search_chunks(
    query, language := null, document_type := null, path := null, since := null, most := 20
) as table
with asked as (
    select term from search_terms(query)
),
fitting as (
    select
        c.chunk_id, c.document_id, c.chunk_name, c.chunk_kind, c.line_start, c.line_end, c.chunk_text, c.text_characters,
        d.document_path, d.document_name, d.document_type, d.language, d.last_modified_at
    from dim_chunk as c
    inner join dim_document as d on d.document_id = c.document_id
    where
        c.is_indexed
        and (language is null or d.language = language)
        and (document_type is null or d.document_type = document_type)
        and (path is null or d.document_path ilike concat('%', path, '%'))
        and (since is null or coalesce(d.last_modified_at, c.created_at) >= cast(since as timestamp))
),
totals as (
    select count(*) as chunk_count, avg(text_characters) as average_characters from dim_chunk where is_indexed
),
hits as (
    select b.chunk_hash, b.term, b.term_count
    from bridge_chunk_term as b
    semi join asked on asked.term = b.term
),
postings as (
    select c.chunk_id, h.term, h.term_count, count(*) over (partition by h.term) as document_frequency
    from hits as h
    inner join dim_chunk as c on c.chunk_hash = h.chunk_hash
    where c.is_indexed
),
scored as (
    select
        f.chunk_id,
        count(*) as matched_terms,
        sum(
            ln(1 + (t.chunk_count - p.document_frequency + 0.5) / (p.document_frequency + 0.5))
            * ((p.term_count + weighted.extra) * 2.2)
            / ((p.term_count + weighted.extra) + 1.2 * (0.25 + 0.75 * f.text_characters / t.average_characters))
        ) as score
    from postings as p
    inner join fitting as f on f.chunk_id = p.chunk_id
    cross join totals as t
    cross join lateral (
        select 3 * contains(lower(concat_ws(' ', f.chunk_name, f.document_name)), p.term)::integer as extra
    ) as weighted
    group by f.chunk_id
)
select
    row_number() over (order by s.score desc, f.document_path, f.line_start, f.chunk_id) as search_rank,
    s.score,
    s.matched_terms,
    f.document_path,
    f.line_start,
    f.line_end,
    f.chunk_name,
    f.chunk_kind,
    f.language,
    f.document_type,
    f.last_modified_at,
    f.chunk_text,
    f.chunk_id,
    f.document_id
from scored as s
inner join fitting as f on f.chunk_id = s.chunk_id
qualify search_rank <= most
order by search_rank;

comment on macro table search_chunks is 'search_chunks(query, language := …, document_type := …, path := …, since := …, most := 20): the chunks that fit a query best (BM25), best first; filters are applied before ranking.';

-- What the vectors of dim_chunk are made by (macros/chunk_embedding.sql), for one text.
create or replace macro embed_text(content, dimensions := 128) as (
    with features as (
        select
            cast(md5_number_lower(feature) % dimensions as bigint) as dimension,
            (case when md5_number_upper(feature) % 2 = 0 then 1 else -1 end) * sum(part) as weight
        from (
            select
                unnest(list_concat(
                    [word], list_transform(range(1, length(word)), lambda i: substr(concat('<', word, '>'), i, 3))
                )) as feature,
                (1 + ln(word_count)) / length(word) as part
            from (
                select lower(word) as word, count(*) as word_count
                from (select unnest(regexp_extract_all(content, '[\p{L}0-9_]+')) as word)
                where length(word) between 3 and 40
                group by all
            )
        )
        group by feature
    ),
    grid as (
        select g.dimension, coalesce(sum(f.weight), 0) as weight
        from (select unnest(range(dimensions)) as dimension) as g
        left join features as f on f.dimension = g.dimension
        group by g.dimension
    )
    select cast(list(weight / nullif(sqrt((select sum(weight * weight) from grid)), 0) order by dimension) as float[]) from grid
);

comment on macro embed_text is 'A text as a vector: hashed words and letter triples, comparable with dim_chunk.embedding.';

-- Words and vectors together: reciprocal ranks, added. Without vectors it is search_chunks.
create or replace macro hybrid_search(
    query, language := null, document_type := null, path := null, since := null, most := 20
) as table
with keyword_hits as (
    select chunk_id, search_rank from search_chunks(
        query, language := language, document_type := document_type, path := path, since := since, most := 100
    )
),
vector_hits as (
    select chunk_id, row_number() over (order by distance, chunk_id) as search_rank
    from (
        select c.chunk_id, c.embedding <=> (select embed_text(query)) as distance
        from dim_chunk as c
        inner join dim_document as d on d.document_id = c.document_id
        where
            c.embedding is not null
            and (language is null or d.language = language)
            and (document_type is null or d.document_type = document_type)
            and (path is null or d.document_path ilike concat('%', path, '%'))
            and (since is null or coalesce(d.last_modified_at, c.created_at) >= cast(since as timestamp))
    )
    where distance is not null
    qualify search_rank <= 100
),
fused as (
    select chunk_id, sum(1.0 / (60 + search_rank)) as score
    from (from keyword_hits union all by name from vector_hits)
    group by chunk_id
)
select
    row_number() over (order by f.score desc, d.document_path, c.line_start, c.chunk_id) as search_rank,
    f.score,
    d.document_path,
    c.line_start,
    c.line_end,
    c.chunk_name,
    c.chunk_kind,
    d.language,
    d.document_type,
    c.chunk_text,
    c.chunk_id,
    d.document_id
from fused as f
inner join dim_chunk as c on c.chunk_id = f.chunk_id
inner join dim_document as d on d.document_id = c.document_id
qualify search_rank <= most
order by search_rank;

comment on macro table hybrid_search is 'hybrid_search(query, …): search_chunks and the vectors of dim_chunk together (reciprocal rank fusion); without vectors the same as search_chunks.';

create or replace macro entity_references(entity, reference_type := null) as table
select
    r.reference_type,
    r.container_name,
    d.document_path,
    r.line_number,
    d.language,
    e.entity_type,
    c.chunk_origin,
    c.chunk_id
from dim_entity as e
inner join fact_entity_reference as r on r.entity_id = e.entity_id
inner join dim_chunk as c on c.chunk_id = r.chunk_id
inner join dim_document as d on d.document_id = c.document_id
where
    e.entity_name = entity and (reference_type is null or r.reference_type = reference_type)
    and c.is_indexed
order by case r.reference_type when 'definition' then 1 when 'import' then 2 when 'call' then 3 else 4 end, d.document_path, r.line_number;

comment on macro table entity_references is 'entity_references(name, reference_type := …): where a function, class, table, heading … is defined, imported, called and used.';

create or replace macro recent_changes(since, language := null, path := null) as table
select
    u.updated_at,
    u.update_type,
    u.update_source,
    d.document_path,
    d.language,
    u.session_id,
    u.commit_id
from fact_document_update as u
inner join dim_document as d on d.document_id = u.document_id
where
    u.updated_at >= cast(since as timestamp)
    and (language is null or d.language = language)
    and (path is null or d.document_path ilike concat('%', path, '%'))
order by u.updated_at desc, d.document_path, u.update_id;

comment on macro table recent_changes is 'recent_changes(since, language := …, path := …): documents that changed, by edits of agents, commits and scans, newest first.';
