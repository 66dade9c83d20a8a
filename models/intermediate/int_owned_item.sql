{{ config(materialized='incremental', incremental_strategy='replace_touched') }}

with touched as {{ touched_sessions() }},

calls as (
    select
        tool_use_id,
        session_id,
        tool_name,
        called_at,
        tool_input.owner as owner,
        coalesce(result.statusChange.to, tool_input.status) as to_status,
        case tool_name
            when 'TaskCreate' then result.task.id
            else coalesce(result.taskId, tool_input.taskId)
        end as item_id,
        source_path,
        source_line
    from {{ ref('int_tool_call') }} as int_tool_call
    semi join touched on touched.session_id = int_tool_call.session_id
    where tool_name in ('TaskCreate', 'TaskUpdate') and is_success
),

-- Ids restart with each task list: an update refers to the latest earlier item with its id.
list_updates as (
    select
        items.tool_use_id as work_id,
        updates.tool_use_id as update_id,
        updates.session_id,
        updates.called_at,
        updates.owner,
        updates.to_status,
        updates.source_path,
        updates.source_line,
        row_number() over (partition by updates.tool_use_id order by items.called_at desc, items.tool_use_id)
            as item_rank
    from calls as updates
    inner join calls as items
        on items.session_id = updates.session_id and items.tool_name = 'TaskCreate'
        and items.item_id = updates.item_id
        and items.called_at <= updates.called_at
    where updates.tool_name = 'TaskUpdate'
),

owned_items as (
    select
        work_id,
        session_id,
        owner,
        min(called_at) as assigned_at,
        min_by(source_path, (called_at, update_id)) as source_path,
        min_by(source_line, (called_at, update_id)) as source_line,
        -- An item that is reassigned belongs to the next owner.
        lead(min(called_at)) over (partition by work_id order by min(called_at), owner) as handed_on_at
    from list_updates
    where item_rank = 1 and owner is not null and owner <> ''
    group by work_id, session_id, owner
),

item_ends as (
    select
        owned_items.work_id,
        owned_items.owner,
        min(updates.called_at) filter (where updates.to_status = 'in_progress') as accepted_at,
        max_by(updates.to_status, (updates.called_at, updates.update_id)) filter (
            where updates.to_status is not null
        ) as last_status,
        max(updates.called_at) as last_updated_at
    from owned_items
    inner join list_updates as updates on updates.work_id = owned_items.work_id and updates.item_rank = 1
    where owned_items.handed_on_at is null or updates.called_at < owned_items.handed_on_at
    group by all
)

select
    owned_items.work_id,
    owned_items.session_id,
    owned_items.owner,
    owned_items.assigned_at,
    coalesce(
        item_ends.accepted_at, case when item_ends.last_status = 'completed' then owned_items.assigned_at end
    ) as accepted_at,
    owned_items.handed_on_at,
    item_ends.last_updated_at,
    item_ends.last_status,
    owned_items.source_path,
    owned_items.source_line,
    touched._batch_id
from owned_items
inner join touched on touched.session_id = owned_items.session_id
left join item_ends on item_ends.work_id = owned_items.work_id and item_ends.owner = owned_items.owner
