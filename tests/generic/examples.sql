{# Columns of a model that lead from a failing row to its session and line, as far as its yml lists them. #}
{% macro example_columns(model) -%}
    {%- set found = [] -%}
    {%- set node = graph.nodes.get('model.' ~ project_name ~ '.' ~ model.identifier) if graph else none -%}
    {%- for column in ('session_id', '_source_path', '_source_line') if node and column in node.columns -%}
        {%- do found.append(column) -%}
    {%- endfor -%}
    {{- return(found) -}}
{%- endmacro %}

{#
    Columns that a group of failing rows returns beside their count: the sessions, and three of the rows
    ordered by session and line.
#}
{% macro example_measures(columns) -%}
    {%- if 'session_id' in columns %},
    list(distinct session_id) filter (where session_id is not null) as session_ids
    {%- endif -%}
    {%- if columns %},
    min({
        {%- for column in columns -%}
        '{{ column }}': {{ column }}{{ ', ' if not loop.last }}
        {%- endfor -%}
    }, 3) as examples
    {%- endif -%}
{%- endmacro %}
