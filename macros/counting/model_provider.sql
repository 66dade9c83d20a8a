{# The provider of a model, by its name. #}
{% macro model_provider(column) -%}
    case
        when {{ column }} like 'claude%' then 'anthropic'
        when {{ column }} like 'gpt%' or {{ column }} like 'o1%' or {{ column }} like 'o3%' then 'openai'
        when {{ column }} like 'gemini%' then 'google'
        else 'other'
    end
{%- endmacro %}
