-- depends_on: {{ ref('command_dependencies') }}
{{ config(materialized='incremental', incremental_strategy='replace_touched') }}

with touched as {{ touched_sessions() }},

commands as (
    select
        tool_use_id,
        session_id,
        {{ rule_cases(
            'command_dependencies', {'text': 'regexp_matches(tool_input.command, {pattern})'},
            'dependency_name'
        ) }} as dependency_name,
        {{ rule_cases(
            'command_dependencies', {'text': 'regexp_matches(tool_input.command, {pattern})'},
            'dependency_type'
        ) }} as dependency_type,
        _batch_id
    from {{ touched_rows(ref('int_tool_call')) }} as calls
    where tool_name = 'Bash' and tool_input.command is not null
)

select * from commands
where dependency_name is not null
