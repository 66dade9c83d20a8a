{#
    What is in the file of a command or skill, out of the body that a call put into the conversation: without
    the folder's line in front, with the placeholders back where the client had put the call's own values. A
    client writes the arguments behind a body only where the body has no place for them, so nothing else is
    theirs then. The session goes first: a short argument may be a part of its id.
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
