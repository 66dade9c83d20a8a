with kinds as (
    select
        entity_id,
        symbol_type,
        count(*) as kind_count,
        case symbol_type
            when 'class' then 1
            when 'interface' then 2
            when 'enum' then 3
            when 'type' then 4
            when 'table' then 5
            when 'view' then 6
            when 'function' then 7
            when 'method' then 8
            when 'macro' then 9
            when 'module' then 10
            when 'endpoint' then 11
            when 'heading' then 13
            else 12
        end as kind_rank
    from {{ ref('fact_entity_reference') }}
    where reference_type = 'definition'
    group by entity_id, symbol_type
),

-- If a name is defined as several things, the most informative one: a class that is also a parameter's name
-- is a class.
foremost as (
    select
        entity_id,
        symbol_type,
        row_number() over (partition by entity_id order by kind_rank, kind_count desc, symbol_type) as place
    from kinds
),

-- Definitions in a scan come before those in a range that was read, the newest first.
definitions as (
    select
        definitions.entity_id,
        definitions.chunk_id,
        row_number() over (
            partition by definitions.entity_id
            order by
                chunks.chunk_origin, chunks.created_at desc nulls last, definitions.line_number,
                definitions.chunk_id
        ) as place
    from {{ ref('fact_entity_reference') }} as definitions
    inner join {{ ref('dim_chunk') }} as chunks on chunks.chunk_id = definitions.chunk_id
    where definitions.reference_type = 'definition'
),

entities as (
    select
        mentions.entity_id,
        mentions.symbol_name as entity_name,
        min(chunks.created_at) as created_at,
        bool_or(mentions.symbol_type = 'module') as is_module,
        count(*) filter (where mentions.reference_type = 'definition') as definition_count,
        count(*) filter (where mentions.reference_type = 'import') as import_count,
        count(*) filter (where mentions.reference_type = 'call') as call_count,
        count(*) filter (where mentions.reference_type = 'usage') as usage_count,
        count(distinct mentions.document_id) as document_count
    from {{ ref('fact_entity_reference') }} as mentions
    inner join {{ ref('dim_chunk') }} as chunks on chunks.chunk_id = mentions.chunk_id
    group by mentions.entity_id, mentions.symbol_name
)

select
    entities.entity_id,
    definitions.chunk_id as definition_chunk_id,
    entities.created_at,
    entities.entity_name,
    coalesce(foremost.symbol_type, case when entities.is_module then 'module' else 'external' end)
        as entity_type,
    entities.definition_count,
    entities.import_count,
    entities.call_count,
    entities.usage_count,
    entities.document_count
from entities
left join foremost on foremost.entity_id = entities.entity_id and foremost.place = 1
left join definitions on definitions.entity_id = entities.entity_id and definitions.place = 1
