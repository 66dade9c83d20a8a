-- What a skill, tool, MCP server or file cost is one number, by day and session (v_cause) as over all time; and so is what
-- misses of the cache cost.
{%- set marts = {
    'skill': ('v_cost_by_skill', 'skill_name'),
    'tool': ('v_cost_by_tool', 'tool_name'),
    'mcp': ('v_cost_by_mcp_server', 'mcp_server'),
    'file': ('v_context_by_file', 'file_path'),
} %}
with causes as (
    select
        cause_type,
        cause_name,
        coalesce(sum(cost_usd), 0) as cost_usd,
        sum(carried_tokens) as carried_tokens,
        coalesce(sum(work_cost_usd), 0) as work_cost_usd
    from {{ ref('v_cause') }}
    group by cause_type, cause_name
),

shown as (
    {%- for cause_type, (mart, name) in marts.items() %}
        select
            '{{ cause_type }}' as cause_type,
            {{ name }} as cause_name,
            coalesce(sum(cost_usd), 0) as cost_usd,
            sum(carried_tokens{{ ' + entered_tokens' if cause_type == 'file' }}) as carried_tokens,
            {{ 'coalesce(sum(work_cost_usd), 0)' if cause_type == 'skill' else 'cast(0 as double)' }} as work_cost_usd
        from {{ ref(mart) }}
        group by all
        {{ 'union all' if not loop.last }}
    {%- endfor %}
),

misses as (
    select
        'v_cache_health' as mart,
        coalesce(sum(cache_miss_count), 0) as miss_count,
        coalesce(sum(miss_extra_cost_usd), 0) as extra_cost_usd
    from {{ ref('v_cache_health') }}
    union all
    select 'v_spending', coalesce(sum(cache_miss_count), 0), coalesce(sum(miss_extra_cost_usd), 0)
    from {{ ref('v_spending') }}
    where usage_date is not null
),

expected_misses as (
    select
        coalesce(sum(miss_count), 0) as miss_count,
        coalesce(sum(extra_cost_usd), 0) as extra_cost_usd
    from {{ ref('v_cache_miss') }}
)

select
    coalesce(shown.cause_type, causes.cause_type) as mart,
    coalesce(shown.cause_name, causes.cause_name) as name,
    coalesce(shown.cost_usd, 0) - coalesce(causes.cost_usd, 0) as cost_usd_difference
from shown
full outer join causes on causes.cause_type = shown.cause_type and causes.cause_name = shown.cause_name
where
    {{ only_whole() }}
    and coalesce(causes.cause_type, '') <> 'component'
    and (
        {{ other_amount('coalesce(shown.cost_usd, 0)', 'coalesce(causes.cost_usd, 0)') }}
        or coalesce(shown.carried_tokens, 0) <> coalesce(causes.carried_tokens, 0)
        or {{ other_amount('coalesce(shown.work_cost_usd, 0)', 'coalesce(causes.work_cost_usd, 0)') }}
    )
union all
select misses.mart, 'cache misses', misses.extra_cost_usd - expected_misses.extra_cost_usd
from misses
cross join expected_misses
where
    misses.miss_count <> expected_misses.miss_count
    or {{ other_amount('misses.extra_cost_usd', 'expected_misses.extra_cost_usd') }}
