{# Description of landed lines that no parser could read, from one or several raw tables. #}
{% macro set_aside_lines(tables) -%}
    {%- for table in tables %}
    select {{ set_aside_columns('set_aside_reason') }}
    from {{ table }}
    where set_aside_reason is not null
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# The columns of such a row; `lines` names the relation that contains the line if there are several. #}
{% macro set_aside_columns(reason, lines='') -%}
    {%- set prefix = lines ~ '.' if lines else '' -%}
    {{ prefix }}file_id,
    {{ prefix }}line_number,
    {{ prefix }}part_number,
    {{ reason }} as set_aside_reason,
    left({{ prefix }}line, 200) as line_head,
    length({{ prefix }}line) as line_characters,
    {{ prefix }}original_bytes is not null as was_not_utf8,
    {{ prefix }}_batch_id
{%- endmacro %}
