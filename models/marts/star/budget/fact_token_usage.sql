{{ config(materialized='incremental', incremental_strategy='replace_touched') }}

with touched as {{ touched_sessions() }},

responses as (
    select *
    from {{ ref('int_context_response') }} as int_context_response
    semi join touched on touched.session_id = int_context_response.session_id
),

pieces as (
    select *
    from {{ ref('int_context_segment') }} as int_context_segment
    semi join touched on touched.session_id = int_context_segment.session_id
),

-- Tokens of a component in each request: those that have entered so far minus those that have left.
changes as (
    select
        thread_id,
        component_type,
        component_name,
        entered_response_number as response_number,
        sum(tokens) as change,
        sum(case when allocation_method = 'estimated' then tokens else 0 end) as estimated_change,
        sum(case when allocation_method = 'direct' then tokens else 0 end) as direct_change
    from pieces
    group by all
    union all
    select
        thread_id,
        component_type,
        component_name,
        left_response_number + 1 as response_number,
        -sum(tokens) as change,
        -sum(case when allocation_method = 'estimated' then tokens else 0 end) as estimated_change,
        -sum(case when allocation_method = 'direct' then tokens else 0 end) as direct_change
    from pieces
    group by all
),

netted as (
    select
        thread_id, component_type, component_name, response_number, sum(change) as change,
        sum(estimated_change) as estimated_change, sum(direct_change) as direct_change
    from changes
    group by all
),

spans as (
    select
        thread_id,
        component_type,
        component_name,
        min(entered_response_number) as first_number,
        max(left_response_number) as last_number
    from pieces
    group by all
),

in_context as (
    select
        responses.response_id,
        spans.component_type,
        spans.component_name,
        sum(coalesce(netted.change, 0)) over so_far as tokens,
        sum(coalesce(netted.estimated_change, 0)) over so_far as estimated_tokens,
        sum(coalesce(netted.direct_change, 0)) over so_far as direct_tokens
    from spans
    inner join responses
        on responses.thread_id = spans.thread_id
        and responses.response_number between spans.first_number and spans.last_number
    left join netted
        on netted.thread_id = spans.thread_id and netted.component_type = spans.component_type
        and netted.component_name = spans.component_name
        and netted.response_number = responses.response_number
    window so_far as (
        partition by spans.thread_id, spans.component_type, spans.component_name
        order by responses.response_number
        rows between unbounded preceding and current row
    )
),

charged as (
    select
        charges.response_id,
        pieces.component_type,
        pieces.component_name,
        sum(charges.write_1h_tokens) as write_1h_tokens,
        sum(charges.write_5m_tokens) as write_5m_tokens,
        sum(charges.fresh_tokens) as fresh_tokens,
        sum(charges.charge_usd) as charge_usd
    from {{ ref('int_segment_charge') }} as charges
    inner join pieces on pieces.piece_id = charges.piece_id
    group by all
),

inferences as (
    select inferences.*
    from {{ ref('int_inference') }} as inferences
    semi join touched on touched.session_id = inferences.session_id
),

-- The ledger covers the context of the inference that finished the response, and all blocks that the response
-- wrote.
written as (
    select
        response_id,
        sum(output_tokens) as output_tokens,
        sum(output_cost_usd) as output_cost_usd
    from inferences
    where is_written
    group by response_id
),

all_responses as (
    select
        calls.call_id as response_id,
        calls.session_id,
        calls.agent_id,
        calls.called_at as started_at,
        answers.context_tokens,
        answers.uncached_input_tokens,
        answers.cache_read_tokens,
        answers.cache_write_1h_tokens,
        answers.cache_write_5m_tokens,
        answers.input_cost_usd,
        answers.cache_read_cost_usd,
        answers.cache_write_1h_cost_usd,
        answers.cache_write_5m_cost_usd,
        written.output_tokens,
        written.output_cost_usd,
        calls.web_search_cost_usd
    from {{ ref('fact_api_call') }} as calls
    semi join touched on touched.session_id = calls.session_id
    inner join inferences as answers on answers.response_id = calls.call_id and answers.is_answer
    inner join written on written.response_id = calls.call_id
    where calls.success
),

