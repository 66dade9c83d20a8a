{{ config(materialized='incremental', incremental_strategy='replace_touched') }}

-- Visits of agents to pages: fetches, downloads, and the output of `git fetch` and `git pull`. Agents get a
-- page as a summary, so for a fetch only the size shows whether the page has changed.
with touched as {{ touched_sessions() }},

calls as (
    select
        calls.*,
        actors.agent_id
    from {{ ref('int_tool_call') }} as calls
    semi join touched on touched.session_id = calls.session_id
    inner join {{ ref('int_actor') }} as actors
        on actors.session_id = calls.session_id and actors.actor = calls.actor
    where calls.tool_name in ('WebFetch', 'Bash')
),

fetches as (
    select
        tool_use_id as look_id,
        session_id,
        agent_id,
        tool_use_id,
        tool_input.url as url,
        'web_fetch' as look_type,
        coalesce(returned_at, called_at) as looked_at,
        cast(coalesce(
            case when result.code between 100 and 999 then result.code end,
            {{ number_in('error_text', 'status code ([0-9]{3})') }}
        ) as integer) as status_code,
        cast(null as varchar) as version_detected,
        case when result.code between 200 and 299 then concat('bytes:', result.bytes) end as watermark,
        'size' as watermark_kind,
        cast(null as varchar) as old_watermark,
        result.bytes as content_bytes,
        cast(null as varchar) as etag,
        cast(null as varchar) as last_modified,
        case when call_status = 'error' then left(error_text, 200) end as error_text,
        case
            when call_status in ('denied', 'interrupted', 'no_result') or error_type = 'blocked_by_hook'
                then null
            when result.code is not null then result.code < 400
            when call_status = 'error' then false
            else true
        end as is_available,
        duration_ms,
        source_path as _source_path,
        source_line as _source_line,
        _batch_id
    from calls
    where tool_name = 'WebFetch' and tool_input.url is not null
),

downloads as (
    select
        tool_use_id as look_id,
        session_id,
        agent_id,
        tool_use_id,
        {{ regex_group('tool_input.command', "\\b(?:curl|wget)\\b[^|;&\\n]*?(https?://[^\\s\"'' |;&)>`]+)") }}
            as url,
        'download' as look_type,
        coalesce(returned_at, called_at) as looked_at,
        cast(null as integer) as status_code,
        cast(null as varchar) as version_detected,
        cast(null as varchar) as watermark,
        'size' as watermark_kind,
        cast(null as varchar) as old_watermark,
        cast(null as bigint) as content_bytes,
        cast(null as varchar) as etag,
        cast(null as varchar) as last_modified,
        case when call_status = 'error' then left(error_text, 200) end as error_text,
        case
            when call_status = 'ok' then true
            when
                {{ regex_matches(
                    'error_text', "'curl: [(](5|6|7|28|35|52|56)[)]|unable to resolve|timed out'"
                ) }}
                then false
        end as is_available,
        duration_ms,
        source_path as _source_path,
        source_line as _source_line,
        _batch_id
    from calls
    where tool_name = 'Bash' and {{ regex_matches('tool_input.command', "'\\b(curl|wget)\\b'") }}
),

git_results as (
    select
        calls.*,
        blocks.block_text,
        {{ remote_url(regex_group('blocks.block_text', '(?m)^From ((?:[a-z]+://|[^ /\\n]+:)[^ \\n]+)$')) }}
            as remote,
        {{ regex_groups(
            'blocks.block_text', '(?m)^[ +]{2,3}[0-9a-f]{7,40}[.]{2,3}[0-9a-f]{7,40} +[^ \\n]+ +-> [^ \\n]+',
            0
        ) }} as ranges
    from calls
    inner join {{ touched_rows(ref('stg_transcripts__block')) }} as blocks
        on blocks.tool_use_id = calls.tool_use_id and blocks.block_type = 'tool_result'
    where
        calls.tool_name = 'Bash' and {{ regex_matches('calls.tool_input.command', "'\\bgit\\b'") }}
        and {{ regex_matches('blocks.block_text', "'(?m)^From [^ ]+$'") }}
),

pulled as (
    select
        tool_use_id,
        session_id,
        agent_id,
        remote,
        pulled_range,
        range_number,
        coalesce(returned_at, called_at) as looked_at,
        duration_ms,
        source_path,
        source_line,
        _batch_id,
        row_number() over (partition by tool_use_id, range_number order by block_text) as copy_number
    from {{ explode('git_results', 'ranges', 'pulled_range', 'range_number') }} as exploded
    where remote is not null
),

pulls as (
    select
        concat(tool_use_id, '/', range_number) as look_id,
        session_id,
        agent_id,
        tool_use_id,
        concat(remote, '/tree/', {{ regex_group('pulled_range', '[.]{2,3}[0-9a-f]+ +([^ ]+)') }}) as url,
        'git_fetch' as look_type,
        looked_at,
        cast(null as integer) as status_code,
        cast(null as varchar) as version_detected,
        left({{ regex_group('pulled_range', '[.]{2,3}([0-9a-f]+)') }}, 7) as watermark,
        'commit' as watermark_kind,
        left({{ regex_group('pulled_range', '([0-9a-f]+)[.]{2,3}') }}, 7) as old_watermark,
        cast(null as bigint) as content_bytes,
        cast(null as varchar) as etag,
        cast(null as varchar) as last_modified,
        cast(null as varchar) as error_text,
        true as is_available,
        duration_ms,
        source_path as _source_path,
        source_line as _source_line,
        _batch_id
    from pulled
    where copy_number = 1
),

observed as (
    select * from fetches
    union all
    select * from downloads
    union all
    select * from pulls
)

select * from observed
where {{ url_host('url') }} like '%.%' and {{ url_host('url') }} not in ('127.0.0.1', '0.0.0.0', 'localhost')
