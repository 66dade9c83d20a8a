select
    root,
    path,
    file_id,
    vanished_at
from {{ source('raw', 'file_location') }}
where file_id is not null
