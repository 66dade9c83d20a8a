{{ config(materialized='incremental', incremental_strategy='replace_touched', on_schema_change='append_new_columns') }}

with touched as {{ touched_sessions() }},

-- Every copy of every response of the touched sessions, in whichever session the copy stands.
candidates as (
    select
        lines.*,
        files.path as source_path,
        coalesce(lines.message_id, lines.line_uuid) as message_key,
        coalesce(copies.owner_session_id, lines.session_id) as owner_session_id,
        coalesce(copies.is_copy, false) as is_copy
    from {{ ref('stg_transcripts__line') }} as lines
    inner join {{ ref('stg_transcripts__file') }} as files on files.file_id = lines.file_id
    left join {{ ref('int_line_copy') }} as copies
        on copies.file_id = lines.file_id and copies.line_number = lines.line_number and copies.part_number = lines.part_number
    where
        lines.line_type = 'assistant'
        -- A usage of another type than an object parses to a struct of NULLs.
        and coalesce(lines.usage.input_tokens, lines.usage.output_tokens, lines.usage.cache_read_input_tokens,
            lines.usage.cache_creation_input_tokens) is not null
        and coalesce(lines.model_raw, '') <> '<synthetic>'
        and not lines.is_api_error
        and coalesce(lines.message_id, lines.line_uuid) in (
            select coalesce(inner_lines.message_id, inner_lines.line_uuid)
            from {{ ref('stg_transcripts__line') }} as inner_lines
            semi join touched on touched.session_id = inner_lines.session_id
            where inner_lines.line_type = 'assistant'
        )
),

-- One message id under several request ids: a side question replays the parent's message, so its copies on the side chain
-- count with the request of the main thread. A copy without a request id belongs to the only request of its message.
requests as (
    select
        message_key,
        count(distinct request_id) as request_count,
        min(request_id) as only_request_id,
        min(request_id) filter (where not is_sidechain) as main_request_id,
        bool_or(not is_sidechain and request_id is null) as has_main_without_request
    from candidates
    group by message_key
),

sessions_of_message as (
    select
        message_key,
        owner_session_id
    from candidates
    where request_id is not null
    group by all
),

keyed as (
    select
        candidates.*,
        case
            when
                candidates.is_sidechain and candidates.request_id is not null and requests.request_count > 1
                and requests.main_request_id is not null
                then requests.main_request_id
            -- The event stream never names the request.
            when candidates.request_id is null and candidates.is_event_stream
                then coalesce(requests.main_request_id, requests.only_request_id)
            when
                candidates.request_id is null and requests.request_count = 1
                and sessions_of_message.owner_session_id is not null
                then requests.only_request_id
            else candidates.request_id
        end as counted_request_id
    from candidates
    inner join requests on requests.message_key = candidates.message_key
    left join sessions_of_message
        on sessions_of_message.message_key = candidates.message_key
        and sessions_of_message.owner_session_id = candidates.owner_session_id
),

identified as (
    select
        *,
        {{ surrogate_key(['message_key', "coalesce(counted_request_id, owner_session_id)"]) }} as response_id
    from keyed
),

session_starts as (
    select
        session_id,
        min(created_at) as first_created_at,
        coalesce(bool_or(named_session_id <> session_id), false) as names_other_session
    from {{ ref('stg_transcripts__line') }}
    where session_id in (select session_id from identified)
    group by session_id
),

ranked as (
    select
        identified.*,
        row_number() over (
            partition by identified.response_id
            order by
                identified.is_sidechain,
                coalesce(identified.usage.output_tokens, 0) desc,
                (identified.stop_reason is not null) desc,
                identified.created_at desc nulls last,
                identified.is_copy,
                identified.source_path,
                identified.line_number desc
        ) as winner_rank,
        row_number() over (
            partition by identified.response_id
            order by
                identified.is_copy,
                coalesce(identified.named_session_id <> identified.session_id, false),
                session_starts.names_other_session,
                session_starts.first_created_at nulls last,
                identified.session_id,
                identified.is_nested,
                identified.created_at nulls last,
                identified.source_path,
                identified.line_number
        ) as owner_rank
    from identified
    left join session_starts on session_starts.session_id = identified.session_id
),

owners as (
    select response_id, session_id
    from ranked
    where owner_rank = 1
)

select
    ranked.response_id,
    owners.session_id,
    ranked.file_id,
    ranked.line_number,
    ranked.part_number,
    ranked.line_uuid,
    ranked.source_path,
    ranked.session_id as line_session_id,
    ranked.message_id,
    ranked.message_key,
    ranked.counted_request_id as request_id,
    ranked.created_at,
    ranked.model_raw,
    ranked.stop_reason,
    ranked.stop_category,
    ranked.stop_explanation,
    ranked.usage,
    ranked.api_block_index,
    ranked.effort,
    ranked.cache_miss_reason,
    ranked.attribution_skill,
    ranked.attribution_plugin,
    ranked.attribution_agent,
    ranked.attribution_mcp_server,
    ranked.git_branch,
    ranked.reported_cost_usd,
    ranked.is_sidechain,
    ranked.is_aborted,
    ranked.is_copy,
    ranked.winner_rank,
    ranked.owner_rank,
    touched._batch_id
from ranked
inner join owners on owners.response_id = ranked.response_id
inner join touched on touched.session_id = owners.session_id
