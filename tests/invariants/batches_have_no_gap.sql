-- Landing batches are numbered 1, 2, 3 … without a gap: a missing number is a lost batch, which incremental
-- models would never see.
select
    count(*) as batch_count,
    min(batch_id) as first_batch_id,
    max(batch_id) as last_batch_id
from {{ ref('stg_transcripts__batch') }}
having
    count(*) > 0
    and (min(batch_id) <> 1 or max(batch_id) <> count(*) or count(distinct batch_id) <> count(*))
