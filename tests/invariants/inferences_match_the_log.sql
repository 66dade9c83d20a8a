-- Per response, the inferences of type `message` add up to the tokens that the log states above them: the top
-- level of the usage leaves out only advisers and compactions. Not compared are fallbacks, because the top
-- level has only the last one, and an empty top level. A row is a response whose log contradicts itself: only
-- a warning.
{{ config(severity='warn') }}

with written as (
    select
        response_id,
        sum(uncached_input_tokens) as uncached_input_tokens,
        sum(output_tokens) as output_tokens,
        sum(cache_read_tokens) as cache_read_tokens,
        sum(cache_write_5m_tokens + cache_write_1h_tokens) as cache_write_tokens
    from {{ ref('int_inference') }}
    where inference_type = 'message' and {{ only_touched('session_id in {sessions}') }}
    group by response_id
),

fallbacks as (
    select distinct response_id
    from {{ ref('int_inference') }}
    where inference_type not in ('message', 'compaction') and inference_type not like 'advisor%'
),

winners as (
    select
        response_id,
        source_path,
        line_number,
        {{ counted_tokens('usage') }}
    from {{ ref('int_response_line') }}
    where winner_rank = 1 and {{ only_touched('session_id in {sessions}') }}
)

select
    winners.response_id,
    winners.source_path,
    winners.line_number,
    winners.uncached_input_tokens,
    written.uncached_input_tokens as inference_input_tokens,
    winners.output_tokens,
    written.output_tokens as inference_output_tokens
from winners
anti join fallbacks on fallbacks.response_id = winners.response_id
left join written on written.response_id = winners.response_id
where
    winners.uncached_input_tokens + winners.output_tokens + winners.cache_read_tokens > 0
    and (
        winners.uncached_input_tokens is distinct from written.uncached_input_tokens
        or winners.output_tokens is distinct from written.output_tokens
        or winners.cache_read_tokens is distinct from written.cache_read_tokens
        or winners.cache_write_tokens is distinct from written.cache_write_tokens
    )
