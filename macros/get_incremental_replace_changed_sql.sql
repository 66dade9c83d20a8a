{#
    Incremental strategy `replace_changed`, for what is made of many sessions: the rows of every document
    that is in another state than when they were made, or that is gone, are deleted, and those of the
    changed ones written anew.
#}
{% macro get_incremental_replace_changed_sql(arg_dict) -%}
    {%- set target = arg_dict['target_relation'] -%}
    {%- set columns = arg_dict['dest_columns'] | map(attribute='quoted') | join(', ') -%}
    delete from {{ target }}
    where (document_id, _state) not in (select (document_id, _state) from {{ ref('int_document_state') }});
    insert into {{ target }} ({{ columns }}) (select {{ columns }} from {{ arg_dict['temp_relation'] }});
{%- endmacro %}
