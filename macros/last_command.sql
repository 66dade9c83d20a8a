{#
    A shell line, as returned by `plain_command`, up to the simple command that determines the exit status of
    a failed line: loops are unwrapped, and an echo that only follows success is left out.
#}
{% macro up_to_last_command(column) -%}
    {{ regex_replace_all(
        regex_replace_all(column, "'(?:[\\s\\x3b)}]|\\bdone\\b)+$'", "''"),
        "'(?:\\s*&&\\s*(?:echo|printf|true)\\b[^\\x3b&|\\n]*)+$'", "''"
    ) }}
{%- endmacro %}

{# The last simple command of such a line. #}
{% macro last_command(column) -%}
    trim({{ regex_group(column, "(?:&&|\\|\\||[\\x3b|&\\n])?\\s*([^\\x3b&|\\n]*)$") }}, ' ')
{%- endmacro %}

{# The condition for reaching the last command or pipe: the `&&` chain before it, or else ''. #}
{% macro chain_before_last(column) -%}
    {%- set list = regex_group(column, "((?:[^\\n\\x3b&|]*(?:&&|\\|)\\s*)+)[^\\x3b&|\\n]*$") -%}
    {{ regex_group(list, "(?s)^(.*&&)") }}
{%- endmacro %}

{#
    Whether a chain only reads, prints or changes folder, so that the last command determines the exit status.
#}
{% macro only_looks(column) -%}
    {%- set harmless = "(?:[A-Za-z_]\\w*=\\S*\\s+)*(?:cd|pushd|echo|printf|pwd|export|source|ls|ll|cat|head"
        ~ "|tail|sed|awk|cut|sort|uniq|wc|tr|date|sleep|mkdir|touch|true|find|grep|rg"
        ~ "|git (?:-[Cc] \\S+ )*(?:show|log|status|diff|branch|fetch|add|remote|rev-parse|ls-files))" -%}
    {{ regex_matches(column, "'^\\s*(?:" ~ harmless ~ "\\b[^&|]*(?:&&|\\|)\\s*)+$'") }}
{%- endmacro %}
