{#
    The component of an inference that is not the answer: an adviser, a compaction on the server, an earlier
    step or attempt of the same response. Each is a separate component, since its dollars depend on its model
    and number of runs, not on the content of the context.
#}
{% macro inference_component_type(inference_type) -%}
    case
        when {{ inference_type }} like 'advisor%' then 'tool'
        when {{ inference_type }} like 'compaction%' then 'compaction_summary'
        else 'system_prompt'
    end
{%- endmacro %}

{% macro inference_component_name(inference_type) -%}
    case
        when {{ inference_type }} like 'advisor%' then 'advisor'
        when {{ inference_type }} like 'compaction%' then 'server_compaction'
        else 'earlier_inference'
    end
{%- endmacro %}
