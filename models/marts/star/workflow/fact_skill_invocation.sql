-- Rebuilt from scratch each time: the type of a name (skill or command) depends on all sessions, the file of
-- a body on scans.
with turns as (
    select * from {{ ref('int_turn') }}
),

bodies as (
    select
        *,
        coalesce(tool_use_id, turn_id) as invocation_id
    from {{ ref('int_skill_body') }}
),

invocations as (
    select
        calls.tool_use_id as invocation_id,
        calls.session_id,
        calls.actor,
        calls.turn_id,
        calls.thread_position,
        calls.response_id,
        coalesce(
            nullif(calls.tool_input.skill, ''),
            nullif({{ regex_group('calls.tool_input.command', '^[[:space:]]*/?([^[:space:]]+)') }}, '')
        ) as skill_name,
        coalesce(
            calls.tool_input.args,
            nullif(
                trim(
                    {{ regex_group(
                        'calls.tool_input.command', '^[[:space:]]*[^[:space:]]+[[:space:]]+((?s:.*))$'
                    ) }}
                ),
                ''
            )
        ) as arguments,
        calls.called_at as invoked_at,
        calls.returned_at as launched_at,
        'agent' as invoked_by,
        coalesce(calls.is_success and coalesce(calls.result.success, true), false) as was_launched,
        calls.is_success is not null as has_result,
        calls.error_type,
        case when calls.result.status = 'forked' then calls.result.agentId end as forked_actor,
        calls.source_path,
        calls.source_line,
        calls._batch_id
    from {{ ref('int_tool_call') }} as calls
    -- Before there was a Skill tool, the agent only had commands, which it called with SlashCommand.
    where
        (calls.tool_name = 'Skill' and coalesce(calls.tool_input.skill, '') <> '')
        or (
            calls.tool_name = 'SlashCommand' and trim(coalesce(calls.tool_input.command, '')) not in ('', '/')
        )
    union all
    select
        turns.turn_id as invocation_id,
        turns.session_id,
        'main' as actor,
        turns.turn_id,
        turns.thread_position,
        cast(null as varchar) as response_id,
        turns.command_name as skill_name,
        nullif(trim(substr(turns.prompt_text, length(turns.command_name) + 2)), '') as arguments,
        turns.prompted_at as invoked_at,
        turns.prompted_at as launched_at,
        case when turns.is_given_by_person then 'user' else 'program' end as invoked_by,
        turns.interrupted_at is null or turns.assistant_line_count > 0 as was_launched,
        true as has_result,
        case when turns.interrupted_at is not null and turns.assistant_line_count = 0 then 'interrupted' end
            as error_type,
        cast(null as varchar) as forked_actor,
        turns.source_path,
        turns.source_line,
        turns._batch_id
    from turns
    where
        turns.command_name is not null
        and turns.turn_id in (
            select bodies.turn_id from bodies
            where bodies.tool_use_id is null
        )
),

-- A skill is active until the next one in its thread, but no longer than its turn.
spans as (
    select
        invocations.*,
        coalesce(
            min(case when invocations.was_launched then invocations.thread_position end) over (
                partition by invocations.session_id, invocations.actor
                order by invocations.thread_position, invocations.invocation_id
                rows between 1 following and unbounded following
            ), 9223372036854775807
        ) as next_skill_position,
        case
            when invocations.actor = 'main' then coalesce(turns.next_position, 9223372036854775807)
            else 9223372036854775807
        end
            as turn_end_position,
        turns.prompt_origin
    from invocations
    left join bodies on bodies.invocation_id = invocations.invocation_id
    -- The client logs a SlashCommand call as if the command had been typed: as a turn of its own.
    left join turns on turns.turn_id = coalesce(bodies.turn_id, invocations.turn_id)
),

responses as (
    select
        responses.*,
        responses.uncached_input_tokens + responses.cache_read_tokens + responses.cache_write_5m_tokens
        + responses.cache_write_1h_tokens
        + responses.output_tokens as total_tokens
    from {{ ref('int_api_response') }} as responses
    semi join invocations on invocations.session_id = responses.session_id
),

