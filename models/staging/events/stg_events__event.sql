{{ config(
    materialized='incremental', incremental_strategy='append',
    zstd_columns=['tool_input', 'content', 'usage', 'metadata', 'sql_text']
) }}

with raw_lines as (
    select
        file_id,
        line_number,
        part_number,
        coalesce(repaired_line, line) as line,
        _batch_id
    from {{ source('raw_events', 'event_line') }}
    where set_aside_reason is null and {{ unseen() }}
),

parsed as (
    select
        *,
        md5(line) as event_id,
        {{ json_struct('line', event_spec()) }} as p
    from raw_lines
),

-- A spool that was copied, or put back from a backup, holds the same lines again.
placed as (
    select
        parsed.*,
        files.path as source_path,
        row_number() over (
            partition by parsed.event_id order by files.path, parsed.line_number, parsed.part_number, files.file_id
        ) as copy_number
    from parsed
    inner join {{ source('raw', 'source_file') }} as files on files.file_id = parsed.file_id
{%- if is_incremental() %}
    anti join {{ this }} as known on known.event_id = parsed.event_id
{%- endif %}
),

named as (
    select
        *,
        case
            when coalesce(p.kind, '') = '' or p.received_at_ms is null or p.payload is null then 'no event of Agent Store'
            when coalesce(p.schema_version, 0) not between 1 and {{ var('newest_event_schema', 1) }}
                then 'an event of a newer version of Agent Store'
            when p.kind = 'hook' and coalesce(p.payload.hook_event_name, '') = '' then 'a hook event without a name'
        end as set_aside_reason,
        {{ log_id('coalesce(p.session_id, p.payload.session_id)') }} as session_id,
        {{ timestamp_from_ms('p.received_at_ms') }} as received_at
    from placed
    where copy_number = 1
)

select
    event_id,
    {{ line_id() }} as line_id,
    file_id,
    line_number,
    part_number,
    source_path,
    set_aside_reason,
    case when set_aside_reason is null then p.kind end as event_kind,
    case when p.kind = 'hook' then p.payload.hook_event_name end as hook_event,
    received_at,
    coalesce({{ timestamp_from_ms('p.payload.occurred_at_ms') }}, received_at) as occurred_at,
    p.host as host,
    p.sequence as sequence_number,
    session_id,
    -- In a hook: the run of a subagent. Elsewhere: who records, in words of its own.
    {{ log_id('p.payload.agent_id') }} as agent_name,
    case when p.kind = 'hook' then {{ log_id('p.payload.agent_id') }} end as agent_run_id,
    nullif(p.payload.agent_type, '') as agent_type,
    {{ log_id('p.payload.task_id') }} as task_name,
    {{ log_id('p.payload.prompt_id') }} as prompt_id,
    {{ log_id('p.payload.tool_use_id') }} as tool_use_id,
    coalesce(p.payload.cwd, p.payload.working_dir) as working_dir,
    p.payload.tool_name,
    md5(cast(p.payload.tool_input as varchar)) as tool_input_hash,
    case
        when p.payload.hook_event_name = 'PermissionRequest' then cast(p.payload.tool_input as varchar)
    end as tool_input,
    {{ believable('p.payload.duration_ms') }} as duration_ms,
    p.payload.error,
    case when p.kind = 'api_call' then cast(p.payload.content as varchar) end as content,
    case when p.kind = 'query' then p.payload.sql end as sql_text,
    cast(coalesce(p.payload.metadata, p.payload.metrics) as varchar) as metadata,
    {{ event_payload('p.payload') }} as payload,
    _batch_id
from named
where session_id is null or session_id not in (select session_id from {{ source('raw', 'set_aside_session') }})
