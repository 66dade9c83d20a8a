{#
    Fuzzy vectors of chunks, for stores without the extra `embeddings`, as a relation with `chunk_id` and
    `embedding`: the words of each text and their letter triples, hashed into a fixed number of dimensions,
    weighted by the logarithm of their frequency in the chunk, of length one. Words that share a stem or are
    misspelt are close to each other; the vectors know no meaning beyond letters. md5 makes them the same
    everywhere.
#}
{% macro chunk_embeddings(relation) -%}
{%- set dimensions = var('embedding_dimensions', 128) -%}
(
    select
        chunk_id,
        cast(list(weight / length order by dimension) as float[]) as embedding
    from (
        select
            chunk_id,
            dimension,
            weight,
            sqrt(sum(weight * weight) over (partition by chunk_id)) as length
        from (
            select
                grid.chunk_id,
                grid.dimension,
                coalesce(sum(features.weight), 0) as weight
            from (select chunk_id, unnest(range({{ dimensions }})) as dimension from {{ relation }}) as grid
            left join (
                select
                    chunk_id,
                    cast(md5_number_lower(feature) % {{ dimensions }} as bigint) as dimension,
                    (case when md5_number_upper(feature) % 2 = 0 then 1 else -1 end) * sum(part) as weight
                from (
                    select
                        chunk_id,
                        unnest(list_concat(
                            [word], list_transform(
                                range(1, length(word)), lambda i: substr(concat('<', word, '>'), i, 3)
                            )
                        )) as feature,
                        (1 + ln(word_count)) / length(word) as part
                    from (
                        select chunk_id, lower(word) as word, count(*) as word_count
                        from (
                            select chunk_id, unnest({{ words_of('chunk_text') }}) as word from {{ relation }}
                        )
                        where length(word) between 3 and 40
                        group by all
                    )
                )
                group by chunk_id, feature
            ) as features on features.chunk_id = grid.chunk_id and features.dimension = grid.dimension
            group by grid.chunk_id, grid.dimension
        )
    )
    where length > 0
    group by chunk_id
)
{%- endmacro %}

{# Whether vectors are computed: AGENT_STORE_EMBEDDINGS, or else the var `chunk_embeddings`. #}
{% macro has_embeddings() -%}
    {{ return(
        env_var('AGENT_STORE_EMBEDDINGS', '') in ['1', 'true', 'on'] or var('chunk_embeddings', false)
    ) }}
{%- endmacro %}
