with documents as (
    select * from {{ source('raw', 'document') }}
),

files as (
    select * from {{ ref('stg_transcripts__file') }}
    -- A file outside the folder of a session belongs to no run.
    where file_kind = 'agent_meta' and file_session_id is not null
),

latest as (
    select
        documents.*,
        row_number() over (
            partition by documents.file_id order by documents._batch_id desc, documents.content_hash
        ) as version_rank
    from documents
),

parsed as (
    select
        files.file_session_id,
        files.file_agent_id,
        latest._batch_id,
        {{ json_struct(json_document('latest.content'), '{"agentType": "VARCHAR", "description": "VARCHAR",
            "toolUseId": "VARCHAR", "parentAgentId": "VARCHAR", "spawnDepth": "COUNT", "model": "VARCHAR",
            "isFork": "BOOLEAN", "worktreePath": "VARCHAR", "worktreeBranch": "VARCHAR",
            "stoppedByUser": "BOOLEAN"}') }} as meta
    from latest
    inner join files on files.file_id = latest.file_id
    where latest.version_rank = 1
)

select
    file_session_id as session_id,
    file_agent_id as agent_run_id,
    max(nullif(meta.agentType, '')) as agent_type,
    max(meta.description) as description,
    max({{ log_id('meta.toolUseId') }}) as spawn_tool_use_id,
    max({{ log_id('meta.parentAgentId') }}) as parent_agent_run_id,
    max(meta.spawnDepth) as spawn_depth,
    max(meta.model) as requested_model,
    max(meta.worktreePath) as worktree_path,
    max(meta.worktreeBranch) as worktree_branch,
    coalesce(bool_or(meta.isFork), false) as is_fork,
    coalesce(bool_or(meta.stoppedByUser), false) as was_stopped_by_user,
    max(_batch_id) as _batch_id
from parsed
group by all
