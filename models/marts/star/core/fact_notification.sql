select
    hooks.event_id as notification_id,
    hooks.session_id,
    actors.agent_id,
    hooks.turn_id as prompt_id,
    hooks.received_at as notified_at,
    coalesce(nullif(hooks.payload.notification_type, ''), 'unknown') as notification_type,
    hooks.payload.title as title,
    left(hooks.payload.message, 2000) as message,
    'recorded' as provenance,
    hooks.source_path as _source_path,
    hooks.source_line as _source_line,
    hooks._batch_id
from {{ ref('int_hook') }} as hooks
inner join {{ ref('int_actor') }} as actors
    on actors.session_id = hooks.session_id and actors.actor = hooks.actor
where hooks.hook_event = 'Notification'
