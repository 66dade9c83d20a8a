select
    attempts.attempt_id,
    case
        when attempts.component_type = 'skill'
            then {{ surrogate_key(['attempts.component_type', 'attempts.component_name']) }}
    end as skill_id,
    {{ surrogate_key(['attempts.component_type', 'attempts.component_name']) }} as component_id,
    attempts.session_id,
    actors.agent_id,
    attempts.turn_id as task_id,
    attempts.attempted_at,
    attempts.completed_at,
    attempts.component_type,
    attempts.component_name,
    attempts.mode,
    attempts.status,
    attempts.file_path,
    attempts.backup_path,
    attempts.error_text,
    attempts.commit_hash,
    'observed' as provenance,
    attempts.changes_applied,
    attempts.changes_failed,
    attempts.file_count,
    attempts.lines_added,
    attempts.lines_deleted,
    attempts._source_path,
    attempts._source_line,
    attempts._batch_id
from {{ ref('int_update_attempt') }} as attempts
left join {{ ref('int_actor') }} as actors
    on actors.session_id = attempts.session_id and actors.actor = attempts.actor
