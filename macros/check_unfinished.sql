{#
    Whether a test run was in progress where the client cut an output in the middle, and its end is not in the
    remaining part: the last progress before the cut (`[ 12%]`) is below 100, and the first progress after it
    does not continue at the same pace, so it belongs to another run.
#}
{% macro check_unfinished(column) -%}
    {%- set before = regex_group(column, "(?s)^(.*?)\\[[0-9,]+ (?:lines|characters|chars) truncated\\]") -%}
    {%- set after = regex_group(column, "(?s)\\[[0-9,]+ (?:lines|characters|chars) truncated\\](.*)$") -%}
    {%- set progress = "(?m)\\S[^\\n]*\\s\\[\\s*(\\d+)%\\]\\s*$" -%}
    {%- set last_before = regex_last_number(before, "'" ~ progress ~ "'") -%}
    {%- set one_before = regex_group(before, "\\[\\s*(\\d+)%\\]\\s*\\n[^\\n]*\\s\\[\\s*\\d+%\\][^%]*$") -%}
    {%- set step_before = "coalesce(" ~ last_before ~ " - try_cast(nullif(" ~ one_before
        ~ ", '') as double), " ~ last_before ~ ")" -%}
    {%- set first_after = "try_cast(nullif(" ~ regex_group(after, progress) ~ ", '') as double)" -%}
    {%- set one_after = regex_group(after, "\\[\\s*\\d+%\\]\\s*\\n[^\\n]*\\s\\[\\s*(\\d+)%\\]") -%}
    {%- set second_after = "try_cast(nullif(" ~ one_after ~ ", '') as double)" -%}
    coalesce(
        {{ last_before }} < 100
        and not coalesce(
            {{ first_after }} >= {{ last_before }}
            and {{ second_after }} - {{ first_after }} <= {{ step_before }} + 1
            and ({{ second_after }} = 100 or {{ second_after }} - {{ first_after }} >= {{ step_before }} - 1),
            false
        ), false
    )
{%- endmacro %}
