-- Every cost mart shows the same responses, tokens and dollars as fact_api_call, whatever it groups by: one
-- number for one question. Calls without a readable time are in all of them but v_blocks, which is about
-- hours.
{%- set dated = ['v_blocks'] %}
{%- set complete = [
    'v_cost_daily', 'v_cost_monthly', 'v_cost_by_agent', 'v_cost_by_model', 'v_cost_by_project',
    'v_cost_by_branch',
    'v_session_report', 'v_spending', 'fact_session'
] %}
{%- set counts = [
    'response_count', 'unpriced_response_count', 'uncached_input_tokens', 'output_tokens',
    'cache_read_tokens',
    'cache_write_5m_tokens', 'cache_write_1h_tokens', 'total_tokens'
] %}
with calls as (
    select
        called_at is not null as is_dated,
        case when success then 1 else 0 end as response_count,
        case when is_priced then 0 else 1 end as unpriced_response_count,
        uncached_input_tokens,
        output_tokens,
        cache_read_tokens,
        cache_write_5m_tokens,
        cache_write_1h_tokens,
        total_tokens,
        cost_usd
    from {{ ref('fact_api_call') }}
),

expected as (
    select
        true as is_dated_only,
        {%- for count in counts %}
            coalesce(sum({{ count }}), 0) as {{ count }},
        {%- endfor %}
        coalesce(sum(cost_usd), 0) as cost_usd
    from calls
    where is_dated
    union all
    select
        false as is_dated_only,
        {%- for count in counts %}
            coalesce(sum({{ count }}), 0) as {{ count }},
        {%- endfor %}
        coalesce(sum(cost_usd), 0) as cost_usd
    from calls
),

shown as (
    {%- for mart in dated + complete %}
        select
            '{{ mart }}' as mart,
            {{ 'true' if mart in dated else 'false' }} as is_dated_only,
            {%- for count in counts %}
                coalesce(sum({{ count }}), 0) as {{ count }},
            {%- endfor %}
            coalesce(sum(cost_usd), 0) as cost_usd
        from {{ ref(mart) }}
        {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    shown.mart,
    {%- for count in counts %}
        shown.{{ count }} - expected.{{ count }} as {{ count }}_difference,
    {%- endfor %}
    shown.cost_usd - expected.cost_usd as cost_usd_difference
from shown
inner join expected on expected.is_dated_only = shown.is_dated_only
where
    {{ other_amount('shown.cost_usd', 'expected.cost_usd') }}
    {%- for count in counts %}
        or shown.{{ count }} <> expected.{{ count }}
    {%- endfor %}
