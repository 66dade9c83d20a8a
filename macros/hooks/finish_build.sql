{# After the last test: publish, if the whole project was built and no guard failed. #}
{% macro finish_build(results) -%}
    {%- if execute and flags.WHICH in ('build', 'run') -%}
        {%- do plugin('finish', {'results': results}) -%}
    {%- endif -%}
{%- endmacro %}
