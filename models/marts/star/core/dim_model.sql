with responses as (
    select
        model_name,
        min(started_at) as first_seen_at,
        max(started_at) as last_seen_at,
        count(*) filter (where is_answer) as response_count,
        count(*) as inference_count
    from {{ ref('int_inference') }}
    group by model_name
),

prices as (
    select
        *,
        row_number() over (partition by model_name order by valid_from desc) as recency
    from {{ ref('model_prices') }}
    where speed = 'standard' and prompt_tokens_above = 0
),

windows as (
    select
        *,
        row_number() over (partition by model_name order by effective_date desc) as recency
    from {{ ref('context_windows') }}
),

names as (
    select model_name from responses
    union
    select model_name from prices
    union
    select model_name from windows
)

select
    {{ surrogate_key(['names.model_name']) }} as model_id,
    names.model_name,
    {{ model_provider('names.model_name') }} as provider,
    nullif({{ regex_group('names.model_name', '([0-9]+(?:[.-][0-9]+)*)') }}, '') as model_version,
    responses.first_seen_at,
    responses.last_seen_at,
    prices.released_on,
    prices.source as price_source,
    prices.status as price_status,
    prices.model_name is not null as is_priced,
    windows.max_tokens as context_window,
    windows.max_output_tokens,
    cast(prices.input_usd_per_mtok / 1000 as double) as cost_per_1k_input,
    cast(prices.output_usd_per_mtok / 1000 as double) as cost_per_1k_output,
    cast(prices.cache_read_usd_per_mtok / 1000 as double) as cost_per_1k_cache_read,
    cast(prices.cache_write_5m_usd_per_mtok / 1000 as double) as cost_per_1k_cache_write_5m,
    cast(prices.cache_write_1h_usd_per_mtok / 1000 as double) as cost_per_1k_cache_write_1h,
    coalesce(responses.response_count, 0) as response_count,
    coalesce(responses.inference_count, 0) as inference_count
from names
left join responses on responses.model_name = names.model_name
left join prices on prices.model_name = names.model_name and prices.recency = 1
left join windows on windows.model_name = names.model_name and windows.recency = 1