-- The other inferences read the same context again.
others as (
    select
        response_id,
        {{ inference_component_type('inference_type') }} as component_type,
        {{ inference_component_name('inference_type') }} as component_name,
        context_tokens,
        cache_write_1h_tokens,
        cache_write_5m_tokens,
        uncached_input_tokens,
        case when is_written then 0 else output_tokens end as output_tokens,
        coalesce(
            input_cost_usd + cache_read_cost_usd + cache_write_5m_cost_usd + cache_write_1h_cost_usd, 0
        ) as input_cost_usd,
        case when is_written then 0 else coalesce(output_cost_usd, 0) end as output_cost_usd
    from inferences
    where not is_answer
),

-- Output is attributed to its blocks by length. A response without a block counts as an answer.
output_items as (
    select
        items.response_id,
        items.component_type,
        items.component_name,
        sum(items.weight) as weight
    from {{ ref('int_context_item') }} as items
    semi join touched on touched.session_id = items.session_id
    where items.response_id is not null
    group by all
),

outputs as (
    select
        all_responses.response_id,
        coalesce(output_items.component_type, 'assistant_output') as component_type,
        coalesce(output_items.component_name, 'assistant_output') as component_name,
        all_responses.output_tokens,
        coalesce(all_responses.output_cost_usd, 0) as output_cost_usd,
        coalesce(output_items.weight, 1) as weight,
        sum(coalesce(output_items.weight, 1)) over (partition by all_responses.response_id) as total_weight,
        sum(coalesce(output_items.weight, 1)) over (
            partition by all_responses.response_id
            order by output_items.component_type, output_items.component_name
            rows between unbounded preceding and current row
        ) as running_weight
    from all_responses
    left join output_items on output_items.response_id = all_responses.response_id
),

output_shares as (
    select
        response_id,
        component_type,
        component_name,
        cast(
            round(output_tokens * running_weight / total_weight)
            - round(output_tokens * (running_weight - weight) / total_weight) as bigint
        ) as output_tokens,
        output_cost_usd * weight / total_weight as output_cost_usd
    from outputs
),

parts as (
    select
        in_context.response_id,
        in_context.component_type,
        in_context.component_name,
        in_context.tokens as input_tokens,
        in_context.tokens as context_tokens,
        in_context.estimated_tokens,
        in_context.direct_tokens,
        coalesce(charged.write_1h_tokens, 0) as write_1h_tokens,
        coalesce(charged.write_5m_tokens, 0) as write_5m_tokens,
        coalesce(charged.fresh_tokens, 0) as fresh_tokens,
        (
            in_context.tokens - coalesce(charged.write_1h_tokens, 0) - coalesce(charged.write_5m_tokens, 0)
            - coalesce(charged.fresh_tokens, 0)
        ) * responses.read_usd_per_token + coalesce(charged.charge_usd, 0) as input_cost_usd,
        cast(0 as bigint) as output_tokens,
        cast(0 as double) as output_cost_usd,
        cast(0 as double) as fee_usd
    from in_context
    inner join responses on responses.response_id = in_context.response_id
    left join charged
        on charged.response_id = in_context.response_id and charged.component_type = in_context.component_type
        and charged.component_name = in_context.component_name
    where in_context.tokens > 0
    union all
    select
        response_id, component_type, component_name, 0, 0, 0, 0, 0, 0, 0, 0, output_tokens, output_cost_usd, 0
    from output_shares
    union all
    select response_id, 'tool', 'WebSearch', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, web_search_cost_usd
    from all_responses
    where web_search_cost_usd > 0
    union all
    -- A request outside of any thread gets its input here. The component has a name of its own, because it
    -- enters no context.
    select
        all_responses.response_id, 'system_prompt', 'outside_of_threads', all_responses.context_tokens,
        all_responses.context_tokens, 0,
        all_responses.context_tokens, all_responses.cache_write_1h_tokens,
        all_responses.cache_write_5m_tokens, all_responses.uncached_input_tokens,
        coalesce(
            all_responses.input_cost_usd + all_responses.cache_read_cost_usd
            + all_responses.cache_write_5m_cost_usd
            + all_responses.cache_write_1h_cost_usd, 0
        ), 0, 0, 0
    from all_responses
    anti join responses on responses.response_id = all_responses.response_id
    where all_responses.context_tokens > 0
    union all
    select
        response_id, component_type, component_name, context_tokens, 0, 0, context_tokens,
        cache_write_1h_tokens,
        cache_write_5m_tokens, uncached_input_tokens, input_cost_usd, output_tokens, output_cost_usd, 0
    from others
),

