{{ config(materialized='table') }}
{%- set last_use = "concat(cast(used_at as varchar), coalesce(_source_path, ''), "
    ~ "coalesce(cast(_source_line as varchar), ''), coalesce(tool_name, ''))" %}
{%- set server_is_down = "'(?i)not connected|connection (closed|refused|reset)|econnrefused|timed out"
    ~ "|re-?authori[sz]|server .* (failed|unavailable)'" %}
{%- set network_is_down = "'(?i)could not resolve|network is unreachable"
    ~ "|connection (refused|reset|timed out)|temporary failure|timed? ?out|(50[0234]|429) '" %}

-- Requests of agents to the outside, and whether they were answered: API responses, MCP calls, pages, package
-- registries. One row per session, dependency, user and outcome; every failure is counted, with the text of
-- the last one.
with calls as (
    select
        calls.tool_use_id,
        calls.session_id,
        actors.agent_id,
        calls.tool_name,
        calls.mcp_server,
        calls.tool_input.command as command,
        calls.tool_input.skill as called_skill,
        coalesce(calls.returned_at, calls.called_at) as used_at,
        calls.call_status,
        calls.error_type,
        calls.error_text,
        calls.duration_ms,
        calls.source_path,
        calls.source_line,
        calls._batch_id
    from {{ ref('int_tool_call') }} as calls
    inner join {{ ref('int_actor') }} as actors
        on actors.session_id = calls.session_id and actors.actor = calls.actor
    where calls.tool_name in ('Bash', 'Skill') or calls.mcp_server is not null
),

commands as (
    select
        calls.*,
        dependencies.dependency_name,
        dependencies.dependency_type
    from calls
    inner join {{ ref('int_dependency_command') }} as dependencies
        on dependencies.tool_use_id = calls.tool_use_id
),

-- Servers that provided nothing: not connected, or listing only the two sign-in tools.
unconnected as (
    select
        session_id,
        server_name,
        created_at,
        'mcp_error' as error_type,
        'the client could not connect' as error_text,
        _batch_id
    from {{ explode(
        "(select session_id, created_at, _batch_id, attachment.failedMcpServers as servers from "
        ~ ref('stg_transcripts__attachment') ~ " where attachment.failedMcpServers is not null)",
        'servers', 'server_name', 'server_number'
    ) }} as exploded
    union all
    select
        session_id,
        {{ mcp_server_of('tool_name') }} as server_name,
        min(created_at) as created_at,
        'not_signed_in' as error_type,
        'nobody has signed in: the server offers nothing but to do so' as error_text,
        max(_batch_id) as _batch_id
    from {{ explode(
        "(select session_id, created_at, _batch_id, attachment.addedNames as tool_names from "
        ~ ref('stg_transcripts__attachment') ~ " where attachment_type = 'deferred_tools_delta')",
        'tool_names', 'tool_name', 'tool_number'
    ) }} as exploded
    where {{ mcp_server_of('tool_name') }} is not null
    group by session_id, {{ mcp_server_of('tool_name') }}
    having bool_and({{ mcp_tool_of('tool_name') }} in ('authenticate', 'complete_authentication'))
),

