{#
    A model id as it is priced: without `[1m]`, provider prefix (`us.anthropic.`, `anthropic/`), version suffix (`-v1:0`) and
    date (`-20250929`, `@20250929`). The raw id is kept beside it; the ids of other makers stay as they are.
#}
{% macro normalized_model(column) -%}
    case
        when position('claude' in lower({{ column }})) = 0 then {{ column }}
        else regexp_replace(
            regexp_replace(
                regexp_replace(
                    regexp_replace(lower({{ column }}), '[[]1m[]]$', ''),
                    '^(?:[a-z0-9_-]+/)*(?:[a-z-]+[.])?(?:anthropic[./])?', ''
                ),
                '-v[0-9]+(?::[0-9]+)?$', ''
            ),
            '[-@][0-9]{8}$|-latest$', ''
        )
    end
{%- endmacro %}