summed as (
    select
        response_id,
        component_type,
        component_name,
        sum(input_tokens) as input_tokens,
        sum(context_tokens) as context_tokens,
        sum(estimated_tokens) as estimated_tokens,
        sum(direct_tokens) as direct_tokens,
        sum(write_1h_tokens) as write_1h_tokens,
        sum(write_5m_tokens) as write_5m_tokens,
        sum(fresh_tokens) as fresh_tokens,
        sum(output_tokens) as output_tokens,
        sum(input_cost_usd) as input_cost_usd,
        sum(output_cost_usd) as output_cost_usd,
        sum(fee_usd) as fee_usd
    from parts
    group by all
)

select
    {{ surrogate_key(['summed.response_id', 'summed.component_type', 'summed.component_name']) }} as usage_id,
    all_responses.session_id,
    all_responses.agent_id,
    summed.response_id as call_id,
    {{ surrogate_key(['summed.component_type', 'summed.component_name']) }} as component_id,
    all_responses.started_at as measured_at,
    case summed.component_type
        when 'skill' then 'skill_load'
        when 'command' then 'skill_load'
        when 'tool' then 'tool_call'
        when 'agent' then 'delegation'
        when 'reference_file' then 'reference_inject'
        when 'user_prompt' then 'prompt'
        when 'assistant_output' then 'response'
        else 'context'
    end as invocation_context,
    -- How most of its tokens are known. Output is split by length, and a fee is exact.
    case
        when summed.input_tokens + summed.output_tokens = 0 then 'direct'
        when 2 * summed.estimated_tokens > summed.input_tokens + summed.output_tokens then 'estimated'
        when 2 * summed.direct_tokens > summed.input_tokens + summed.output_tokens then 'direct'
        else 'proportional'
    end as allocation_method,
    case
        when 2 * summed.estimated_tokens > summed.input_tokens + summed.output_tokens then 'estimated'
        else 'observed'
    end as provenance,
    cast(summed.input_tokens as bigint) as input_tokens,
    cast(summed.context_tokens as bigint) as context_tokens,
    cast(summed.output_tokens as bigint) as output_tokens,
    cast(
        summed.input_tokens - summed.write_1h_tokens - summed.write_5m_tokens - summed.fresh_tokens as bigint
    ) as cached_tokens,
    cast(summed.write_1h_tokens as bigint) as cache_write_1h_tokens,
    cast(summed.write_5m_tokens as bigint) as cache_write_5m_tokens,
    cast(summed.fresh_tokens as bigint) as uncached_input_tokens,
    cast(summed.input_tokens + summed.output_tokens as bigint) as total_tokens,
    cast(summed.input_cost_usd as double) as input_cost_usd,
    cast(summed.output_cost_usd as double) as output_cost_usd,
    cast(summed.fee_usd as double) as fee_usd,
    cast(summed.input_cost_usd + summed.output_cost_usd + summed.fee_usd as double) as cost_usd,
    touched._batch_id
from summed
inner join all_responses on all_responses.response_id = summed.response_id
inner join touched on touched.session_id = all_responses.session_id
