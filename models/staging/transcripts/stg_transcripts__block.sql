{{ config(
    materialized='incremental', incremental_strategy='append',
    zstd_columns=['block_text', 'tool_input_json']
) }}

with lines as (
    select
        line_id,
        session_id,
        line_uuid,
        line_type,
        case
            when left(message_content, 1) = '['
                then {{ json_struct('message_content', content_block_spec()) }}
            else {{ json_struct("'[{\"type\":\"text\"}]'", content_block_spec()) }}
        end as blocks,
        case when left(message_content, 1) <> '[' then {{ json_texts('message_content') }} end
            as message_text,
        _batch_id
    from {{ ref('stg_transcripts__line') }}
    where
        message_content is not null and message_content <> 'null' and line_type in ('user', 'assistant')
        and {{ unseen() }}
),

exploded as (
    select
        * exclude (block),
        block.type as block_type,
        {{ log_id('block.id') }} as block_id,
        block.name as tool_name,
        cast(block.input as varchar) as tool_input_json,
        block.caller.type as caller_type,
        {{ log_id('block.tool_use_id') }} as result_tool_use_id,
        cast(block.content as varchar) as result_body,
        coalesce(block.is_error, false) as is_error,
        block.source.media_type as media_type,
        coalesce(block.text, block.thinking) as inner_text,
        length(block.signature) as signature_characters
    from {{ explode('lines', 'blocks', 'block', 'block_number') }} as exploded_blocks
),

typed as (
    select
        *,
        case
            when block_type = 'tool_result' then coalesce({{ json_texts('result_body') }}, '')
            else coalesce(message_text, inner_text)
        end as block_text,
        case when tool_input_json is not null then {{ json_struct('tool_input_json', tool_input_spec()) }} end
            as tool_input
    from exploded
)

select
    line_id,
    block_number,
    session_id,
    line_uuid,
    line_type,
    coalesce(nullif(block_type, ''), 'unknown') as block_type,
    coalesce(block_id, result_tool_use_id) as tool_use_id,
    tool_name,
    caller_type,
    is_error,
    media_type,
    block_text,
    {{ char_count('block_text') }} as text_characters,
    {{ byte_count('block_text') }} as text_bytes,
    signature_characters,
    case
        when block_type = 'tool_result' then {{ occurrence_count("result_body", '"type":"image"') }}
        when block_type = 'image' then 1
        else 0
    end as image_count,
    -- The result of a tool search: a reference to each tool.
    case
        when
            block_type = 'tool_result' and left(result_body, 1) = '['
            and position('"tool_reference"' in result_body) > 0
            then {{ list_field(json_struct('result_body', '[{"tool_name": "VARCHAR"}]'), 'tool_name') }}
    end as referenced_tools,
    tool_input_json,
    {{ byte_count('tool_input_json') }} as tool_input_bytes,
    tool_input,
    -- A new file's lines: the client's patch is empty for a Write that creates a file.
    case
        when tool_name = 'Write' then {{ line_count(json_scalar('tool_input_json', '$.content')) }}
    end as written_line_count,
    _batch_id
from typed
