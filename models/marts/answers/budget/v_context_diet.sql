-- depends_on: {{ ref('cause_groups') }}
{{ config(materialized='table') }}

-- What each part of a context cost a session, and what the session would have cost less without it. The
-- prefix that the cache holds only gets shorter: everything else is read and written as before, so a part
-- saves its own dollars, and where a request would have stayed below a price limit, the difference for the
-- other tokens.
with segments as (
    select
        {{ context_part_kind('facts') }} as part_kind,
        {{ context_part_name('facts') }} as part_name,
        facts.*,
        cast({{ local_time('facts.entered_at') }} as date) as usage_date
    from {{ ref('fact_context_segment') }} as facts
),

-- Parts that are only of use if the agent calls them.
calls as (
    select distinct session_id, 'mcp_server' as part_kind, mcp_server as part_name
    from {{ ref('fact_tool_invocation') }}
    where mcp_server is not null
    union
    select session_id, 'tool_definition', tool_name from {{ ref('fact_tool_invocation') }}
    union
    -- The lists are for the agent: a person calls a command without them.
    select session_id, 'skill_listing', 'skill_listing' from {{ ref('fact_tool_invocation') }}
    where tool_name = 'Skill'
    union
    select session_id, 'agent_listing', 'agent_listing' from {{ ref('fact_tool_invocation') }}
    where tool_name in ('Agent', 'Task')
),

-- Results and files, of which some are tested: whether the agent named them later.
named as (
    select
        segments.session_id,
        segments.part_kind,
        segments.part_name,
        bool_or(results.use_test in ('file_named', 'words_quoted')) as is_used
    from {{ ref('fact_carried_result') }} as results
    inner join segments on segments.segment_id = results.segment_id
    where
        results.use_test <> 'untested'
        and segments.part_kind in ('tool_result', 'agent_result', 'attached_file')
    group by all
),

carried as (
    select
        usage_date,
        session_id,
        part_kind,
        part_name,
        count(*) as entry_count,
        sum(tokens) as entered_tokens,
        sum(carried_tokens) as carried_tokens,
        sum(entry_cost_usd) as entry_cost_usd,
        sum(carrying_cost_usd - rebilled_cost_usd) as read_cost_usd,
        sum(rebilled_cost_usd) as rebilled_cost_usd,
        sum(miss_extra_cost_usd) as miss_extra_cost_usd,
        sum(cost_usd) as cost_usd,
        0 as band_saved_usd,
        sum(cost_usd) filter (where allocation_method = 'direct') as exact_saved_usd,
        sum(cost_usd) filter (where allocation_method = 'estimated') as estimated_saved_usd
    from segments
    group by all
    union all by name
    select
        cast({{ local_time('called_at') }} as date) as usage_date,
        session_id,
        part_kind,
        part_name,
        sum(saved_usd) as band_saved_usd,
        sum(saved_usd) filter (where is_exact) as exact_saved_usd
    from {{ ref('fact_band_saving') }}
    group by all
),

summed as (
    select
        usage_date,
        session_id,
        part_kind,
        part_name,
        coalesce(sum(entry_count), 0) as entry_count,
        coalesce(sum(entered_tokens), 0) as entered_tokens,
        coalesce(sum(carried_tokens), 0) as carried_tokens,
        coalesce(sum(entry_cost_usd), 0) as entry_cost_usd,
        coalesce(sum(read_cost_usd), 0) as read_cost_usd,
        coalesce(sum(rebilled_cost_usd), 0) as rebilled_cost_usd,
        coalesce(sum(miss_extra_cost_usd), 0) as miss_extra_cost_usd,
        coalesce(sum(cost_usd), 0) as cost_usd,
        coalesce(sum(band_saved_usd), 0) as band_saved_usd,
        coalesce(sum(exact_saved_usd), 0) as exact_saved_usd,
        coalesce(sum(estimated_saved_usd), 0) as estimated_saved_usd
    from carried
    group by all
)

select
    {{ surrogate_key(['summed.session_id', 'summed.usage_date', 'summed.part_kind', 'summed.part_name']) }}
        as diet_id,
    {{ surrogate_key(['summed.part_kind', 'summed.part_name']) }} as part_id,
    summed.session_id,
    summed.usage_date,
    sessions.project_name,
    sessions.project_path,
    summed.part_kind,
    summed.part_name,
    case
        when summed.part_kind in ('mcp_server', 'tool_definition', 'skill_listing', 'agent_listing')
            then 'called'
        when named.session_id is not null then 'named_later'
    end as use_basis,
    case
        when summed.part_kind in ('mcp_server', 'tool_definition', 'skill_listing', 'agent_listing')
            then calls.session_id is not null
        else named.is_used
    end as is_used,
    cast(summed.entry_count as bigint) as entry_count,
    cast(summed.entered_tokens as bigint) as entered_tokens,
    cast(summed.carried_tokens as bigint) as carried_tokens,
    summed.entry_cost_usd,
    summed.read_cost_usd,
    summed.rebilled_cost_usd,
    summed.miss_extra_cost_usd,
    summed.cost_usd,
    cast(summed.band_saved_usd as double) as band_saved_usd,
    cast(summed.cost_usd + summed.band_saved_usd as double) as saved_usd,
    cast(summed.exact_saved_usd as double) as exact_saved_usd,
    cast(summed.estimated_saved_usd as double) as estimated_saved_usd,
    -- Sessions that must have carried a part before it is shown on its own: two may be alike by accident.
    cast({{ var('diet_sessions', 3) }} as bigint) as least_session_count
from summed
left join {{ ref('dim_session') }} as sessions on sessions.session_id = summed.session_id
left join calls
    on calls.session_id = summed.session_id and calls.part_kind = summed.part_kind
    and calls.part_name = summed.part_name
left join named
    on named.session_id = summed.session_id and named.part_kind = summed.part_kind
    and named.part_name = summed.part_name
