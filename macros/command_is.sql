{#
    Whether a shell command, or a part of it, is of a kind in the seed `command_kinds`. The model itself
    declares `-- depends_on: ref(command_kinds)`. A part begins at the start, after a separator or a new line,
    possibly after variable assignments and wrappers; a part that only filters the output of another command
    does not count.
#}
{% macro command_is(column, kind) -%}
    {%- if execute -%}
    {%- set rules = seed_rows('command_kinds') | selectattr('command_kind', 'equalto', kind) -%}
    {%- set begin = "(?:^|[;&(\\n]|\\|\\||\\bthen\\b|\\bdo\\b)\\s*(?:\\w+=\\S+\\s+)*(?:(?:sudo|time"
        ~ "|timeout +\\S+|rtk|uv run|poetry run|npx|bunx|pnpm exec|pnpm dlx|command|env|xvfb-run)\\s+)*" -%}
    {%- set kinds = rules | map(attribute='pattern') | list -%}
        {{ regex_matches(column, quoted_text(begin ~ '(?:' ~ kinds | join('|') ~ ')')) }}
    {%- else -%}
    false
    {%- endif -%}
{%- endmacro %}
