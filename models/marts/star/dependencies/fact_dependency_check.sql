with dependencies as (
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
)

select
    checks.check_id,
    dependencies.dependency_id,
    checks.session_id,
    checks.agent_id,
    checks.checked_at,
    checks.first_used_at,
    checks.check_type,
    checks.version_detected,
    checks.error_type,
    checks.error_text,
    {{ as_json({
        'tool': 'checks.tool_name', 'status_code': 'checks.status_code', 'error_type': 'checks.error_type',
        'uses': 'checks.use_count'
    }) }} as metadata,
    checks.provenance,
    checks.available,
    checks.response_time_ms,
    checks.use_count,
    checks._source_path,
    checks._source_line,
    checks._batch_id
from checks
inner join dependencies on dependencies.dependency_name = checks.dependency_name
