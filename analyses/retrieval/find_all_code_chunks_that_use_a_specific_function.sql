-- Find all code chunks that use a specific function
-- The inner query selects the most frequent name: replace it with a name in your code.
select d.document_path, c.chunk_text, er.line_number
from {{ ref('fact_entity_reference') }} as er
inner join {{ ref('dim_entity') }} as e on e.entity_id = er.entity_id
inner join {{ ref('dim_chunk') }} as c on c.chunk_id = er.chunk_id
inner join {{ ref('dim_document') }} as d on d.document_id = c.document_id
where
    e.entity_name = (
        select entity_name
        from {{ ref('fact_entity_reference') }} as facts
        inner join {{ ref('dim_entity') }} as names on names.entity_id = facts.entity_id
        where reference_type in ('usage', 'call')
        group by entity_name
        order by count(*) desc, entity_name
        limit 1
    )
    and er.reference_type in ('usage', 'call')
