-- Search in code, documents and what agents read of them. Executed when the store is published.

-- The words of a query and their parts, in the form of the index. Very common words are left out unless there are no others.
create or replace macro search_terms(query) as table
with words as (
    select distinct
        word,
        lower(word) in (
            'a', 'an', 'and', 'are', 'as', 'at', 'be', 'by', 'can', 'do', 'does', 'for', 'from', 'how', 'i', 'if', 'in', 'is',
            'it', 'of', 'on', 'or', 'that', 'the', 'this', 'to', 'was', 'what', 'when', 'where', 'which', 'with'
        ) as is_stop_word
    from (select unnest(regexp_extract_all(query, '[\p{L}0-9_]+')) as word)
),
kept as (
    select word from words where not is_stop_word or (select bool_and(is_stop_word) from words)
)
select distinct word, term, is_whole
from (
    select word, lower(word) as term, true as is_whole from kept
    union all
    select word, lower(part), false
    from (select word, unnest(regexp_extract_all(word, '\p{Lu}+[\p{Ll}0-9]*|[\p{Ll}\p{Lo}0-9]+')) as part from kept)
    where lower(part) <> lower(word)
)
where length(term) between 2 and 40 and not regexp_matches(term, '^[0-9_]+$');

comment on macro table search_terms is 'The search terms of a query: its words (is_whole), and the parts of names like parseHeader or parse_header. Words like "the" are left out. Example: from search_terms(''parse the header'')';

create or replace macro name_words(content) as list_transform(
    list_concat(
        regexp_extract_all(coalesce(content, ''), '[\p{L}0-9_]+'),
        regexp_extract_all(coalesce(content, ''), '\p{Lu}+[\p{Ll}0-9]*|[\p{Ll}\p{Lo}0-9]+')
    ),
    lambda one: lower(one)
);

comment on macro name_words is 'name_words(content): the words of a name or path and their parts, in lower case, as a list.';

-- Whether a text contains all words of a query, up to the first fifty.
create or replace macro holds_words(content, query) as len(list_filter(
    list_distinct(string_split_regex(lower(trim(left(query, 5000))), '\s+'))[:50],
    lambda word: not contains(lower(coalesce(content, '')), word)
)) = 0;

comment on macro holds_words is 'holds_words(content, query): whether a text contains all words of a query (the first fifty), ignoring case.';

create or replace macro holds_any(content, terms) as
    len(list_filter(terms, lambda term: contains(lower(coalesce(content, '')), term))) > 0;

comment on macro holds_any is 'holds_any(content, terms): whether a text contains any of the terms (a list, in lower case).';

-- The line of a text with the most terms, counted from 1.
create or replace macro best_line(content, terms) as coalesce(list_position(
    list_transform(string_split(content, chr(10)), lambda one: len(list_filter(terms, lambda term: contains(lower(one), term)))),
    list_max(list_transform(
        string_split(content, chr(10)), lambda one: len(list_filter(terms, lambda term: contains(lower(one), term)))
    ))
), 1);

comment on macro best_line is 'best_line(content, terms): the number of the line with the most terms (a list), from 1.';

-- The start of a snippet: two lines before its best one, unless these are long.
create or replace macro snippet_start(content, line_number) as case
    when length(array_to_string(string_split(content, chr(10))[greatest(1, line_number - 2):line_number - 1], '')) > 200
        or length(string_split(content, chr(10))[line_number]) > 400
        then line_number
    else greatest(1, line_number - 2)
end;

comment on macro snippet_start is 'snippet_start(content, line_number): the first line of the snippet around a line, from 1.';

-- At most 600 characters: whole lines if they fit, else the part of the line around its first term.
create or replace macro snippet_around(content, line_number, terms) as case
    when length(string_split(content, chr(10))[line_number]) > 600
        then substr(
            string_split(content, chr(10))[line_number],
            greatest(1, coalesce(list_min(list_filter(
                list_transform(terms, lambda term: strpos(lower(string_split(content, chr(10))[line_number]), term)),
                lambda place: place > 0
            )), 1) - 200),
            600
        )
    else rtrim(regexp_replace(
        left(concat(array_to_string(
            string_split(content, chr(10))[snippet_start(content, line_number):line_number + 12], chr(10)
        ), chr(10)), 601),
        '\n[^\n]*$', ''
    ))
