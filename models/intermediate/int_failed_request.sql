-- One line per retry of the client, or the error shown instead of a response.
select
    lines.line_uuid,
    lines.session_id,
    lines.actor,
    turns.turn_id,
    stg.request_id,
    lines.created_at as failed_at,
    case
        when lines.line_type = 'system' and lines.line_origin <> 'transcript'
            then coalesce(stg.api_error, 'unknown')
        when lines.line_type = 'system' then 'retried'
        else coalesce(stg.api_error, nullif(trim(stg.error_body, '"'), ''), 'unknown')
    end as error_type,
    lines.git_branch,
    lines.source_path,
    lines.line_number as source_line,
    lines.is_sidechain,
    case when lines.line_origin = 'event' then 'recorded' else 'observed' end as provenance,
    lines._batch_id
from {{ ref('int_line') }} as lines
inner join {{ ref('stg_transcripts__line') }} as stg on stg.line_id = lines.line_id
left join {{ ref('int_line_turn') }} as turns on turns.line_uuid = lines.line_uuid
where (lines.line_type = 'system' and lines.subtype = 'api_error')
    or (lines.line_type = 'assistant' and stg.is_api_error)
