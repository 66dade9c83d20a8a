-- Every cost mart shows the same responses, tokens and dollars as fact_api_call, regardless of its grouping:
-- one number for one question. Calls without a readable time are in all marts except v_blocks, which is about
-- hours. Days of sessions whose lines have expired are in all marts that are not about sessions or single
-- calls.
{%- set marts = {
    'dated': ['v_blocks'],
    'landed': ['v_session_report', 'fact_spending_day', 'fact_session'],
    'ever': [
        'v_cost_daily', 'v_cost_monthly', 'v_cost_by_agent', 'v_cost_by_model', 'v_cost_by_project',
        'v_cost_by_branch', 'v_spending'
    ],
} %}
{%- set counts = [
    'response_count', 'unpriced_response_count', 'uncached_input_tokens', 'output_tokens',
    'cache_read_tokens',
    'cache_write_5m_tokens', 'cache_write_1h_tokens', 'total_tokens'
] %}
with calls as (
    select
        called_at is not null as is_dated,
        true as is_landed,
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
    union all
    select
        false as is_dated,
        false as is_landed,
        {%- for count in counts %}
            {{ count }},
        {%- endfor %}
        cost_usd
    from {{ ref('stg_retention__spending') }}
),

expected as (
    {%- for calls, condition in {'dated': 'is_dated', 'landed': 'is_landed', 'ever': 'true'}.items() %}
        select
            '{{ calls }}' as calls,
            {%- for count in counts %}
                coalesce(sum({{ count }}), 0) as {{ count }},
            {%- endfor %}
            coalesce(sum(cost_usd), 0) as cost_usd
        from calls
        where {{ condition }}
        {{ 'union all' if not loop.last }}
    {%- endfor %}
),

shown as (
    {%- for calls, names in marts.items() %}
        {%- set is_last = loop.last %}
        {%- for mart in names %}
            select
                '{{ mart }}' as mart,
                '{{ calls }}' as calls,
                {%- for count in counts %}
                    coalesce(sum({{ count }}), 0) as {{ count }},
                {%- endfor %}
                coalesce(sum(cost_usd), 0) as cost_usd
            from {{ ref(mart) }}
            {{ 'union all' if not (is_last and loop.last) }}
        {%- endfor %}
    {%- endfor %}
)

select
    shown.mart,
    {%- for count in counts %}
        shown.{{ count }} - expected.{{ count }} as {{ count }}_difference,
    {%- endfor %}
    shown.cost_usd - expected.cost_usd as cost_usd_difference
from shown
inner join expected on expected.calls = shown.calls
where
    {{ other_amount('shown.cost_usd', 'expected.cost_usd') }}
    {%- for count in counts %}
        or shown.{{ count }} <> expected.{{ count }}
    {%- endfor %}