end;

comment on macro snippet_around is 'snippet_around(content, line_number, terms): a line of a text with its surroundings, at most 600 characters.';

-- Filters first: only chunks of matching documents are ranked. BM25 with k1 = 1.2 and b = 0.75; names count in addition to
-- text: most if the chunk has exactly that name, less if its name contains it, least if its file or folder has it.
-- If a word of the query occurs nowhere, a hit must have two fifths of the total weight of the words.
-- A name of several parts (validateToken) is found as a whole or by all its parts, not by one of them. The same text is one
-- hit, and a range inside a better hit is not a hit.
create or replace macro search_chunks(
    query, language := null, document_type := null, path := null, since := null, most := 20, shown_most := null
) as table
with asked as (
    select word, term, is_whole, count(*) filter (where not is_whole) over (partition by word) as part_count
    from search_terms(query)
),
found as materialized (
    select b.chunk_hash, b.term_count, a.word, a.term, a.is_whole, a.part_count
    from bridge_chunk_term as b
    inner join asked as a on a.term = b.term
),
fitting as materialized (
    select
        c.chunk_id, c.chunk_hash, c.document_id, c.chunk_name, c.chunk_kind, c.line_start, c.line_end, c.text_characters,
        d.document_path, d.document_type, d.language, d.last_modified_at
    from dim_chunk as c
    inner join dim_document as d on d.document_id = c.document_id
    where
        c.is_indexed
        and c.chunk_hash in (select chunk_hash from found)
        and (language is null or d.language = language)
        and (document_type is null or d.document_type = document_type)
        and (path is null or d.document_path ilike concat('%', path, '%'))
        and (since is null or coalesce(d.last_modified_at, c.created_at) >= cast(since as timestamp))
    -- The same text at several places is one hit: the newest.
    qualify row_number() over (
        partition by c.chunk_hash order by c.created_at desc nulls last, d.document_path, c.line_start, c.chunk_id
    ) = 1
),
indexed as materialized (
    select chunk_hash, max(text_characters) as text_characters from dim_chunk where is_indexed group by chunk_hash
),
totals as (
    select count(*) as chunk_count, avg(text_characters) as average_characters from indexed
),
postings as materialized (
    select
        f.*,
        count(*) over (partition by f.word, f.term, f.is_whole) as document_frequency,
        bool_or(f.is_whole) over (partition by f.chunk_hash, f.word) as has_whole,
        count(*) filter (where not f.is_whole) over (partition by f.chunk_hash, f.word) as parts_found,
        count(*) over (partition by f.chunk_hash, f.word) as term_count_of_word
    from found as f
    semi join indexed as i on i.chunk_hash = f.chunk_hash
    qualify has_whole or parts_found = part_count
),
-- The weight of each word of the query: low if it is everywhere, highest if it is nowhere.
weights as materialized (
    select
        a.word,
        count(p.chunk_hash) = 0 as is_nowhere,
        ln(1 + (any_value(t.chunk_count) - count(distinct p.chunk_hash) + 0.5) / (count(distinct p.chunk_hash) + 0.5)) as weight
    from (select distinct word from asked) as a
    cross join totals as t
    left join postings as p on p.word = a.word
    group by a.word
),
-- Names are only split into words if they contain one of the terms.
terms as materialized (
    select list(distinct term) as terms from asked
),
cut as (
    select n.name, name_words(n.name) as words
    from (select chunk_name as name from fitting union select document_path from fitting) as n
    cross join terms as t
    where holds_any(n.name, t.terms)
),
named as (
    select
        f.chunk_id, f.chunk_hash, f.text_characters,
        string_split(lower(f.chunk_name), ', ') as names,
        coalesce(n.words, []) as name_terms,
        coalesce(p.words, []) as path_terms,
        lower(f.chunk_name) = lower(trim(query)) as is_asked_name
    from fitting as f
    left join cut as n on n.name = f.chunk_name
    left join cut as p on p.name = f.document_path
),
scored as (
    select
        n.chunk_id,
        count(distinct p.word) as matched_terms,
        sum(
            ln(1 + (t.chunk_count - p.document_frequency + 0.5) / (p.document_frequency + 0.5))
            -- A term found as a whole was also found by its parts.
            * case when p.is_whole or p.part_count = 0 then 1.0 when p.has_whole then 0.3 else 0.6 end
            * (
                p.term_count * 2.2 / (p.term_count + 1.2 * (0.25 + 0.75 * n.text_characters / t.average_characters))
                + case
                    when n.is_asked_name or (p.is_whole and n.names = [p.term]) then 3.0
                    when p.is_whole and list_contains(n.names, p.term) then 2.0
                    when list_contains(n.name_terms, p.term) then 1.2
                    else 0.0
                end
                + case when list_contains(n.path_terms, p.term) then 0.5 else 0.0 end
            )
        ) * (0.5 + 0.5 * count(distinct p.word) / (select count(distinct word) from asked)) as score
    from postings as p
    inner join named as n on n.chunk_hash = p.chunk_hash
    inner join weights as w on w.word = p.word
    cross join totals as t
    group by n.chunk_id
    -- If a word is nowhere, chunks with only the common words of the query are not relevant.
    having sum(w.weight / p.term_count_of_word) >= (select case when bool_or(is_nowhere) then 0.4 * sum(weight) else 0 end from weights)
),
hits as materialized (
    select
        f.chunk_id, f.document_id, f.line_start, f.line_end, s.score, s.matched_terms,
        row_number() over (order by s.score desc, f.document_path, f.line_start, f.chunk_id) as place
    from scored as s
    inner join fitting as f on f.chunk_id = s.chunk_id
    qualify place <= 10 * most + 100
),
ranked as materialized (
    select h.*, row_number() over (order by h.place) as search_rank
    from hits as h
    anti join hits as better
        on better.document_id = h.document_id and better.place < h.place
        and better.line_start <= h.line_start and better.line_end >= h.line_end
    qualify search_rank <= most
),
shown as materialized (
    select
        c.chunk_id,
        c.chunk_text,
        t.terms,
        best_line(c.chunk_text, t.terms) as best
    from dim_chunk as c
    cross join terms as t
    where c.chunk_id in (select r.chunk_id from ranked as r where r.search_rank <= coalesce(shown_most, most))
)
select
    r.search_rank,
    r.score,
    r.matched_terms,
    f.document_path,
    f.line_start,
    f.line_end,
    f.chunk_name,
    f.chunk_kind,
    case when s.chunk_text is not null then snippet_around(s.chunk_text, s.best, s.terms) end as snippet,
    case when s.chunk_text is not null then f.line_start + snippet_start(s.chunk_text, s.best) - 1 end as snippet_line,
    f.language,
    f.document_type,
    f.last_modified_at,
    s.chunk_text,
    f.chunk_id,
    f.document_id
