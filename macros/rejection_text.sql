{# The user's comment when rejecting a call, without the client's words around it; NULL without a comment. #}
{% macro rejection_text(column) -%}
    {%- set words = regex_group(column, "(?s)(?:reason for the rejection:|the user said:"
        ~ "|[Uu]ser(?:''s)? feedback:)\\s*(.*?)(?:\\n+Note: The user|$)") -%}
    {{ own_words("nullif(trim(" ~ words ~ "), '')") }}
{%- endmacro %}

{# The same without the client's text for a user who wants to discuss a question instead of answering it. #}
{% macro own_words(text) -%}
    case
        when not regexp_matches({{ text }}, '^\s*The user ({{ [
            'wants to clarify these questions', 'has indicated they have provided enough answers'
        ] | join('|') }})')
            then {{ text }}
    end
{%- endmacro %}
