with decisions as (
    select * from {{ ref('int_decision') }}
)

select
    {{ surrogate_key(['decision_kind', 'context_hash']) }} as decision_point_id,
    -- An older name of the key.
    {{ surrogate_key(['decision_kind', 'context_hash']) }} as decision_id,
    min(put_at) as created_at,
    max(put_at) as last_put_at,
    min(decision_type) as decision_type,
    decision_kind,
    context_hash,
    min(context_text) as context_text,
    case when decision_kind = 'recorded' then 'recorded' else 'observed' end as provenance,
    cast(count(*) as bigint) as decision_count,
    min_by(source_path, (put_at, decision_id)) as _source_path,
    min_by(source_line, (put_at, decision_id)) as _source_line,
    max(_batch_id) as _batch_id
from decisions
group by decision_kind, context_hash
