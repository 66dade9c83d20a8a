{#
    Whether a prompt is a text that the client itself writes in the user's place: a turn that a hook
    stopped or sent on, the call to go on after a resume. The tags of notifications and commands are
    told apart in int_prompt.
#}
{% macro is_client_text(column) -%}
    {{ regex_matches(column, "'^\\s*(Operation stopped by hook:|Stop hook feedback:|\\S+ hook feedback:"
        ~ "|\\S+ operation blocked by hook:|<user-prompt-submit-hook>|<system-reminder>"
        ~ "|Continue from where you left off\\.\\s*$)'") }}
{%- endmacro %}
