{#
    A text that a command, a skill or an agent was given, with what its call filled in put back to `$ARGUMENTS`: two calls of
    one text are one text then. Arguments of one or two characters stand in too many other places to be told.
#}
{% macro mask_call_arguments(text, arguments_text) -%}
    case
        when length(trim(coalesce({{ arguments_text }}, ''))) >= 3 then replace({{ text }}, trim({{ arguments_text }}), '$ARGUMENTS')
        else {{ text }}
    end
{%- endmacro %}
