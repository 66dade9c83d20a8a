-- Results that were carried for long and never named again. Confirmations (an edit, a list of tasks) have
-- nothing that could be named, and instructions are followed without being named: the former are left out,
-- the latter marked.
select
    segments.segment_id,
    segments.session_id,
    segments.agent_id,
    segments.component_id,
    segments.invocation_id,
    segments.file_id,
    segments.file_path,
    segments.component_name,
    coalesce(
        nullif(segments.file_path, ''),
        -- The id of a task or a shell is not a name that could come up again.
        case
            when
                tools.tool_family in ('file_read', 'search', 'web')
                or tools.tool_name in ('Bash', 'PowerShell')
                then {{ regex_replace('left(calls.target, 200)', '\\s+', ' ') }}
        end,
        segments.component_name
    ) as subject,
    coalesce(
        nullif(segments.file_path, ''),
        case
            when tools.tool_name in ('Bash', 'PowerShell') then {{ command_program('calls.target') }}
            when tools.tool_family = 'web'
                then nullif({{ regex_group('calls.target', '^[a-z]+://([^/?#]+)') }}, '')
        end,
        segments.component_name
    ) as cause_name,
    segments.entered_at,
    segments.left_at,
    results.instruction_rule,
    results.instruction_rule is not null as is_instruction,
    segments.tokens,
    segments.requests_carried,
    segments.entry_cost_usd,
    segments.carrying_cost_usd,
    'estimated' as provenance
from {{ ref('fact_carried_result') }} as results
inner join {{ ref('fact_context_segment') }} as segments on segments.segment_id = results.segment_id
left join {{ ref('fact_tool_invocation') }} as calls on calls.invocation_id = results.invocation_id
left join {{ ref('dim_tool') }} as tools on tools.tool_id = calls.tool_id
where
    results.use_test = 'nothing_named'
    and (
        tools.tool_id is null
        or tools.tool_family in ('file_read', 'search', 'shell', 'web', 'delegation', 'mcp')
        or tools.tool_name = 'TaskOutput'
    )
