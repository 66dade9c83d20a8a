-- Content of the context window by the client's own count: the output of a `/context` command, one row per
-- entry. The categories add up to the window, including free space and excluding deferred content; the other
-- lists break down some categories.
with usages as (
    select
        session_id,
        line_uuid,
        agent_run_id,
        created_at,
        line_id,
        {{ json_struct('context_usage', '{"model": "VARCHAR", "total_tokens": "COUNT",
            "raw_max_tokens": "COUNT", "over_limit": {"tokens_over": "COUNT", "kind": "VARCHAR"},
            "categories": [{"name": "VARCHAR", "tokens": "COUNT", "kind": "VARCHAR"}],
            "skills": [{"name": "VARCHAR", "source": "VARCHAR", "tokens": "COUNT"}],
            "memory_files": [{"path": "VARCHAR", "type": "VARCHAR", "tokens": "COUNT"}],
            "mcp_tools": [{"name": "VARCHAR", "server_name": "VARCHAR", "tokens": "COUNT"}],
            "agents": [{"agent_type": "VARCHAR", "source": "VARCHAR", "tokens": "COUNT"}]}') }} as usage,
        _batch_id
    from {{ ref('stg_transcripts__line') }}
    where context_usage is not null
),

entries as (
    select
        line_id,
        'category' as entry_type,
        entry_number,
        entry.name as entry_name,
        entry.kind as entry_kind,
        cast(null as varchar) as entry_source,
        entry.tokens
    from {{ explode(
        '(select *, usage.categories as entries from usages)', 'entries', 'entry', 'entry_number'
    ) }} as exploded
    union all
    select line_id, 'skill', entry_number, entry.name, null, entry.source, entry.tokens
    from {{ explode('(select *, usage.skills as entries from usages)', 'entries', 'entry', 'entry_number') }}
        as exploded
    union all
    select line_id, 'memory_file', entry_number, entry.path, null, entry.type, entry.tokens
    from {{ explode(
        '(select *, usage.memory_files as entries from usages)', 'entries', 'entry', 'entry_number'
    ) }} as exploded
    union all
    select line_id, 'mcp_tool', entry_number, entry.name, null, entry.server_name, entry.tokens
    from {{ explode(
        '(select *, usage.mcp_tools as entries from usages)', 'entries', 'entry', 'entry_number'
    ) }} as exploded
    union all
    select line_id, 'agent', entry_number, entry.agent_type, null, entry.source, entry.tokens
    from {{ explode('(select *, usage.agents as entries from usages)', 'entries', 'entry', 'entry_number') }}
        as exploded
)

select
    usages.session_id,
    usages.line_uuid,
    usages.agent_run_id,
    usages.created_at,
    usages.line_id,
    entries.entry_type,
    entries.entry_number,
    entries.entry_name,
    entries.entry_kind,
    entries.entry_source,
    entries.tokens,
    usages.usage.model as model_raw,
    {{ normalized_model('usages.usage.model') }} as model_name,
    usages.usage.total_tokens,
    usages.usage.raw_max_tokens as window_tokens,
    usages.usage.over_limit.tokens_over as over_limit_tokens,
    usages.usage.over_limit.kind as over_limit_kind,
    usages._batch_id
from usages
inner join entries on entries.line_id = usages.line_id
where entries.entry_name is not null and entries.tokens is not null
