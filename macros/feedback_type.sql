{# The feedback that a plugin command gives on a response; NULL for other commands. #}
{% macro feedback_type(command) -%}
    case {{ command }}
        when 'agent-store:thumbs-up' then 'thumbs_up'
        when 'agent-store:thumbs-down' then 'thumbs_down'
        when 'agent-store:report-problem' then 'report'
    end
{%- endmacro %}
