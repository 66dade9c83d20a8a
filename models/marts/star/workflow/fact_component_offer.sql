with attachments as (
    select
        attachments.session_id,
        attachments.actor,
        attachments.line_uuid,
        attachments.created_at,
        attachments.line_number,
        attachments.source_path,
        attachments.attachment_type,
        attachments.attachment.addedTypes as agent_types,
        attachments.attachment.skillCount as skill_count,
        coalesce(attachments.attachment.names, attachments.attachment.addedNames) as names,
        {{ regex_groups('attachments.content_text', '(?m)^- ([A-Za-z0-9_:.-]+): ') }} as texts,
        {{ regex_groups('attachments.content_text', '(?m)^- ([a-z0-9][a-z0-9_:.-]*): ') }} as lower_texts,
        attachments._batch_id
    from {{ ref('int_attachment') }} as attachments
    where
        attachments.attachment_type in (
            'skill_listing', 'deferred_tools_delta', 'mcp_instructions_delta', 'agent_listing_delta'
        )
),

-- Older clients list skills only as text. A description can contain bullets too: if there are more than the
-- client counts, only the lower-case ones count (skill names are lower case), provided that their number
-- matches.
listings as (
    select
        session_id,
        actor,
        line_uuid,
        created_at,
        line_number,
        source_path,
        attachment_type,
        agent_types,
        case
            when names is not null or attachment_type <> 'skill_listing' then names
            when skill_count is null or len(texts) <= skill_count then texts
            when len(lower_texts) = skill_count then lower_texts
        end as names,
        _batch_id
    from attachments
),

offers as (
    select *, 'skill' as offer_type, name as component_name
    from {{ explode('listings', 'names', 'name', 'name_number') }} as exploded
    where attachment_type = 'skill_listing'
    union all
    -- The name of a deferred tool contains its server, and an instruction is named after its server. Both are
    -- spelled as in tool names.
    select
        *,
        'mcp_server' as offer_type,
        case
            when attachment_type = 'deferred_tools_delta' then {{ mcp_server_of('name') }}
            else {{ regex_replace('name', '[^A-Za-z0-9_-]', '_') }}
        end as component_name
    from {{ explode('listings', 'names', 'name', 'name_number') }} as exploded
    where attachment_type in ('deferred_tools_delta', 'mcp_instructions_delta')
    union all
    select *, 'agent' as offer_type, name as component_name
    from {{ explode('listings', 'agent_types', 'name', 'name_number') }} as exploded
    where attachment_type = 'agent_listing_delta'
)

select
    {{ surrogate_key(['offers.session_id', 'offers.offer_type', 'offers.component_name']) }} as offer_id,
    offers.session_id,
    min_by(actors.agent_id, (offers.created_at, offers.source_path, offers.line_number)) as agent_id,
    {{ surrogate_key(['offers.offer_type', 'offers.component_name']) }} as component_id,
    offers.offer_type,
    offers.component_name,
    min(offers.created_at) as offered_at,
    'observed' as provenance,
    cast(count(distinct offers.line_uuid) as bigint) as offer_count,
    min_by(offers.source_path, (offers.created_at, offers.source_path, offers.line_number)) as _source_path,
    min_by(offers.line_number, (offers.created_at, offers.source_path, offers.line_number)) as _source_line,
    max(offers._batch_id) as _batch_id
from offers
inner join {{ ref('int_actor') }} as actors
    on actors.session_id = offers.session_id and actors.actor = offers.actor
where offers.component_name is not null and offers.component_name <> ''
group by offers.session_id, offers.offer_type, offers.component_name
