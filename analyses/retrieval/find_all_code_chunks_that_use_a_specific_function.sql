-- Find all code chunks that use a specific function
-- Put a name in your code in the place of the inner query, which takes the commonest one.
select d.document_path, c.chunk_text, er.line_number
from {{ ref('fact_entity_reference') }} er
join {{ ref('dim_entity') }} e on e.entity_id = er.entity_id
join {{ ref('dim_chunk') }} c on c.chunk_id = er.chunk_id
join {{ ref('dim_document') }} d on d.document_id = c.document_id
where e.entity_name = (
    select entity_name
    from {{ ref('fact_entity_reference') }}
    inner join {{ ref('dim_entity') }} using (entity_id)
    where reference_type in ('usage', 'call')
    group by entity_name
    order by count(*) desc, entity_name
    limit 1
)
  and er.reference_type in ('usage', 'call')
