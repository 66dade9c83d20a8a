{{ config(zstd_columns=['template_text']) }}

-- Texts that commands and skills put into conversations, one per call. A command without a body, such as a
-- built-in one, is not a template.
with versions as (
    select
        command_name,
        template_hash,
        max(template_text) as template_text,
        min(created_at) as created_at,
        max(created_at) as last_used_at,
        count(*) as use_count
    from {{ ref('int_prompt_body') }}
    group by command_name, template_hash
)

select
    {{ surrogate_key(['command_name', 'template_hash']) }} as template_id,
    case
        when count(*) over (partition by command_name) = 1 then command_name
        else command_name || '@' || left(template_hash, 8)
    end as template_name,
    command_name,
    created_at,
    last_used_at,
    template_text,
    template_hash,
    'observed' as provenance,
    use_count
from versions
