{#
    A path in the canonical spelling of its folder or file: composed letters (é is one character, macOS also
    writes two), a capital drive letter followed by backslashes, no `/./`, no doubled separator and none at
    the end. Relative paths and addresses keep their form. Paths that become keys pass through this macro. A
    backslash is written as chr(92): before a quote it would mislead dbt's statement splitter.
#}
{% macro path_identity(path) -%}
    case
        when regexp_matches({{ path }}, '^[A-Za-z]:([/\\]|$)')
            then upper(left({{ path }}, 1)) || ':' || chr(92)
            || ltrim({{ windows_tail('substr(nfc_normalize(' ~ path ~ '), 3)') }}, chr(92))
        when starts_with({{ path }}, chr(92) || chr(92))
            then chr(92) || chr(92)
            || ltrim({{ windows_tail('substr(nfc_normalize(' ~ path ~ '), 3)') }}, chr(92))
        when starts_with({{ path }}, '/')
            then '/'
            || ltrim(
                regexp_replace(
                    regexp_replace(nfc_normalize({{ path }}), '/([.]?/)+', '/', 'g'), '/[.]?$', ''
                ),
                '/'
            )
        else nfc_normalize({{ path }})
    end
{%- endmacro %}

{# The part of a Windows path after the drive or `\\`. #}
{% macro windows_tail(tail) -%}
    regexp_replace(
        regexp_replace(replace({{ tail }}, '/', chr(92)), '[\\]([.]?[\\])+', chr(92) || chr(92), 'g'),
        '[\\][.]?$', ''
    )
{%- endmacro %}
