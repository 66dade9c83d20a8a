{#
    Incremental strategy `replace_changed`, for what is made of many sessions: rows of documents that are gone
    or in another state than when they were made are deleted, and those that changed are written anew.
#}
{% macro get_incremental_replace_changed_sql(arg_dict) -%}
    {%- set target = arg_dict['target_relation'] -%}
    {%- set columns = arg_dict['dest_columns'] | map(attribute='quoted') | join(', ') -%}
    delete from {{ target }}
    where (document_id, _state) not in (select (document_id, _state) from {{ ref('int_document_state') }});
    insert into {{ target }} ({{ columns }}) (select {{ columns }} from {{ arg_dict['temp_relation'] }});
{%- endmacro %}
