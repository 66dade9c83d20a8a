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

-- A spool that was copied, or restored from a backup, contains the same lines again.
placed as (
    select
        parsed.*,
        files.path as source_path,
        row_number() over (
            partition by parsed.event_id
            order by files.path, parsed.line_number, parsed.part_number, files.file_id
        ) as copy_number
    from parsed
    inner join {{ source('raw', 'source_file') }} as files on files.file_id = parsed.file_id
),

named as (
    select
        *,
        case
            when coalesce(p.kind, '') = '' or p.received_at_ms is null or p.payload is null
                then 'no event of Agent Store'
            when coalesce(p.schema_version, 0) not between 1 and {{ var('newest_event_schema', 1) }}
                then 'an event of a newer version of Agent Store'
            when p.kind not in ({{ event_kinds() }}) then 'an event of a kind that is not known'
            when p.kind = 'hook' and coalesce(p.payload.hook_event_name, '') = ''
                then 'a hook event without a name'
        end as set_aside_reason,
        {{ log_id('coalesce(p.session_id, p.payload.session_id)') }} as session_id,
        {{ timestamp_from_ms('p.received_at_ms') }} as received_at
    from placed
    where copy_number = 1
)

select
    named.event_id,
    {{ line_id('named') }} as line_id,
    named.file_id,
    named.line_number,
    named.part_number,
    named.source_path,
    named.set_aside_reason,
    case when named.set_aside_reason is null then named.p.kind end as event_kind,
    case when named.p.kind = 'hook' then named.p.payload.hook_event_name end as hook_event,
    named.received_at,
    coalesce({{ timestamp_from_ms('named.p.payload.occurred_at_ms') }}, named.received_at) as occurred_at,
    named.p.host as host,
    named.p.sequence as sequence_number,
    named.session_id,
    -- For a hook: the subagent run. Otherwise: the recorder's own name for its agent.
    {{ log_id('named.p.payload.agent_id') }} as agent_name,
    case when named.p.kind = 'hook' then {{ log_id('named.p.payload.agent_id') }} end as agent_run_id,
    nullif(named.p.payload.agent_type, '') as agent_type,
    {{ log_id('named.p.payload.task_id') }} as task_name,
    {{ log_id('named.p.payload.prompt_id') }} as prompt_id,
    {{ log_id('named.p.payload.tool_use_id') }} as tool_use_id,
    coalesce(named.p.payload.cwd, named.p.payload.working_dir) as working_dir,
    named.p.payload.tool_name,
    md5(cast(named.p.payload.tool_input as varchar)) as tool_input_hash,
    case
        when named.p.payload.hook_event_name = 'PermissionRequest'
            then cast(named.p.payload.tool_input as varchar)
    end as tool_input,
    {{ believable('named.p.payload.duration_ms') }} as duration_ms,
    named.p.payload.error,
    case when named.p.kind = 'api_call' then cast(named.p.payload.content as varchar) end as content,
    case when named.p.kind = 'query' then named.p.payload.sql end as sql_text,
    cast(coalesce(named.p.payload.metadata, named.p.payload.metrics) as varchar) as metadata,
    {{ event_payload('named.p.payload') }} as payload,
    named._batch_id
from named
{%- if is_incremental() %}
    anti join {{ this }} as known on known.event_id = named.event_id
{%- endif %}
where
    named.session_id is null
    or named.session_id not in (select session_id from {{ source('raw', 'set_aside_session') }})
