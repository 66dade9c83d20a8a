select
    fingerprint,
    user_salt,
    applied_at
from {{ source('raw', 'privacy') }}
