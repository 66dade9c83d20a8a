{{ config(materialized='table') }}

-- Cost by anything: every command, `cost_by` and the v_cost_ views add up these rows. The grain includes
-- session and day, so both can be counted over any time; everything else that is counted belongs to one of
-- them.
{%- set spent_kinds = {
    'session': {'name': 'session_id', 'detail': 'session_title', 'invocations': 'null'},
    'model': {'name': 'model_name', 'detail': 'provider', 'invocations': 'null'},
    'branch': {'name': 'git_branch', 'detail': 'project_name', 'invocations': 'null'},
    'agent': {
        'name': shown_agent(), 'detail': 'agent_type',
        'invocations': 'agent_run_count'
    },
    'task-type': {'name': 'task_type', 'detail': 'null', 'invocations': 'task_count'},
} %}
{%- set spent_measures = [
    'inference_count', 'unpriced_inference_count', 'uncached_input_tokens', 'cache_read_tokens',
    'cache_write_5m_tokens', 'cache_write_1h_tokens', 'output_tokens', 'total_tokens', 'web_search_count',
    'unpriced_response_count', 'cache_miss_count', 'missed_tokens', 'web_search_cost_usd',
    'rebilled_cost_usd', 'miss_extra_cost_usd', 'cache_saved_usd', 'cost_usd'
] %}
with spent as (
    {%- for kind, parts in spent_kinds.items() %}
        select
            '{{ kind }}' as kind,
            {{ parts.name }} as name,
            {{ parts.detail }} as detail,
            usage_date,
            session_id,
            project_name,
            project_path,
            min(first_called_at) as first_called_at,
            sum(response_count) as request_count,
            sum({{ parts.invocations }}) as invocation_count,
        {%- for measure in spent_measures %}
            sum({{ measure }}) as {{ measure }}{{ ',' if not loop.last }}
        {%- endfor %}
        from {{ ref('v_spending') }}
        -- A failed call has no model.
        {{ "where model_name <> 'none'" if kind == 'model' }}
        group by all
        {{ 'union all' if not loop.last }}
    {%- endfor %}
),

causes as (
    select
        * exclude (_batch_id),
        carried_tokens + output_tokens as total_tokens,
        0 as unpriced_response_count
    from {{ ref('fact_cause_day') }}
),

plugin_components as (
    select component_id, component_type, component_name, plugin_name
    from {{ ref('dim_component') }}
    where plugin_name is not null
),

-- The plugin of a component can become known long after its use, so plugins are added up here.
plugin_parts as (
    select plugin_components.plugin_name as name, causes.* exclude (name, request_count)
    from causes
    inner join plugin_components
        on plugin_components.component_name = causes.name and plugin_components.component_type = causes.detail
    where causes.kind = 'component'
    union all by name
    select
        plugin_components.plugin_name as name,
        usage.session_id,
        cast({{ local_time('usage.measured_at') }} as date) as usage_date,
        count(distinct usage.call_id) as request_count
    from {{ ref('fact_token_usage') }} as usage
    inner join plugin_components on plugin_components.component_id = usage.component_id
    group by all
    union all by name
    select
        plugin_components.plugin_name as name,
        runs.session_id,
        cast({{ local_time('runs.invoked_at') }} as date) as usage_date,
        1 as invocation_count,
        runs.cost_usd as work_cost_usd
    from {{ ref('fact_skill_invocation') }} as runs
    inner join plugin_components on plugin_components.component_id = runs.component_id
),

plugins as (
    select
        'plugin' as kind,
        name,
        usage_date,
        session_id,
        min(first_called_at) as first_called_at,
        {%- for measure in [
            'request_count', 'invocation_count', 'entered_tokens', 'carried_tokens', 'output_tokens',
            'total_tokens', 'unpriced_response_count'
        ] %}
            coalesce(sum({{ measure }}), 0) as {{ measure }},
        {%- endfor %}
        {%- for measure in [
            'entry_cost_usd', 'carrying_cost_usd', 'output_cost_usd', 'web_search_cost_usd', 'work_cost_usd',
            'cost_usd'
        ] %}
        sum({{ measure }}) as {{ measure }}{{ ',' if not loop.last }}
    {%- endfor %}
    from plugin_parts
    group by all
),

-- Dollars are attributed by lines: for sessions that have expired, the attribution is the one that was kept.
attributed as (
    select * from causes
    union all by name
    select * from plugins
    union all by name
    select * exclude (expired_at) from {{ ref('stg_retention__cost') }}
),

everything as (
    select * from spent
    union all by name
    select
        attributed.* replace (
            case when sessions.session_id is null then attributed.project_name else sessions.project_name end
                as project_name,
            case when sessions.session_id is null then attributed.project_path else sessions.project_path end
                as project_path
        )
    from attributed
    left join {{ ref('dim_session') }} as sessions on sessions.session_id = attributed.session_id
)

-- A session that was resumed after it had expired may have calls without a day in both parts.
select
    kind,
    name,
    detail,
    usage_date,
    session_id,
    project_name,
    project_path,
    min(first_called_at) as first_called_at,
    cast(sum(request_count) as bigint) as request_count,
    cast(sum(invocation_count) as bigint) as invocation_count,
    cast(sum(inference_count) as bigint) as inference_count,
    cast(sum(unpriced_response_count) as bigint) as unpriced_response_count,
    cast(sum(unpriced_inference_count) as bigint) as unpriced_inference_count,
    cast(sum(web_search_count) as bigint) as web_search_count,
    cast(sum(cache_miss_count) as bigint) as cache_miss_count,
    cast(sum(uncached_input_tokens) as bigint) as uncached_input_tokens,
    cast(sum(cache_read_tokens) as bigint) as cache_read_tokens,
    cast(sum(cache_write_5m_tokens) as bigint) as cache_write_5m_tokens,
    cast(sum(cache_write_1h_tokens) as bigint) as cache_write_1h_tokens,
    cast(sum(entered_tokens) as bigint) as entered_tokens,
    cast(sum(carried_tokens) as bigint) as carried_tokens,
    cast(sum(output_tokens) as bigint) as output_tokens,
    cast(sum(total_tokens) as bigint) as total_tokens,
    cast(sum(missed_tokens) as bigint) as missed_tokens,
    sum(entry_cost_usd) as entry_cost_usd,
    sum(carrying_cost_usd) as carrying_cost_usd,
    sum(output_cost_usd) as output_cost_usd,
    sum(web_search_cost_usd) as web_search_cost_usd,
    sum(rebilled_cost_usd) as rebilled_cost_usd,
    sum(miss_extra_cost_usd) as miss_extra_cost_usd,
    sum(cache_saved_usd) as cache_saved_usd,
    sum(work_cost_usd) as work_cost_usd,
    sum(cost_usd) as cost_usd
from everything
group by all
