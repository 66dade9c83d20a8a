{{ config(materialized='incremental', incremental_strategy='replace_touched') }}

with touched as {{ touched_sessions() }},

-- Every copy of every response of the touched sessions, in whichever session the copy is.
candidates as (
    select
        lines.*,
        coalesce(lines.message_id, lines.line_uuid) as message_key,
        coalesce(copies.owner_session_id, lines.session_id) as owner_session_id,
        coalesce(copies.is_copy, false) as is_copy
    from {{ ref('stg_transcripts__line') }} as lines
    left join {{ ref('int_line_copy') }} as copies on copies.line_id = lines.line_id
    where
        lines.line_type = 'assistant'
        -- A usage that is not an object parses to a struct of NULLs.
        and coalesce(
            lines.usage.input_tokens, lines.usage.output_tokens, lines.usage.cache_read_input_tokens,
            lines.usage.cache_creation_input_tokens
        ) is not null
        and coalesce(lines.model_raw, '') <> '<synthetic>'
        and not (coalesce(lines.subtype, '') = 'result' and coalesce(copies.is_copy, false))
        and not lines.is_api_error
        and coalesce(lines.message_id, lines.line_uuid) in (
            select coalesce(inner_lines.message_id, inner_lines.line_uuid)
            from {{ ref('stg_transcripts__line') }} as inner_lines
            semi join touched on touched.session_id = inner_lines.session_id
            where inner_lines.line_type = 'assistant'
        )
),

-- One message id, several request ids: a side question replays the parent's message, so copies on the side
-- chain are counted with the main thread's request. A copy without a request id belongs to its message's only
-- request.
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

-- An id alone proves little: a relay may give every response the same id. The lines of a response report the
-- same input, so another response starts where a prompt or tool result separates lines that differ in it, or
-- after a line that ended its turn. For a server-side loop the first step is compared: early lines report
-- only that.
signed as (
    select
        *,
        coalesce(counted_request_id, owner_session_id) as request_key,
        concat_ws(',', file_id, agent_run_id, is_nested, is_sidechain) as thread_name,
        nullif(
            concat_ws(
                ',',
                coalesce(usage.iterations[1].input_tokens, usage.input_tokens, 0),
                coalesce(
                    usage.iterations[1].cache_read_input_tokens,
                    usage.cache_read_input_tokens, 0
                ),
                coalesce(
                    usage.iterations[1].cache_creation_input_tokens,
                    usage.cache_creation_input_tokens, 0
                )
            ), '0,0,0'
        ) as input_signature
    from keyed
),

doubtful_keys as (
    select message_key, request_key
    from signed
    group by message_key, request_key
    having
        count(distinct input_signature) > 1
        or count(*) filter (where request_id is null and stop_reason in ('end_turn', 'stop_sequence')) > 1
),

-- Copies follow their original, and replays by a side question follow the replayed line.
doubtful_lines as (
    select signed.*
    from signed
    semi join doubtful_keys
        on doubtful_keys.message_key = signed.message_key and doubtful_keys.request_key = signed.request_key
    where
        not signed.is_copy
        and coalesce(signed.request_id, signed.counted_request_id, '')
        = coalesce(signed.counted_request_id, '')
),

inputs as (
    select
        line_id,
        count(*) filter (where line_type = 'user' and not is_meta) over (
            partition by concat_ws(',', file_id, agent_run_id, is_nested, is_sidechain) order by line_id
            rows between unbounded preceding and current row
        ) as input_count
    from {{ ref('stg_transcripts__line') }}
    where line_type in ('user', 'assistant') and file_id in (select file_id from doubtful_lines)
),

-- Lines without an input are compared among themselves: a line that only announces a response proves nothing.
compared as (
    select
        doubtful_lines.*,
        coalesce(
            inputs.input_count > lag(inputs.input_count) over key_lines
            and (
                doubtful_lines.input_signature <> lag(doubtful_lines.input_signature) over key_lines
                or (
                    doubtful_lines.request_id is null
                    and lag(doubtful_lines.stop_reason) over key_lines in ('end_turn', 'stop_sequence')
                )
            ), false
        ) as starts_answer
    from doubtful_lines
    inner join inputs on inputs.line_id = doubtful_lines.line_id
    window key_lines as (
        partition by
            doubtful_lines.message_key, doubtful_lines.request_key, doubtful_lines.thread_name,
            doubtful_lines.input_signature is null
        order by doubtful_lines.line_id
    )
),

runs as (
    select
        *,
        sum(case when starts_answer then 1 else 0 end) over (
            partition by message_key, request_key, thread_name order by line_id
            rows between unbounded preceding and current row
        ) as run_number
    from compared
),

run_starts as (
    select
        *,
        first_value(line_uuid) over run as run_uuid,
        max(input_signature) over (partition by message_key, request_key, thread_name, run_number)
            as run_signature
    from runs
    window run as (partition by message_key, request_key, thread_name, run_number order by line_id)
),

-- The earliest run of a key keeps its name, as do runs in other files and threads that report the same input.
first_runs as (
    select message_key, request_key, run_signature
    from (
        select
            message_key,
            request_key,
            run_signature,
            row_number() over (
                partition by message_key, request_key
                order by
                    run_signature is null, is_sidechain, created_at nulls last, source_path, line_number,
                    line_id
            ) as place
        from run_starts
        where run_number = 0
    ) as placed
    where place = 1
),

answer_names as (
    select
        run_starts.message_key,
        run_starts.request_key,
        run_starts.line_uuid,
        max(
            case
                when run_starts.run_number > 0 or run_starts.run_signature <> first_runs.run_signature
                    then run_starts.run_uuid
            end
        ) as answer_name
    from run_starts
    inner join first_runs
        on first_runs.message_key = run_starts.message_key and first_runs.request_key = run_starts.request_key
    group by run_starts.message_key, run_starts.request_key, run_starts.line_uuid
),

identified as (
    select
        signed.*,
        case
            when answer_names.answer_name is null
                then {{ surrogate_key(['signed.message_key', 'signed.request_key']) }}
            else {{ surrogate_key(['signed.message_key', 'signed.request_key', 'answer_names.answer_name']) }}
        end as response_id
    from signed
    left join answer_names
        on answer_names.message_key = signed.message_key and answer_names.request_key = signed.request_key
        and answer_names.line_uuid = signed.line_uuid
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
                identified.line_number desc,
                identified.line_id desc
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
                identified.line_number,
                identified.line_id
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
    ranked.line_id,
    ranked.line_number,
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
    ranked.ccusage_skip_reason,
    ranked.is_sidechain,
    ranked.is_nested,
    ranked.is_aborted,
    ranked.is_copy,
    ranked.line_origin,
    ranked.latency_ms,
    ranked.first_token_ms,
    ranked.winner_rank,
    ranked.owner_rank,
    touched._batch_id
from ranked
inner join owners on owners.response_id = ranked.response_id
inner join touched on touched.session_id = owners.session_id
