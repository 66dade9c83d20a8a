select
    {{ surrogate_key(['model_name', 'speed', 'prompt_tokens_above', 'valid_from']) }} as model_price_id,
    {{ surrogate_key(['model_name']) }} as model_id,
    model_name,
    speed,
    status as price_status,
    source as price_source,
    valid_from,
    valid_to,
    released_on,
    prompt_tokens_above,
    input_usd_per_mtok,
    cache_write_5m_usd_per_mtok,
    -- Where no price of an hour is listed, it is twice that of plain input.
    coalesce(cache_write_1h_usd_per_mtok, 2 * input_usd_per_mtok) as cache_write_1h_usd_per_mtok,
    cache_read_usd_per_mtok,
    output_usd_per_mtok,
    us_inference_multiplier,
    batch_multiplier,
    web_search_usd
from {{ ref('model_prices') }}
