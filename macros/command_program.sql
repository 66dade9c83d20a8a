{#
    The program that a shell command runs, without arguments; for programs with subcommands, including the
    subcommand (`git diff`, `npm run check`). Parts that only prepare or announce it (a folder, variables,
    comments, echo) are skipped; NULL where nothing else remains, and for loops and conditions.
#}
{% macro command_program(column) -%}
    {%- set end = '[ \\t]*(?:&&|\\x3b|\\n)\\s*' -%}
    {%- set before = '^\\s*(?:#[^\\n]*\\n\\s*|(?:cd|set|export|echo)[ \\t]+(?:"[^"]*"|\'\'[^\'\']*\'\''
        ~ '|[^\\s"\'\'\\x3b&|]+|[ \\t]+)*' ~ end
        ~ '|(?:\\w+=(?:"[^"]*"|\\S*)|sudo|time|env|command|timeout\\s+\\S+)\\s+)*' -%}
    {%- set with_commands = 'git|gh|gt|npm|pnpm|yarn|bun|npx|uv|uvx|pip|poetry|cargo|go|docker|kubectl|helm'
        ~ '|terraform|make|just|dbt|aws|gcloud|az|dotnet'
        ~ '|mix|rake|bundle|rails|composer|brew|mvn|gradle' -%}
    nullif({{ regex_group(
        regex_remove(column, before),
        '^(?:(?:cd|set|export|echo|for|while|until|if|case)\\b|((?:(?:' ~ with_commands
        ~ ')\\s+(?:run\\s+|exec\\s+)?[a-z][\\w:-]*)|[\\w./~-]+))'
    ) }}, '')
{%- endmacro %}
