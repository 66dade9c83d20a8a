{#
    Whether a prompt is a text that the client itself writes in the user's place: a turn that a hook stopped
    or continued, the request to continue after a resume. int_prompt distinguishes the tags of notifications
    and commands.
#}
{% macro is_client_text(column) -%}
    {{ regex_matches(column, "'^\\s*(Operation stopped by hook:|Stop hook feedback:|\\S+ hook feedback:"
        ~ "|\\S+ operation blocked by hook:|<user-prompt-submit-hook>|<system-reminder>"
        ~ "|Continue from where you left off\\.\\s*$)'") }}
{%- endmacro %}
