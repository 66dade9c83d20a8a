-- Checks made by programs. The calls in a transcript are uses.
with told as (
    select * from {{ ref('int_recorded_event') }}
    where event_kind = 'dependency_check' and trim(payload.dependency_name) <> ''
),

dependencies as (
    select
        dependency_id,
        dependency_type,
        {{ regex_remove('dependency_name', '^(mcp_server|skill|plugin):') }} as dependency_name
    from {{ ref('dim_dependency') }}
    where dependency_type not in ('skill', 'plugin')
),

checks as (
    select
        use_id as check_id,
        dependency_name,
        session_id,
        agent_id,
        last_used_at as checked_at,
        first_used_at,
        check_type,
        version_detected,
        left(error_text, 500) as error_text,
        'observed' as provenance,
        is_available as available,
        cast(round(response_time_ms) as bigint) as response_time_ms,
        cast(use_count as bigint) as use_count,
        tool_name,
        error_type,
        cast(null as integer) as status_code,
        _source_path,
        _source_line,
        _batch_id
    from {{ ref('int_dependency_use') }}
    where dependency_type <> 'skill'
    union all
    select
        check_id,
        source_name,
        cast(null as varchar),
        cast(null as varchar),
        checked_at,
        checked_at as first_used_at,
        case check_type
            when 'health' then 'health_check'
            when 'database' then 'schema_diff'
            when 'env' then 'config_parse'
            when 'file' then 'config_parse'
            else 'page_check'
        end,
        version_detected,
        error,
        'recorded',
        is_available,
        response_time_ms,
        cast(1 as bigint),
        cast(null as varchar),
        result,
        status_code,
        cast(null as varchar),
        cast(null as bigint),
        _batch_id
    from {{ ref('stg_sources__check') }}
    union all
    select
        event_id,
        trim(payload.dependency_name),
        session_id,
        agent_id,
        occurred_at,
        occurred_at as first_used_at,
        'health_check',
        payload.version_detected,
        left(error, 500),
        'recorded',
        payload.is_available,
        cast(round(payload.response_time_ms) as bigint),
        cast(1 as bigint),
        cast(null as varchar),
        payload.error_type,
        cast(payload.status_code as integer),
        source_path,
        source_line,
        _batch_id
    from told
    where coalesce(lower(trim(payload.dependency_type)), '') not in ('skill', 'plugin')
),

found as (
    select checks.*, dependencies.dependency_id
    from checks
    inner join dependencies on dependencies.dependency_name = checks.dependency_name
    union all by name
    -- A component that a program checked.
    select
        told.event_id as check_id,
        told.session_id,
        told.agent_id,
        told.occurred_at as checked_at,
        told.occurred_at as first_used_at,
        'health_check' as check_type,
        told.payload.version_detected as version_detected,
        left(told.error, 500) as error_text,
        'recorded' as provenance,
        told.payload.is_available as available,
        cast(round(told.payload.response_time_ms) as bigint) as response_time_ms,
        cast(1 as bigint) as use_count,
        told.payload.error_type as error_type,
        cast(told.payload.status_code as integer) as status_code,
        told.source_path as _source_path,
        told.source_line as _source_line,
        told._batch_id,
        {{ surrogate_key([
            'lower(trim(told.payload.dependency_type))', 'trim(told.payload.dependency_name)'
        ]) }} as dependency_id
    from told
    where lower(trim(told.payload.dependency_type)) in ('skill', 'plugin')
)

select
    found.check_id,
    found.dependency_id,
    found.session_id,
    found.agent_id,
    found.checked_at,
    found.first_used_at,
    found.check_type,
    found.version_detected,
    found.error_type,
    found.error_text,
    {{ as_json({
        'tool': 'found.tool_name', 'status_code': 'found.status_code', 'error_type': 'found.error_type',
        'uses': 'found.use_count'
    }) }} as metadata,
    found.provenance,
    found.available,
    found.response_time_ms,
    found.use_count,
    found._source_path,
    found._source_line,
    found._batch_id
from found
