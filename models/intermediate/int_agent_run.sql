{{ config(materialized='incremental', incremental_strategy='replace_touched') }}

with touched as {{ touched_sessions() }},

run_lines as (
    select lines.*
    from {{ ref('int_line') }} as lines
    semi join touched on touched.session_id = lines.session_id
    where lines.actor <> 'main'
),

runs as (
    select
        session_id,
        actor,
        min(created_at) as started_at,
        max(created_at) as ended_at,
        count(*) as line_count,
        min(source_path) as source_path,
        min_by(line_uuid, thread_position) as first_line_uuid
    from run_lines
    group by all
),

attributed as (
    select
        run_lines.session_id,
        run_lines.actor,
        max(nullif(lines.attribution_agent, '')) as attribution_agent,
        max(nullif(lines.agent_name, '')) as agent_name,
        max(nullif(lines.team_name, '')) as team_name
    from run_lines
    inner join {{ ref('stg_transcripts__line') }} as lines on lines.line_id = run_lines.line_id
    group by all
),

-- The prompt of a run: the first text of its thread.
first_texts as (
    select
        run_lines.session_id,
        run_lines.actor,
        max(blocks.block_text) as first_text
    from run_lines
    inner join runs on runs.first_line_uuid = run_lines.line_uuid
    inner join {{ ref('stg_transcripts__block') }} as blocks
        on blocks.line_id = run_lines.line_id and blocks.block_number = 1 and blocks.block_type = 'text'
    group by all
),

delegations as (
    select
        lines.session_id,
        lines.actor as caller,
        lines.line_uuid,
        blocks.tool_use_id,
        nullif(blocks.tool_input.subagent_type, '') as subagent_type,
        blocks.tool_input.prompt as prompt_text,
        blocks.tool_input.description as description,
        nullif(blocks.tool_input.name, '') as teammate_name,
        lines.created_at as called_at
    from {{ ref('int_line') }} as lines
    semi join touched on touched.session_id = lines.session_id
    inner join {{ ref('stg_transcripts__block') }} as blocks on blocks.line_id = lines.line_id
    where blocks.block_type = 'tool_use' and blocks.tool_name in ('Agent', 'Task')
),

returns as (
    select
        lines.session_id,
        blocks.tool_use_id,
        max({{ log_id('results.result.agentId') }}) as returned_agent_id,
        max(nullif(results.result.agentType, '')) as returned_agent_type,
        max(results.result.resolvedModel) as resolved_model,
        max(results.result.totalDurationMs) as total_duration_ms
    from {{ ref('int_line') }} as lines
    semi join touched on touched.session_id = lines.session_id
    inner join {{ ref('stg_transcripts__block') }} as blocks
        on blocks.line_id = lines.line_id and blocks.block_type = 'tool_result'
    inner join {{ ref('stg_transcripts__tool_use_result') }} as results on results.line_id = lines.line_id
    where results.result.agentId is not null
    group by all
),

-- Matched by the metadata file, else by the id that the call returned, else by the same prompt (client 1.0).
links as (
    select
        runs.session_id,
        runs.actor,
        delegations.tool_use_id,
        delegations.caller,
        delegations.line_uuid as spawn_line_uuid,
        delegations.subagent_type,
        delegations.description,
        delegations.teammate_name,
        row_number() over (
            partition by runs.session_id, runs.actor
            order by
                (delegations.tool_use_id = meta.spawn_tool_use_id) desc nulls last,
                (returns.returned_agent_id = runs.actor) desc nulls last,
                delegations.called_at desc,
                delegations.tool_use_id
        ) as link_rank
    from runs
    left join {{ ref('stg_transcripts__agent_meta') }} as meta
        on meta.session_id = runs.session_id and meta.agent_run_id = runs.actor
    left join first_texts on first_texts.session_id = runs.session_id and first_texts.actor = runs.actor
    inner join delegations on delegations.session_id = runs.session_id
    left join returns
        on returns.session_id = delegations.session_id and returns.tool_use_id = delegations.tool_use_id
    where
        delegations.tool_use_id = meta.spawn_tool_use_id
        or returns.returned_agent_id = runs.actor
        or (
            first_texts.first_text = delegations.prompt_text
            and (runs.started_at is null or delegations.called_at <= runs.started_at + interval 1 second)
            and meta.spawn_tool_use_id is null
        )
),

described as (
    select
        runs.*,
        links.tool_use_id as spawn_tool_use_id,
        links.spawn_line_uuid,
        coalesce(meta.parent_agent_run_id, links.caller) as parent_actor,
        -- The files of a workflow's agents are in a folder named after its run.
        nullif({{ regex_group("runs.source_path", "(?:^|/)subagents/workflows/([^/]+)/") }}, '')
            as workflow_run_id,
        coalesce(
            meta.agent_type, returns.returned_agent_type, links.subagent_type, attributed.attribution_agent,
            case
                when runs.actor like 'acompact%' then 'compact'
                when runs.actor like 'inline-%' then 'general-purpose'
                else 'unknown'
            end
        ) as agent_type,
        coalesce(meta.description, links.description) as description,
        coalesce(attributed.agent_name, links.teammate_name) as teammate_name,
        attributed.team_name,
        coalesce(returns.resolved_model, meta.requested_model) as model_requested,
        meta.spawn_depth,
        meta.worktree_path,
        coalesce(meta.was_stopped_by_user, false) as was_stopped_by_user,
        returns.total_duration_ms as reported_duration_ms
    from runs
    left join attributed on attributed.session_id = runs.session_id and attributed.actor = runs.actor
    left join links on links.session_id = runs.session_id and links.actor = runs.actor and links.link_rank = 1
    left join returns on returns.session_id = runs.session_id and returns.tool_use_id = links.tool_use_id
    left join {{ ref('stg_transcripts__agent_meta') }} as meta
        on meta.session_id = runs.session_id and meta.agent_run_id = runs.actor
),

-- The turn that a run works for: the one in which it was started, or else the last turn before it began.
spawned_in as (
    select
        described.session_id,
        described.actor,
        turns.turn_id,
        row_number() over (
            partition by described.session_id, described.actor
            order by
                (
                    spawn_lines.actor = 'main' and spawn_lines.thread_position >= turns.thread_position
                    and (turns.next_position is null or spawn_lines.thread_position < turns.next_position)
                ) desc nulls last,
                (turns.prompted_at <= described.started_at) desc nulls last,
                case
                    when turns.prompted_at <= described.started_at then turns.prompted_at
                end desc nulls last,
                turns.turn_number,
                turns.turn_id
        ) as turn_rank
    from described
    inner join {{ ref('int_turn') }} as turns on turns.session_id = described.session_id
    left join {{ ref('int_line') }} as spawn_lines on spawn_lines.line_uuid = described.spawn_line_uuid
)

select
    {{ surrogate_key(['described.session_id', 'described.actor']) }} as agent_run_id,
    described.session_id,
    described.actor,
    described.parent_actor,
    spawned_in.turn_id,
    described.spawn_tool_use_id,
    described.workflow_run_id,
    described.agent_type,
    described.teammate_name,
    described.team_name,
    described.description,
    described.model_requested,
    described.worktree_path,
    described.source_path,
    described.started_at,
    described.ended_at,
    described.was_stopped_by_user,
    described.spawn_depth,
    described.reported_duration_ms,
    described.line_count,
    touched._batch_id
from described
inner join touched on touched.session_id = described.session_id
left join spawned_in
    on spawned_in.session_id = described.session_id and spawned_in.actor = described.actor
    and spawned_in.turn_rank = 1
