{#
    Incremental strategy `replace_touched`: all rows of every session that a new batch touched are deleted and
    inserted again. Plain delete+insert would keep the rows of a session whose rows all moved to another one.
#}
{% macro get_incremental_replace_touched_sql(arg_dict) -%}
    {%- set target = arg_dict['target_relation'] -%}
    {%- set columns = arg_dict['dest_columns'] | map(attribute='quoted') | join(', ') -%}
    delete from {{ target }}
    where session_id in (
        select session_id from {{ ref('int_session_batch') }}
        where _batch_id > (select coalesce(max(_batch_id), -1) from {{ target }})
    );
    insert into {{ target }} ({{ columns }}) (select {{ columns }} from {{ arg_dict['temp_relation'] }});
{%- endmacro %}
