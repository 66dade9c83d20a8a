with kinds as (
    select
        entity_id,
        symbol_type,
        count(*) as kind_count
    from {{ ref('fact_entity_reference') }}
    where reference_type = 'definition'
    group by entity_id, symbol_type
),

commonest as (
    select
        entity_id,
        symbol_type,
        row_number() over (partition by entity_id order by kind_count desc, symbol_type) as place
    from kinds
),

-- A scan's definition before one in a range that somebody read, the newest first.
definitions as (
    select
        definitions.entity_id,
        definitions.chunk_id,
        row_number() over (
            partition by definitions.entity_id
            order by chunks.chunk_origin, chunks.created_at desc nulls last, definitions.line_number, definitions.chunk_id
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
    coalesce(commonest.symbol_type, case when entities.is_module then 'module' else 'external' end) as entity_type,
    entities.definition_count,
    entities.import_count,
    entities.call_count,
    entities.usage_count,
    entities.document_count
from entities
left join commonest on commonest.entity_id = entities.entity_id and commonest.place = 1
left join definitions on definitions.entity_id = entities.entity_id and definitions.place = 1
