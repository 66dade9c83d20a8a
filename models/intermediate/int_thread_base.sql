{{ config(materialized='incremental', incremental_strategy='replace_touched') }}

with touched as {{ touched_sessions() }},

responses as (
    select *
    from {{ ref('int_context_response') }} as int_context_response
    semi join touched on touched.session_id = int_context_response.session_id
),

threads as (
    select
        thread_id,
        session_id,
        actor,
        max(response_number) as last_response_number,
        -- Tokens read from the cache after a compaction: the base, plus at most the memory files after it.
        min(cache_read_tokens) filter (where context_change = 'compaction' and cache_read_tokens > 0)
            as restart_read_tokens
    from responses
    group by all
),

entry_weights as (
    select
        thread_id,
        entered_response_number,
        sum(weight) as weight,
        sum(weight) filter (where not is_output) as input_weight,
        count(*) filter (where is_output) as output_count,
        count(*) filter (where not is_output) as input_count,
        count(*) filter (where image_count > 0 or not is_length_known) as unmeasured_count,
        count(*) filter (where item_kind = 'compaction_summary') as summary_count
    from {{ ref('int_context_item') }} as int_context_item
    semi join touched on touched.session_id = int_context_item.session_id
    group by all
),

-- Characters per token, measured in the thread itself from content that entered while its context grew:
-- closer than one rate for all, although prose and listings still differ from tool results by up to 30 %. A
-- thread with too little measured content gets the common rate.
growths as (
    select
        responses.thread_id,
        responses.context_tokens - responses.previous_context_tokens
        - case
            when responses.was_previous_final and entry_weights.output_count > 0
                then responses.previous_output_tokens
            else 0
        end as tokens,
        case when responses.was_previous_final then entry_weights.input_weight else entry_weights.weight end
            as weight
    from responses
    inner join entry_weights
        on entry_weights.thread_id = responses.thread_id
        and entry_weights.entered_response_number = responses.response_number
    where
        responses.context_change = 'growth' and not responses.is_iterated
        and entry_weights.input_count > 0 and entry_weights.unmeasured_count = 0
),

measured_rates as (
    select
        thread_id,
        cast(sum(weight) as double) / sum(tokens) as characters_per_token
    from growths
    where tokens > 0
    group by thread_id
    having
        -- Nine out of ten threads with this much growth have between 2.1 and 4.4 characters per token.
        sum(tokens) >= {{ var('ledger_rate_tokens', 5000) }}
        and sum(weight) between {{ var('ledger_rate_lowest', 1.5) }} * sum(tokens)
        and {{ var('ledger_rate_highest', 6) }} * sum(tokens)
),

starts as (
    select
        responses.thread_id,
        responses.context_tokens,
        responses.cache_read_tokens,
        coalesce(entry_weights.weight, 0) as weight,
        coalesce(entry_weights.summary_count, 0) > 0 as begins_compacted,
        coalesce(measured_rates.characters_per_token, {{ var('characters_per_token') }})
            as characters_per_token,
        case
            when measured_rates.thread_id is null then {{ var('leftover_text_ratio') }}
            -- A thread's own rate comes from later text, mostly tool results; texts of a start differ by up
            -- to 30 % (slopes over sessions that are otherwise the same), so that an error stays below a
            -- fifteenth.
            else {{ var('leftover_text_ratio_measured', 0.3) }}
        end as leftover_text_ratio
    from responses
    left join entry_weights
        on entry_weights.thread_id = responses.thread_id and entry_weights.entered_response_number = 1
    left join measured_rates on measured_rates.thread_id = responses.thread_id
    where responses.response_number = 1
)

-- The system prompt and the tools: exactly the tokens that the first response read from a cache written by
-- another session. After a cold start they are the rest that the logged texts do not explain, at most as much
-- as a restart read.
select
    threads.thread_id,
    threads.session_id,
    threads.actor,
    -- If a thread continues a conversation that its lines do not contain, the base is that conversation.
    case when starts.begins_compacted then 'own' else coalesce(thread_origins.origin, 'own') end as origin,
    -- For some early subagents the prompt is not in the log, and a copy that begins with a compaction does
    -- not show what the compaction kept: a base computed as the rest after the logged texts includes these
    -- too.
    coalesce(thread_origins.is_answer_first, false) or starts.begins_compacted as is_mixed,
    starts.begins_compacted,
    starts.cache_read_tokens > 0 as is_measured,
    threads.restart_read_tokens is not null as is_bounded,
    starts.cache_read_tokens > 0 or threads.restart_read_tokens is not null
    or starts.weight <= starts.leftover_text_ratio * starts.context_tokens
    * starts.characters_per_token as is_known,
    threads.last_response_number,
    case
        when starts.cache_read_tokens > 0 then starts.cache_read_tokens
        else least(
                threads.restart_read_tokens,
                greatest(
                    starts.context_tokens
                    - cast(round(starts.weight / starts.characters_per_token) as bigint), 0
                )
            )
    end as base_tokens,
    starts.characters_per_token,
    starts.leftover_text_ratio,
    touched._batch_id
from starts
inner join threads on threads.thread_id = starts.thread_id
inner join touched on touched.session_id = threads.session_id
left join {{ ref('int_thread_origin') }} as thread_origins on thread_origins.thread_id = threads.thread_id