candidates as (
    select
        spans.invocation_id,
        responses.response_id,
        responses.last_block_at,
        responses.total_tokens,
        responses.cost_usd,
        responses.model_name,
        coalesce(responses.attribution_skill = spans.skill_name, false) as is_attributed,
        spans.forked_actor is not null as is_forked,
        bool_or(coalesce(responses.attribution_skill = spans.skill_name, false)) over (
            partition by spans.invocation_id
        ) as has_attribution
    from spans
    inner join responses
        on responses.session_id = spans.session_id
        and (
            (
                spans.forked_actor is null and responses.actor = spans.actor
                and responses.thread_position > spans.thread_position
                -- The response that calls the next skill still belongs to this one. On a single line it is at
                -- the position of the call.
                and responses.thread_position <= spans.next_skill_position
                -- A queued message starts its own turn while the skill works: there the client's attribution
                -- counts.
                and (
                    responses.thread_position < spans.turn_end_position
                    or coalesce(responses.attribution_skill = spans.skill_name, false)
                )
            )
            or responses.actor = spans.forked_actor
        )
    where spans.was_launched and (spans.response_id is null or responses.response_id <> spans.response_id)
),

-- If the client attributes responses to the skill, only those count, else all in its span.
scoped as (
    select
        invocation_id,
        response_id,
        last_block_at,
        total_tokens,
        cost_usd,
        model_name,
        case
            when is_forked then 'forked_run'
            when has_attribution then 'attributed'
            else 'until_next'
        end as scope_method
    from candidates
    where is_forked or is_attributed or not has_attribution
),

actions as (
    select
        scoped.invocation_id,
        count(*) as action_count,
        count(*) filter (where calls.call_status = 'error') as error_count,
        max(calls.returned_at) as last_returned_at
    from scoped
    inner join {{ ref('int_tool_call') }} as calls
        on calls.response_id = scoped.response_id and calls.tool_use_id <> scoped.invocation_id
    group by scoped.invocation_id
),

efforts as (
    select
        invocation_id,
        min(scope_method) as scope_method,
        count(*) as response_count,
        max(last_block_at) as last_response_at,
        sum(total_tokens) as total_tokens,
        sum(cost_usd) as cost_usd,
        {{ value_at_max('model_name', '(coalesce(cost_usd, 0), response_id)') }} as model_name
    from scoped
    group by invocation_id
),

components as (
    select component_name, component_id, component_type
    from {{ ref('dim_component') }}
    where component_type in ('skill', 'command')
)

select
    spans.invocation_id,
    spans.session_id,
    actors.agent_id,
    actors.agent_run_id,
    coalesce(skills.component_id, commands.component_id) as component_id,
    spans.turn_id as prompt_id,
    -- A command that no model answered is not a task.
    case when spans.prompt_origin <> 'local_command' or spans.invoked_by = 'agent' then spans.turn_id end
        as task_id,
    spans.skill_name,
    spans.invoked_at,
    spans.invoked_by,
    {{ ordered_end(
        'spans.invoked_at', 'greatest(spans.launched_at, efforts.last_response_at, actions.last_returned_at)'
    ) }} as completed_at,
    efforts.scope_method,
    case
        when not spans.was_launched or spans.forked_actor is not null then null
        when spans.next_skill_position < spans.turn_end_position then 'next_skill'
        else 'turn_end'
    end as ended_by,
    bodies.version_hash,
    bodies.skill_version,
    bodies.commit_hash as version_commit,
    spans.error_type,
    'observed' as provenance,
    case when spans.has_result then spans.was_launched end as success,
    spans.forked_actor is not null as is_forked,
    cast(coalesce(actions.action_count, 0) as bigint) as actions_taken,
    cast(coalesce(actions.error_count, 0) as bigint) as action_error_count,
    cast(coalesce(efforts.response_count, 0) as bigint) as response_count,
    cast(efforts.total_tokens as bigint) as total_tokens,
    efforts.cost_usd,
    case when efforts.model_name is not null then {{ surrogate_key(['efforts.model_name']) }} end as model_id,
    {{ as_json({'arguments': 'left(spans.arguments, 1000)', 'body_characters': 'bodies.body_characters'}) }}
        as metadata,
    spans.source_path as _source_path,
    spans.source_line as _source_line,
    spans._batch_id
from spans
inner join {{ ref('int_actor') }} as actors
    on actors.session_id = spans.session_id and actors.actor = spans.actor
left join components as skills on skills.component_type = 'skill' and skills.component_name = spans.skill_name
left join components as commands
    on commands.component_type = 'command' and commands.component_name = spans.skill_name
left join efforts on efforts.invocation_id = spans.invocation_id
left join actions on actions.invocation_id = spans.invocation_id
left join bodies on bodies.invocation_id = spans.invocation_id
