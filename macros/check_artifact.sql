{# The artifact that a check run is about: its one target file, or else the project. #}
{% macro check_artifact_id(runs, sessions) -%}
    case
        when {{ runs }}.target_file_count = 1 and {{ runs }}.target_path is not null
            then {{ surrogate_key([runs ~ '.target_path']) }}
        else {{ surrogate_key(["coalesce(" ~ sessions ~ ".project_path, 'unknown')"]) }}
    end
{%- endmacro %}

{#
    Results that were read are observed; a conclusion from only a script's name, silence or an exit code is a
    guess.
#}
{% macro check_provenance(runs) -%}
    case
        when
            {{ runs }}.outcome_method in ('counts', 'words')
            or (
                {{ runs }}.outcome_method = 'exit_code'
                and {{ runs }}.is_named
                and {{ runs }}.confidence > 0.8
            )
            then 'observed'
        else 'estimated'
    end
{%- endmacro %}
