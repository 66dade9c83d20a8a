-- Each kind in v_cost that every call has adds up to the total cost, and so do all components together. The
-- cost of a file is the same by day and session as over all time, and so is the cost of cache misses. Costs
-- kept from sessions whose lines have expired are added to those of landed lines.
with wholes as (
    select
        kind,
        sum(request_count) as request_count,
        sum(output_tokens) as output_tokens,
        coalesce(sum(cost_usd), 0) as cost_usd
    from {{ ref('v_cost') }}
    where kind in ('session', 'model', 'branch', 'agent', 'task-type', 'component')
    group by kind
),

calls as (
    select case when success then 1 else 0 end as request_count, output_tokens, cost_usd
    from {{ ref('fact_api_call') }}
    union all
    select response_count, output_tokens, cost_usd
    from {{ ref('stg_retention__spending') }}
),

expected as (
    select
        coalesce(sum(request_count), 0) as request_count,
        coalesce(sum(output_tokens), 0) as output_tokens,
        coalesce(sum(cost_usd), 0) as cost_usd
    from calls
),

files as (
    select
        name as file_path,
        sum(cost_usd) as cost_usd,
        sum(carried_tokens) as carried_tokens
    from {{ ref('v_cost') }}
    where kind = 'file'
    group by name
),

file_parts as (
    select file_path, cost_usd, carried_tokens + entered_tokens as carried_tokens
    from {{ ref('v_context_by_file') }}
    union all
    select name, cost_usd, carried_tokens
    from {{ ref('stg_retention__cost') }}
    where kind = 'file'
),

shown_files as (
    select
        file_path,
        sum(cost_usd) as cost_usd,
        sum(carried_tokens) as carried_tokens
    from file_parts
    group by file_path
),

misses as (
    select
        'v_cache_health' as mart,
        coalesce(sum(cache_miss_count), 0) as miss_count,
        coalesce(sum(miss_extra_cost_usd), 0) as extra_cost_usd
    from {{ ref('v_cache_health') }}
    union all
    select 'v_cost', coalesce(sum(cache_miss_count), 0), coalesce(sum(miss_extra_cost_usd), 0)
    from {{ ref('v_cost') }}
    where kind = 'session' and usage_date is not null
),

expected_misses as (
    select
        coalesce(sum(miss_count), 0) as miss_count,
        coalesce(sum(extra_cost_usd), 0) as extra_cost_usd
    from (
        select miss_count, extra_cost_usd
        from {{ ref('v_cache_miss') }}
        union all
        select cache_miss_count, miss_extra_cost_usd
        from {{ ref('stg_retention__spending') }}
        where usage_date is not null
    ) as known_misses
)

select
    wholes.kind as mart,
    'all' as name,
    wholes.cost_usd - expected.cost_usd as cost_usd_difference
from wholes
cross join expected
where
    {{ only_whole() }}
    and (
        {{ other_amount('wholes.cost_usd', 'expected.cost_usd') }}
        or (wholes.kind <> 'component' and wholes.request_count <> expected.request_count)
        or wholes.output_tokens <> expected.output_tokens
    )
union all
select
    'file', coalesce(files.file_path, shown_files.file_path),
    coalesce(files.cost_usd, 0) - coalesce(shown_files.cost_usd, 0)
from files
full outer join shown_files on shown_files.file_path = files.file_path
where
    {{ other_amount('coalesce(files.cost_usd, 0)', 'coalesce(shown_files.cost_usd, 0)') }}
    or coalesce(files.carried_tokens, 0) <> coalesce(shown_files.carried_tokens, 0)
union all
select misses.mart, 'cache misses', misses.extra_cost_usd - expected_misses.extra_cost_usd
from misses
cross join expected_misses
where
    misses.miss_count <> expected_misses.miss_count
    or {{ other_amount('misses.extra_cost_usd', 'expected_misses.extra_cost_usd') }}
