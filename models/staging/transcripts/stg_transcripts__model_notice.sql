-- Lines in which the client reports that another model responds from now on.
with system_lines as (
    select
        lines.line_id,
        lines.session_id,
        lines.line_uuid,
        lines.created_at,
        lines.line_type,
        lines.subtype,
        lines.original_model,
        lines.fallback_model,
        lines.fallback_trigger,
        -- Older clients report a reached limit only in words.
        lines.subtype is null as is_limit_notice,
        case
            when coalesce(lines.subtype, 'local_command') = 'local_command'
                then {{ json_texts('lines.content_body') }}
        end as notice_text,
        lines._batch_id
    from {{ ref('stg_transcripts__line') }} as lines
    where
        lines.line_type = 'system'
        and (
            lines.subtype in (
                'local_command', 'model_fallback', 'model_consent_fallback', 'model_refusal_fallback'
            )
            or (lines.subtype is null and lines.content_body like '%limit reached, now using %')
        )
),

texts as (
    select
        line_id,
        session_id,
        line_uuid,
        block_text as notice_text,
        _batch_id
    from {{ ref('stg_transcripts__block') }}
    where
        line_type = 'user' and block_type = 'text'
        and (
            block_text like '<local-command-stdout>Set model to %'
            or block_text like '<local-command-stdout>Kept model as %'
        )
),

notices as (
    select
        line_id,
        session_id,
        line_uuid,
        cast(null as timestamp) as created_at,
        'chosen' as notice_kind,
        notice_text,
        cast(null as varchar) as original_model,
        cast(null as varchar) as fallback_model,
        cast(null as varchar) as fallback_trigger,
        _batch_id
    from texts
    union all
    select
        line_id,
        session_id,
        line_uuid,
        created_at,
        case when subtype = 'local_command' then 'chosen' else 'fallback' end,
        notice_text,
        coalesce(
            original_model,
            case
                when is_limit_notice
                    then nullif({{ regex_group('notice_text', '^(.+?) limit reached, now using ') }}, '')
            end
        ),
        coalesce(
            fallback_model,
            case
                when is_limit_notice
                    then nullif({{ regex_group('notice_text', ' limit reached, now using (.+?)[.]?$') }}, '')
            end
        ),
        coalesce(fallback_trigger, case when is_limit_notice then 'usage_limit' end),
        _batch_id
    from system_lines
    where
        coalesce(subtype, '') <> 'local_command' or notice_text like '<local-command-stdout>Set model to %'
        or notice_text like '<local-command-stdout>Kept model as %'
),

named as (
    select
        *,
        {{ regex_replace('notice_text', '\x1b\\[[0-9;]*m', '') }} as plain_text
    from notices
)

select
    named.line_id,
    named.session_id,
    named.line_uuid,
    lines.source_path,
    lines.line_number,
    named.created_at,
    named.notice_kind,
    named.original_model,
    coalesce(
        named.fallback_model,
        nullif({{ regex_group(
            'named.plain_text',
            '(?:Set model to|Kept model as) (.+?)(?: and saved as| for this session|</local-command)'
        ) }}, '')
    ) as chosen_model,
    named.fallback_trigger,
    named._batch_id
from named
inner join {{ ref('stg_transcripts__line') }} as lines on lines.line_id = named.line_id