uses as (
    select
        responses.session_id,
        actors.agent_id,
        cast(null as varchar) as error_type,
        concat({{ model_provider('responses.model_name') }}, '_api') as dependency_name,
        'api_endpoint' as dependency_type,
        'api_call' as check_type,
        cast(null as varchar) as tool_name,
        responses.started_at as used_at,
        true as is_available,
        responses.model_raw as version_detected,
        cast(responses.latency_ms as double) as response_time_ms,
        cast(null as varchar) as error_text,
        responses.source_path as _source_path,
        responses.source_line as _source_line,
        responses._batch_id
    from {{ ref('int_api_response') }} as responses
    inner join {{ ref('int_actor') }} as actors
        on actors.session_id = responses.session_id and actors.actor = responses.actor
    where {{ model_provider('responses.model_name') }} <> 'other'
    union all
    select
        failures.session_id,
        actors.agent_id,
        'api_error',
        'anthropic_api',
        'api_endpoint',
        'api_call',
        null,
        failures.failed_at,
        false,
        null,
        null,
        null,
        failures.source_path,
        failures.source_line,
        failures._batch_id
    from {{ ref('int_failed_request') }} as failures
    inner join {{ ref('int_actor') }} as actors
        on actors.session_id = failures.session_id and actors.actor = failures.actor
    union all
    select
        session_id,
        agent_id,
        error_type,
        mcp_server,
        'mcp_server',
        'mcp_call',
        tool_name,
        used_at,
        case
            when call_status = 'ok' then true
            when call_status in ('denied', 'interrupted', 'no_result') then null
            when {{ regex_matches('error_text', server_is_down) }} then false
            else true
        end,
        null,
        duration_ms,
        case when call_status = 'error' then error_text end,
        source_path,
        source_line,
        _batch_id
    from calls
    where mcp_server is not null
    union all
    select
        session_id,
        agent_id,
        error_type,
        called_skill,
        'skill',
        'skill_call',
        tool_name,
        used_at,
        case when call_status = 'ok' then true end,
        null,
        duration_ms,
        case when call_status = 'error' then error_text end,
        source_path,
        source_line,
        _batch_id
    from calls
    where tool_name = 'Skill' and called_skill is not null
    union all
    select
        session_id,
        agent_id,
        error_type,
        dependency_name,
        dependency_type,
        'command',
        tool_name,
        used_at,
        case
            when call_status = 'ok' then true
            when call_status in ('denied', 'interrupted', 'no_result') then null
            when error_type = 'network'
                or {{ regex_matches('error_text', network_is_down) }}
                then false
        end,
        null,
        duration_ms,
        case when call_status = 'error' then error_text end,
        source_path,
        source_line,
        _batch_id
    from commands
    where dependency_name is not null
    union all
    select
        looks.session_id,
        looks.agent_id,
        null,
        {{ url_host('looks.page_url') }},
        'web_host',
        looks.look_type,
        case looks.look_type when 'web_fetch' then 'WebFetch' else 'Bash' end,
        looks.looked_at,
        -- A host that refuses a page or does not know it is available; one that cannot respond at the moment
        -- is not.
        case
            when looks.status_code is not null then looks.status_code < 500 and looks.status_code <> 429
            else looks.is_available
        end,
        null,
        cast(looks.response_time_ms as double),
        looks.error_text,
        looks._source_path,
        looks._source_line,
        looks._batch_id
    from {{ ref('int_page_look') }} as looks
    where looks.provenance = 'observed' and looks.look_type <> 'git_fetch'
    union all
    select
        session_id,
        null,
        error_type,
        server_name,
        'mcp_server',
        'mcp_connect',
        null,
        created_at,
        false,
        null,
        null,
        error_text,
        null,
        null,
        _batch_id
    from unconnected
)

select
    {{ surrogate_key(['session_id', 'agent_id', 'dependency_name', 'dependency_type',
        'check_type', 'tool_name', 'is_available', 'error_type']) }} as use_id,
    session_id,
    agent_id,
    dependency_name,
    dependency_type,
    check_type,
    tool_name,
    is_available,
    error_type,
    min(used_at) as first_used_at,
    max(used_at) as last_used_at,
    {{ value_at_max('version_detected', last_use) }} as version_detected,
    {{ value_at_max('error_text', last_use) }} as error_text,
    median(response_time_ms) as response_time_ms,
    count(*) as use_count,
    {{ value_at_max('_source_path', last_use) }} as _source_path,
    {{ value_at_max('_source_line', last_use) }} as _source_line,
    max(_batch_id) as _batch_id
from uses
where session_id is not null
group by all
