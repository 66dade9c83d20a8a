with calls as (
    select
        session_id,
        tool_name,
        mcp_server,
        called_at,
        error_type,
        tool_input.skill as called_skill,
        tool_input.command as command
    from {{ ref('int_tool_call') }}
),

responses as (
    select * from {{ ref('int_api_response') }}
),

turns as (
    select * from {{ ref('int_turn') }}
),

bodies as (
    select session_id, turn_id, tool_use_id, component_type, skill_name, skill_path, created_at
    from {{ ref('int_skill_body') }}
),

seen as (
    select
        session_id,
        'skill' as component_type,
        called_skill as component_name,
        cast(null as varchar) as file_path,
        called_at as seen_at
    from calls
    -- A name is ignored if the client knows no such skill.
    where tool_name = 'Skill' and coalesce(error_type, '') not like 'validation%'
    union all
    select
        session_id,
        'command',
        nullif({{ regex_group('command', '^[[:space:]]*/?([^[:space:]]+)') }}, ''),
        null,
        called_at
    from calls
    where tool_name = 'SlashCommand'
    union all
    select session_id, 'tool', tool_name, null, called_at from calls
    union all
    select session_id, 'mcp_server', mcp_server, null, called_at from calls
    union all
    -- A command is counted by its text because a call may not be answered yet; a skill's text may have lost
    -- the call that loaded it.
    select session_id, component_type, skill_name, skill_path, created_at from bodies
    union all
    select turns.session_id, 'skill', turns.command_name, bodies.skill_path, turns.prompted_at
    from turns
    inner join bodies
        on bodies.turn_id = turns.turn_id and bodies.tool_use_id is null and bodies.component_type = 'skill'
    where
        lower({{ path_name('bodies.skill_path') }})
        = lower({{ regex_group('turns.command_name', '([^:]*)$') }})
    union all
    select turns.session_id, 'command', turns.command_name, null, turns.prompted_at
    from turns
    anti join (
        select turn_id from bodies
        where tool_use_id is null and component_type = 'skill'
    ) as skills
        on skills.turn_id = turns.turn_id
    where turns.prompt_origin = 'command'
    union all
    select session_id, 'skill', attribution_skill, null, started_at from responses
    where attribution_skill is not null
    union all
    select session_id, 'plugin', attribution_plugin, null, started_at from responses
    where attribution_plugin is not null
    union all
    select session_id, 'assistant_output', 'assistant_output', null, started_at from responses
    union all
    select session_id, 'tool', 'WebSearch', null, started_at from responses
    where web_search_count > 0
    union all
    select session_id, 'system_prompt', 'outside_of_threads', null, started_at
    from responses
    where thread_position is null and context_tokens > 0
    union all
    select
        session_id,
        {{ inference_component_type('inference_type') }}, {{ inference_component_name('inference_type') }},
        null, started_at
    from {{ ref('int_inference') }}
    where not is_answer
    union all
    select session_id, 'agent', agent_name, null, started_at from {{ ref('int_actor') }}
    union all
    -- A call without an id, or with the id of another call, gets no result, but the response contains it.
    select distinct
        session_id,
        'tool',
        coalesce(nullif(trim(tool_name), ''), 'unknown'),
        null,
        cast(null as timestamp)
    from {{ ref('stg_transcripts__block') }}
    where block_type = 'tool_use'
)

select
    {{ surrogate_key(['session_id', 'component_type', 'component_name', 'file_path']) }} as sight_id,
    session_id,
    component_type,
    component_name,
    file_path,
    min(seen_at) as first_seen_at,
    max(seen_at) as last_seen_at
from seen
where component_name <> ''
group by session_id, component_type, component_name, file_path
