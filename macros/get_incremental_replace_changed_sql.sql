{#
    Incremental strategy `replace_changed`, for rows made from many sessions: rows of documents that are gone
    or whose state has changed are deleted, and rows of changed documents are inserted again.
#}
{% macro get_incremental_replace_changed_sql(arg_dict) -%}
    {%- set target = arg_dict['target_relation'] -%}
    {%- set columns = arg_dict['dest_columns'] | map(attribute='quoted') | join(', ') -%}
    delete from {{ target }}
    where (document_id, _state) not in (select (document_id, _state) from {{ ref('int_document_state') }});
    insert into {{ target }} ({{ columns }}) (select {{ columns }} from {{ arg_dict['temp_relation'] }});
{%- endmacro %}
