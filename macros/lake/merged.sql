{#
    The SQL of a model that has been compiled, or, in the target `lake`, the rows that hosts shared of it, if its merge
    rule is `union` or `by_key`. The columns `_host` and `_row` are the lake's: the host that shared a row, and a mark
    of rows that belong to no session.
#}
{% macro merged(compiled_code) -%}
    {%- set merge = model.config.get('meta', {}).get('merge', {}) -%}
    {%- if target.name != 'lake' or merge.get('rule') not in ('union', 'by_key') -%}
        {{ return(compiled_code) }}
    {%- endif -%}
    {%- set found = plugin('lake_columns', {'table': model.name}).columns -%}
    {%- set columns = [] -%}
    {%- for name in model.columns -%}
        {%- do columns.append((name, model.columns[name].get('data_type'))) -%}
    {%- endfor -%}
    {%- set is_by_key = merge.rule == 'by_key' -%}
    {%- if not is_by_key and not config.get('contract').enforced -%}
        {%- for name in found if name not in model.columns -%}
            {%- do columns.append((name, none)) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(merged_by_key(merge, columns, found) if is_by_key else counted_rows(columns, found)) }}
{%- endmacro %}

{#
    The rows of all hosts, each session from one host. A column that no host has shared yet is NULL, and a table that none
    has shared is empty: all hosts may have an older version.
#}
{% macro counted_rows(columns, found) -%}
    select
        {%- for name, type in columns %}
        {% if name == 'user_id' and name in found %}coalesce(aliases.user_name, shared.user_id) as user_id
        {%- elif name in found %}shared.{{ adapter.quote(name) }}
        {%- else %}cast(null as {{ type or 'varchar' }}) as {{ adapter.quote(name) }}
        {%- endif %}{{ ',' if not loop.last }}
        {%- endfor %}
    {%- if not found %}
    where false
    {%- else %}
    from lake.main.{{ adapter.quote(model.name) }} as shared
    {%- if 'user_id' in found %}
    left join merging.user_alias as aliases on aliases.user_id = shared.user_id
    {%- endif %}
    {%- if 'session_id' in found %}
    where
        shared._row is not null
        or (shared._host, shared.session_id) in (select (host_id, session_id) from merging.counted_session)
    {%- endif %}
    {%- endif %}
{%- endmacro %}

{#
    One row per key, with the aggregate of each other column. `first` and `latest` are those of one row, by
    `order_by`.
#}
{% macro merged_by_key(merge, columns, found) -%}
    {%- set ordered = {'first': 'arg_min', 'latest': 'arg_max'} %}
    select
        {%- for name, type in columns %}
        {%- set quoted = adapter.quote(name) -%}
        {%- set aggregate = merge.columns.get(name) %}
        {% if name in merge.key %}{{ quoted }}
        {%- elif aggregate in ordered %}
        {{- ordered[aggregate] }}({{ quoted }}, ({{ merge.order_by }}, hash(rows_of_hosts))) as {{ quoted }}
        {%- else %}cast({{ 'any_value' if aggregate == 'any' else aggregate }}({{ quoted }}) as {{ type }}) as {{ quoted }}
        {%- endif %}{{ ',' if not loop.last }}
        {%- endfor %}
    from (
        {{ counted_rows(columns, found) }}
    ) as rows_of_hosts
    group by {% for name in merge.key %}{{ adapter.quote(name) }}{{ ', ' if not loop.last }}{% endfor %}
{%- endmacro %}
