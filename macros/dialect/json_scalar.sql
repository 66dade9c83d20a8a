{# One scalar, as text, from a column of JSON text; `path` is a JSON path such as `$.message.content`. #}
{% macro json_scalar(column, path) -%} json_extract_string({{ column }}, '{{ path }}') {%- endmacro %}

{# A JSON text, or a JSON list of texts joined by commas, as one text. #}
{% macro json_joined(column) -%}
    case
        when json_type({{ column }}) = 'ARRAY'
            then array_to_string(json_extract_string({{ column }}, '$[*]'), ', ')
        else json_extract_string({{ column }}, '$')
    end
{%- endmacro %}

{# Among the values of a JSON object, the first object whose `type` is this one. #}
{% macro json_value_of_type(column, type) -%}
    list_filter(json_extract({{ column }}, '$.*'), lambda x: json_extract_string(x, '$.type') = '{{ type }}')[1]
{%- endmacro %}

{# The name in a JSON object whose object has the largest number in `field`. #}
{% macro json_name_of_largest(column, field) -%}
    list_reverse_sort(list_transform(json_keys({{ column }}), lambda x: {
        'amount': try_cast(json_extract_string({{ column }}, '$."' || x || '".{{ field }}') as double), 'name': x
    }))[1].name
{%- endmacro %}
