{#
    A model id in the form used for pricing: one name for every provider's spelling. Removed are the path of a
    gateway, of Vertex or of an inference profile's ARN, the prefixes of Bedrock and others (`eu.anthropic.`,
    `databricks-`), and after the name the context (`[1m]`), a variant of OpenRouter (`:beta`), Bedrock's
    version (`-v1:0`), `@default`, `-latest` and a date. Dots between numbers become dashes, and a number
    before the family moves after it, as in ids since Claude 4.

    Ids of other vendors stay, and so does the ARN of an application's or provisioned model's profile, which
    hides its model whatever its last part is called. A variant with its own price (`-fast`, `:free`) stays.
#}
{% macro normalized_model(column) -%}
    case
        when
            not regexp_matches(lower({{ column }}), 'claude[^/]*$') or {{ is_opaque_model(column) }}
            then {{ column }}
        else regexp_replace(
            regexp_replace(
                regexp_replace(
                    regexp_replace(
                        trim(lower({{ column }})),
                        '^(?:.*/)?(?:[a-z0-9_-]+[.:])*(?:databricks-|anthropic--)?claude', 'claude'
                    ),
                    '(?:[[][0-9]+[km][]]|:(?:beta|thinking|extended|self-moderated|nitro|floor|online)'
                    || '|-v[0-9]+(?::[0-9]+k?)*'
                    || '|@[a-z0-9.-]+|-latest|-thinking|-[0-9]{8})+$', ''
                ),
                '([0-9])[.]([0-9])', '\1-\2', 'g'
            ),
            '^claude-([4-9](?:-[0-9]{1,2})?)-([a-z]+)$', 'claude-\2-\1'
        )
    end
{%- endmacro %}

{# Whether a model id names a profile set up by its owner: the log does not show which model responds. #}
{% macro is_opaque_model(column) -%}
    regexp_matches(lower({{ column }}), 'application-inference-profile/|provisioned-model/|custom-model')
{%- endmacro %}

{# A name that the provider's console shows, such as `Claude Opus 4.5`, in the form of a model id. #}
{% macro displayed_model(column) -%}
    case
        when regexp_matches({{ column }}, '^\s*[Cc]laude\s')
            then regexp_replace(
                regexp_replace(trim(lower({{ column }})), '\s+', '-', 'g'),
                '^claude-([a-z]+)-(3(?:[.][0-9]+)?)$', 'claude-\2-\1'
            )
        else {{ column }}
    end
{%- endmacro %}
