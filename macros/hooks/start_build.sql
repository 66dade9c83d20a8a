{# Before the first model: land new data, if the whole project is built. #}
{% macro start_build() -%}
    {%- if execute and flags.WHICH in ('build', 'run', 'seed') -%}
        {%- do plugin('start', {
            'command': flags.WHICH, 'full_refresh': flags.FULL_REFRESH, 'selected': selected_resources,
            'graph': graph
        }) -%}
    {%- endif -%}
{%- endmacro %}
