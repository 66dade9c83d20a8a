{#
    A shell command without here-documents, comments, redirections and quoted texts, except single words and
    commands passed to a shell (`bash -c "…"`, `eval "…"`, `ssh host "…"`). A quoted text leaves `""`.
#}
{% macro plain_command(column) -%}
    {%- set steps = [
        ["\\\\\\n\\s*", " "],
        [
            "(<<-?\\s*\\\\?[''\"]?[A-Za-z_]\\w*[''\"]?)([^\\n]*)\\n(?s:.*?)"
            ~ "\\n\\s*(?:[A-Z][A-Z0-9_]*|eof|py|end)[ \\t]*(\\n|\\)|$)", " \\2' || chr(10) || '\\3"
        ],
        ["(?m)^\\s*#[^\\n]*$", ""],
        ["\\b((?:(?:ba|z|da|k)?sh\\s+-[a-z]*c|eval|ssh\\s+(?:-\\S+\\s+)*\\S+))"
            ~ "\\s+\"((?:\\\\.|[^\"\\\\])*)\"", "\\1 ( \\2 ) "],
        ["\\b((?:(?:ba|z|da|k)?sh\\s+-[a-z]*c|eval|ssh\\s+(?:-\\S+\\s+)*\\S+))"
            ~ "\\s+''([^'']*)''", "\\1 ( \\2 ) "],
        ["[''\"]([\\w./:@%+,=~$*{}-]+)[''\"]", "\\1"],
        ["''[^'']*''|\"(?:\\\\.|[^\"\\\\])*\"", "\"\""],
        ["(^|\\s)#[^\\n]*", "\\1"],
        ["(?:&|\\b\\d+)?>>?(?:&\\d|\\s*[^\\s;|&()]+)|\\s<\\s*[^\\s;|&()<]+", " "]
    ] -%}
    {%- set text = namespace(sql=column) -%}
    {%- for step in steps -%}
        {%- set text.sql = regex_replace_all(text.sql, "'" ~ step[0] ~ "'", "'" ~ step[1] ~ "'") -%}
    {%- endfor -%}
    {{ text.sql }}
{%- endmacro %}

{#
    A simple command without keywords, variables, launchers before the program (`sudo`, `timeout 60`,
    `uv run`, `npx`, `bundle exec`, `docker exec web`, `python -m` …) and an installed program's folder.
#}
{% macro bare_command(column) -%}
    {%- set prefix = "^\\s*(?:"
        ~ "rtk\\s+(?:proxy|test|err|summary)\\s+|(?:then|do|else|if|elif|while|until|time|gtime|sudo|nohup"
        ~ "|env|command|exec|builtin|xvfb-run|caffeinate|chronic|unbuffer|stdbuf|cross-env|nyc|c8|rtk"
        ~ "|direnv\\s+exec\\s+\\S+|!|\\{|\\(|\\$\\()(?:\\s+-\\S+)*\\s+|[({!]\\s*"
        ~ "|[A-Za-z_]\\w*=\\$\\(\\s*|[A-Za-z_]\\w*=\\S*\\s+"
        ~ "|(?:nice|ionice)(?:\\s+-[nc]?\\s*-?\\d+)*\\s+|(?:doppler|op|infisical|dotenvx|varlock|aws-vault"
        ~ "|chamber)\\s+(?:\\S+\\s+)*?--\\s+|arch\\s+-\\w+\\s+"
        ~ "|(?:coverage|(?:\\S*/)?python[\\d.]*\\s+-m\\s+coverage)\\s+run\\s+(?:--(?:source|rcfile|data-file"
        ~ "|context|omit|include|concurrency)[= ]\\S+\\s+|-[ap]\\s+|--\\w[\\w-]*\\s+)*-m\\s+"
        ~ "|g?timeout\\s+(?:-\\S+\\s+)*[\\d.]+[smhd]?\\s+"
        ~ "|(?:\\S*/)?(?:uv|poetry|pipenv|hatch|pdm|rye|pixi)\\s+run\\s+(?:--(?:group|with|extra|package"
        ~ "|project|directory|python|env-file|only-group|no-group|with-editable|with-requirements|env"
        ~ "|environment)[= ]\\S+\\s+|-p\\s+\\S+\\s+|-\\S+\\s+)*"
        ~ "|uv\\s+tool\\s+run\\s+(?:-\\S+\\s+)*|(?:uvx|pipx\\s+run)\\s+(?:--(?:from|with|python"
        ~ "|spec)[= ]\\S+\\s+|-\\S+\\s+)*"
        ~ "|(?:npx|bunx|pnpx)\\s+(?:(?:--package|-p)[= ]\\S+\\s+|-\\S+\\s+)*"
        ~ "|(?:pnpm|yarn|npm|bun)(?:\\s+(?:--filter|-F|-C|--cwd|--prefix|-w"
        ~ "|--workspace)[= ]\\S+)*\\s+(?:exec|dlx|x)\\s+(?:-\\S+\\s+)*"
        ~ "|bundle\\s+exec\\s+|(?:mise|rtx|asdf)\\s+(?:exec|x)\\s+(?:\\S+\\s+)*?--\\s+"
        ~ "|dotenv\\s+(?:\\S+\\s+)*?--\\s+|nix\\s+(?:develop|shell)\\s+(?:\\S+\\s+)*?(?:-c|--command)\\s+"
        ~ "|(?:docker|podman)(?:\\s+|-)compose\\s+(?:-\\S+\\s+)*(?:exec|run)\\s+(?:-\\S+\\s+)*\\S+\\s+"
        ~ "|(?:docker|podman)\\s+exec\\s+(?:-\\S+\\s+)*\\S+\\s+"
        ~ "|(?:ba|z|da|k)?sh\\s+-[a-z]*c\\s+\\(\\s*|eval\\s+\\(?\\s*|ssh\\s+(?:-\\S+\\s+)*\\S+\\s+\\(\\s*"
        ~ "|(?:(?:\\S*/)?python[\\d.]*|\\$\\{?\\w+\\}?)\\s+(?:-[A-Za-z]\\s+(?:\\w+\\s+)?)*?-m\\s+|--\\s+"
        ~ "|(?:\\S*/)?(?:bin|[.]bin|Scripts|shims)/|(?:php|node)\\s+(?:-\\S+\\s+)*(?:\\S*/)?(?:vendor/bin"
        ~ "|node_modules/[.]bin)/"
        ~ ")+" -%}
    {#- A program of a package, called through the package manager as if it were a script. -#}
    {%- set programs = "vitest|jest|mocha|ava|tap|uvu|jasmine|karma|playwright|cypress|wdio|tsc|vue-tsc|tsgo"
        ~ "|eslint|biome|oxlint|stylelint|prettier|knip|nyc|c8|cross-env" -%}
    {%- set by_manager = "^(?:pnpm|yarn|bun)(?:\\s+(?:(?:--filter|-F|-C|--cwd|--dir|--prefix)[= ]\\S+|-[rws]"
        ~ "|--recursive|--silent|--workspace-root|--parallel|workspace\\s+\\S+))*\\s+(?:run\\s+)?(?:(?:nyc"
        ~ "|c8|cross-env(?:\\s+\\w+=\\S*)*)\\s+)?(" ~ programs ~ ")(\\s|$)" -%}
    {%- set launched = regex_replace_all(column, "'" ~ prefix ~ "'", "''") -%}
    {%- set launched = regex_replace_all(launched, "'" ~ by_manager ~ "'", "'\\1\\2'") -%}
    {%- set launched = regex_replace_all(launched, "'^yarn\\s+workspace\\s+\\S+\\s'", "'yarn '") -%}
    {#- The version of a package is not part of the program's name. -#}
    {%- set launched = regex_replace_all(
        launched, "'^((?:@[\\w.-]+/)?[\\w.-]+)@[\\w.^~*-]+(\\s|$)'", "'\\1\\2'"
    ) -%}
    trim({{ regex_replace_all(launched, "'\\s*[)}]+\\s*$'", "''") }})
{%- endmacro %}
