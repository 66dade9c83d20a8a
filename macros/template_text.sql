{#
    The text of a command's or skill's file, reconstructed from the body that a call put into the
    conversation: without the leading line about the folder, and with placeholders in place of the call's own
    values. A client appends the arguments to a body only if the body has no placeholder for them, so nothing
    else is replaced then. The session is replaced first: a short argument may be part of its id.
#}
{% macro template_text(text, arguments, session_id) -%}
    {%- set own = "replace(" ~ text ~ ", " ~ session_id ~ ", '${CLAUDE_SESSION_ID}')" -%}
    {%- set folderless = regex_remove(own, "^Base directory for this skill: [^\\n]+") -%}
    {%- set bare = regex_remove(folderless, "\\n\\nARGUMENTS: (?s:.*)$") -%}
    {{ trim_space(
        "case when length(" ~ arguments ~ ") > 0 and position(chr(10) || chr(10) || 'ARGUMENTS: ' in " ~ text
        ~ ") = 0 then "
        ~ replace_whole(bare, arguments, '$ARGUMENTS') ~ " else " ~ bare ~ " end"
    ) }}
{%- endmacro %}
