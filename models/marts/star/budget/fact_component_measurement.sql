-- Bodies of components in conversations: skills, commands, memory files, attached files. A body is measured
-- when it is first seen, and again only after it has changed.
with hashed as (
    select * from {{ ref('int_component_body') }}
),

-- Tokens as the ledger measured them: the median of direct measurements if there are any, else that of its
-- shares.
weighed as (
    select
        hashed.*,
        segments.tokens,
        segments.allocation_method as token_method,
        segments._source_path,
        segments._source_line,
        row_number() over (
            partition by hashed.component_type, hashed.component_name, hashed.content_hash
            order by hashed.created_at nulls last, hashed.item_id
        ) as sight_number
    from hashed
    -- A body that was never sent has no segment and was not measured.
    inner join {{ ref('fact_context_segment') }} as segments on segments.segment_id = hashed.item_id
),

measured as (
    select
        component_type,
        component_name,
        content_hash,
        count(*) as sight_count,
        count(distinct session_id) as session_count,
        max(created_at) as last_seen_at,
        max(_batch_id) as _batch_id,
        median(tokens) filter (where token_method = 'direct') as direct_tokens,
        -- A share that is impossible for a text of this length belongs to something else.
        median(tokens) filter (
            where token_method = 'proportional'
            and tokens between {{ var('fewest_tokens_per_character') }} * {{ char_count('body_text') }}
            and {{ var('most_tokens_per_character') }} * {{ char_count('body_text') }}
        ) as shared_tokens
    from weighed
    group by all
),

in_transcripts as (
    select
        {{ surrogate_key(['firsts.component_type', 'firsts.component_name', 'firsts.content_hash']) }}
            as measurement_id,
        {{ surrogate_key(['firsts.component_type', 'firsts.component_name']) }} as component_id,
        firsts.session_id,
        firsts.created_at as measured_at,
        measured.last_seen_at,
        case
            when firsts.component_type <> 'reference_file' then 'md'
            else coalesce(
                    nullif(lower({{ regex_group('firsts.component_name', '[.]([A-Za-z0-9_]+)$') }}), ''),
                    'none'
                )
        end as file_type,
        firsts.content_hash,
        case
            when measured.direct_tokens is not null then 'direct'
            when measured.shared_tokens is not null then 'proportional'
            else 'estimated'
        end as token_method,
        case
            when measured.direct_tokens is null and measured.shared_tokens is null then 'estimated'
            else 'observed'
        end as provenance,
        cast({{ line_count('firsts.body_text') }} as bigint) as line_count,
        cast({{ word_count('firsts.body_text') }} as bigint) as word_count,
        cast({{ char_count('firsts.body_text') }} as bigint) as char_count,
        cast(round(coalesce(
            measured.direct_tokens, measured.shared_tokens,
            {{ char_count('firsts.body_text') }} * rates.tokens_per_character
        )) as bigint) as estimated_tokens,
        cast(measured.sight_count as bigint) as sight_count,
        cast(measured.session_count as bigint) as session_count,
        cast(null as bigint) as budget_tokens,
        firsts._source_path,
        firsts._source_line,
        measured._batch_id
    from weighed as firsts
    inner join measured
        on measured.component_type = firsts.component_type and measured.component_name = firsts.component_name
        and measured.content_hash = firsts.content_hash
    inner join {{ ref('int_token_rate') }} as rates
        on rates.component_type = firsts.component_type and {{ rate_applies('rates', 'firsts.created_at') }}
    where firsts.sight_number = 1
),

loads as (
    select
        *,
        -- Newer clients call commands as skills.
        case when component_type = 'command' then 'skill' else component_type end as component_family,
        coalesce(content_hash, concat_ws('/', 'size', characters, tokens)) as content
    from {{ ref('int_recorded_component') }}
    where event_kind in ('component', 'skill_load') and tokens is not null
),

-- If the conversation shows the body of a load, it is measured there, which is more accurate.
unseen_loads as (
    select loads.*
    from loads
    anti join (
        select
            session_id,
            case when component_type = 'command' then 'skill' else component_type end as component_family,
            component_name
        from weighed
    ) as bodies
        on bodies.session_id = loads.session_id and bodies.component_family = loads.component_family
        and bodies.component_name = loads.component_name
    anti join hashed
        on hashed.component_type = loads.component_type and hashed.component_name = loads.component_name
        and hashed.content_hash = loads.content_hash
),

only_recorded as (
    select
        {{ surrogate_key(['component_type', 'component_name', 'content']) }} as measurement_id,
        {{ surrogate_key(['component_type', 'component_name']) }} as component_id,
        min_by(session_id, (occurred_at, event_id)) as session_id,
        min(occurred_at) as measured_at,
        max(occurred_at) as last_seen_at,
        case
            when component_type in ('skill', 'command', 'agent') then 'md'
            else coalesce(
                    nullif(lower({{ regex_group('max(file_path)', '[.]([A-Za-z0-9_]+)$') }}), ''), 'none'
                )
        end as file_type,
        max(content_hash) as content_hash,
        'recorded' as token_method,
        'recorded' as provenance,
        cast(null as bigint) as line_count,
        cast(null as bigint) as word_count,
        max(characters) as char_count,
        {{ value_at_max('tokens', '(occurred_at, event_id)') }} as estimated_tokens,
        count(*) as sight_count,
        count(distinct session_id) as session_count,
        {{ value_at_max('budget_tokens', '(occurred_at, event_id)') }} as budget_tokens,
        min_by(source_path, (occurred_at, event_id)) as _source_path,
        min_by(source_line, (occurred_at, event_id)) as _source_line,
        max(_batch_id) as _batch_id
    from unseen_loads
    group by component_type, component_name, content
)

select * from in_transcripts
union all by name
select * from only_recorded