from ranked as r
inner join fitting as f on f.chunk_id = r.chunk_id
left join shown as s on s.chunk_id = r.chunk_id
order by r.search_rank;

comment on macro table search_chunks is 'search_chunks(query, language := …, document_type := …, path := …, since := …, most := 20, shown_most := …): the chunks that match a query best (BM25 and names), best first, with the best matching lines (snippet); filters are applied before ranking, the same text is one hit. With shown_most, only that many first rows have a text and a snippet. Example: from search_chunks(''validate token'', language := ''python'')';

-- The function behind the vectors of dim_chunk (macros/chunk_embedding.sql), for one text.
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

comment on macro embed_text is 'A text as a fuzzy vector: hashed words and letter triples (spelling, not meaning), comparable with dim_chunk.embedding of 128 dimensions.';

-- Words and vectors combined: the sum of reciprocal ranks. Vectors of a model are compared with `query_vector` (by embed_query,
-- which `agent-store query` has if the extra is installed), fuzzy ones with the query's own. Without vectors it is search_chunks.
create or replace macro hybrid_search(
    query, language := null, document_type := null, path := null, since := null, most := 20, query_vector := null
) as table
with asked_vector as materialized (
    select coalesce(
        cast(query_vector as float[]),
        case when (select max(len(embedding)) from dim_chunk) = 128 then embed_text(query) end
    ) as vector
),
keyword_hits as (
    select chunk_id, search_rank from search_chunks(
        query, language := language, document_type := document_type, path := path, since := since, most := 100
    )
),
vector_hits as (
    select chunk_id, row_number() over (order by distance, chunk_id) as search_rank
    from (
        select c.chunk_id, case when len(c.embedding) = len(v.vector) then c.embedding <=> v.vector end as distance
        from dim_chunk as c
        cross join asked_vector as v
        inner join dim_document as d on d.document_id = c.document_id
        where
            c.embedding is not null and c.is_indexed
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
),
hits as materialized (
    select
        c.chunk_id, c.document_id, c.chunk_name, c.chunk_kind, c.line_start, c.line_end, c.chunk_text,
        d.document_path, d.language, d.document_type, f.score,
        row_number() over (order by f.score desc, d.document_path, c.line_start, c.chunk_id) as place
    from fused as f
    inner join dim_chunk as c on c.chunk_id = f.chunk_id
    inner join dim_document as d on d.document_id = c.document_id
    -- The same text at several places is one hit: the best.
    qualify row_number() over (partition by c.chunk_hash order by f.score desc, d.document_path, c.line_start, c.chunk_id) = 1
),
ranked as materialized (
    select h.*, row_number() over (order by h.place) as search_rank
    from hits as h
    anti join hits as better
        on better.document_id = h.document_id and better.place < h.place
        and better.line_start <= h.line_start and better.line_end >= h.line_end
    qualify search_rank <= most
),
shown as materialized (
    select r.*, a.terms, best_line(r.chunk_text, a.terms) as best
    from ranked as r
    cross join (select list(distinct term) as terms from search_terms(query)) as a
)
select
    search_rank,
    score,
    document_path,
    line_start,
    line_end,
    chunk_name,
    chunk_kind,
    snippet_around(chunk_text, best, terms) as snippet,
    line_start + snippet_start(chunk_text, best) - 1 as snippet_line,
    language,
    document_type,
    chunk_text,
    chunk_id,
    document_id
from shown
order by search_rank;

comment on macro table hybrid_search is 'hybrid_search(query, …, query_vector := embed_query(query)): search_chunks and the vectors of dim_chunk combined (reciprocal rank fusion). Vectors of the extra embeddings need query_vector and find by meaning; vectors without the extra are fuzzy and find by spelling. Without vectors the same as search_chunks. Example: from hybrid_search(''validate token'')';

-- A line that was read in several states is shown once, as in the newest chunk.
create or replace macro entity_references(entity, reference_type := null) as table
select
    r.reference_type,
    r.container_name,
    d.document_path,
    r.line_number,
    d.language,
    coalesce(r.symbol_type, e.entity_type) as symbol_type,
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
qualify row_number() over (
    partition by d.document_id, r.line_number, r.reference_type
    order by c.last_seen_at desc nulls last, c.line_end - c.line_start, r.symbol_type nulls last, c.chunk_id
) = 1
order by case r.reference_type when 'definition' then 1 when 'import' then 2 when 'call' then 3 else 4 end, d.document_path, r.line_number;

comment on macro table entity_references is 'entity_references(name, reference_type := …): where a function, class, table, heading … is defined, imported, called and used, each line once; symbol_type is its kind at that place, entity_type its main kind. Example: from entity_references(''main'')';

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

comment on macro table recent_changes is 'recent_changes(since, language := …, path := …): documents that changed, by edits of agents, commits and scans, newest first. Example: from recent_changes(timestamp ''2026-01-01'')';
