{{ config(materialized='incremental', incremental_strategy='replace_touched') }}

with touched as {{ touched_sessions() }},

item_weights as (
    select
        thread_id,
        entered_response_number,
        sum(weight) as weight,
        count(*) filter (where is_output) as output_count,
        count(*) filter (where not is_output) as input_count
    from {{ ref('int_context_item') }} as int_context_item
    semi join touched on touched.session_id = int_context_item.session_id
    group by all
),

-- Where the new items of each response begin (the cut).
entries as (
    select
        responses.*,
        touched._batch_id as touched_batch_id,
        coalesce(item_weights.output_count, 0) as output_count,
        coalesce(item_weights.input_count, 0) as input_count,
        case responses.context_change
            when 'start' then least(bases.base_tokens, responses.context_tokens)
            when 'compaction'
                then least(bases.base_tokens, responses.context_tokens, responses.previous_context_tokens)
            when 'micro_compaction'
                then least(bases.base_tokens, responses.context_tokens, responses.previous_context_tokens)
            when 'shrink'
                then greatest(
                    least(bases.base_tokens, responses.context_tokens),
                    responses.context_tokens
                    - cast(round(coalesce(item_weights.weight, 0) / bases.characters_per_token) as bigint)
                )
            else responses.previous_context_tokens
        end as cut_position
    from {{ ref('int_context_response') }} as responses
    inner join touched on touched.session_id = responses.session_id
    inner join {{ ref('int_thread_base') }} as bases on bases.thread_id = responses.thread_id
    left join item_weights
        on item_weights.thread_id = responses.thread_id
        and item_weights.entered_response_number = responses.response_number
)

select
    thread_id,
    session_id,
    response_number,
    started_at,
    context_change,
    is_iterated,
    context_tokens,
    previous_context_tokens,
    cut_position,
    context_tokens - cut_position as entered_tokens,
    case
        when context_change <> 'growth' or output_count = 0 then null
        when not was_previous_final or is_iterated then null
        when input_count = 0 then context_tokens - cut_position
        when previous_output_tokens <= context_tokens - cut_position then previous_output_tokens
    end as output_tokens,
    touched_batch_id as _batch_id
from entries
