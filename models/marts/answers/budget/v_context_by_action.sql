{{ config(materialized='table') }}

-- A call and its result are one entry. Calls without a result (refused, interrupted) are left out.
with entries as (
    select
        coalesce(invocation_id, segment_id) as entry_id,
        min(session_id) as session_id,
        min(invocation_id) as invocation_id,
        min(nullif(file_path, '')) as file_path,
        max(entered_at) as entered_at,
        sum(tokens) as tokens
    from {{ ref('fact_context_segment') }}
    where item_kind in ('tool_call', 'tool_result') or file_id is not null
    group by coalesce(invocation_id, segment_id)
    having count(*) filter (where item_kind <> 'tool_call') > 0
),

calls as (
    select
        entries.session_id,
        sessions.project_path,
        entries.file_path,
        invocations.tool_name,
        case
            when tools.tool_family in ('file_edit', 'notebook') then 'change_file'
            else 'read_file'
        end as file_action,
        case
            when invocations.tool_name in ('Bash', 'PowerShell') then invocations.target
        end as command_text,
        entries.entered_at,
        entries.tokens
    from entries
    inner join {{ ref('dim_session') }} as sessions on sessions.session_id = entries.session_id
    left join {{ ref('fact_tool_invocation') }} as invocations
        on invocations.invocation_id = entries.invocation_id
    left join {{ ref('dim_tool') }} as tools on tools.tool_id = invocations.tool_id
),

actions as (
    select session_id, project_path, file_action as action_kind, file_path as subject, entered_at, tokens
    from calls
    union all
    select
        session_id,
        project_path,
        'command',
        left({{ one_line('command_text') }}, 300),
        entered_at,
        tokens
    from calls
    union all
    select
        session_id,
        project_path,
        'program',
        {{ one_line(command_program('command_text')) }},
        entered_at,
        tokens
    from calls
    union all
    select session_id, project_path, 'tool', tool_name, entered_at, tokens
    from calls
),

-- Each action counts for its project and for `all`. A file belongs to one project, so it has one row.
scoped as (
    select session_id, project_path as scope_path, action_kind, subject, entered_at, tokens
    from actions
    where subject <> '' and action_kind in ('command', 'program', 'tool')
    union all
    select session_id, 'all', action_kind, subject, entered_at, tokens
    from actions
    where subject <> ''
)

select
    scope_path as project_path,
    action_kind,
    subject,
    max(entered_at) as last_entered_at,
    cast(count(*) as bigint) as entry_count,
    cast(count(distinct session_id) as bigint) as session_count,
    cast(round(quantile_cont(tokens, 0.1)) as bigint) as tokens_low,
    cast(round(quantile_cont(tokens, 0.5)) as bigint) as tokens,
    cast(round(quantile_cont(tokens, 0.9)) as bigint) as tokens_high
from scoped
group by scope_path, action_kind, subject
-- Most command lines run only once or twice: their cost is estimated by their program.
having action_kind <> 'command' or count(*) >= {{ var('command_repeats', 3) }}
