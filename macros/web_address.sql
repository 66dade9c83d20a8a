{# The host of a URL, in lower case and without a port. #}
{% macro url_host(url) -%}
    lower({{ regex_group(url, '^[A-Za-z]+://(?:[^/@]*@)?([^/:?#]+)') }})
{%- endmacro %}

{# The source of a URL: a code host's repository (`github.com/owner/name`), or else the host. #}
{% macro url_source(url) -%}
    case
        when
            {{ regex_matches(
                url, "'^https?://(www[.])?(github|gitlab|bitbucket|codeberg)[.](com|org)/[^/?#]+/[^/?#]+'"
            ) }}
            then {{ regex_remove(
                "lower(" ~ regex_group(url, '^https?://(?:www[.])?([a-z]+[.][a-z]+/[^/?#]+/[^/?#]+)') ~ ")",
                '[.]git$'
            ) }}
        when {{ regex_matches(url, "'^https?://raw[.]githubusercontent[.]com/[^/]+/[^/]+'") }}
            then concat('github.com/', lower({{ regex_group(url, '^https?://[^/]+/([^/]+/[^/?#]+)') }}))
        when {{ regex_matches(url, "'^https?://api[.]github[.]com/repos/[^/]+/[^/]+'") }}
            then concat('github.com/', lower({{ regex_group(url, '^https?://[^/]+/repos/([^/]+/[^/?#]+)') }}))
        else {{ url_host(url) }}
    end
{%- endmacro %}

{# Type of that source. #}
{% macro url_source_type(url) -%}
    case
        when {{ url_source(url) }} like '%/%' then 'git'
        when {{ regex_matches(url, "'(?i)^[a-z]+://api[.]|/(openapi|swagger)[.](json|ya?ml)'") }} then 'api'
        else 'docs'
    end
{%- endmacro %}

{#
    The page that a URL names, without parts that may be secret or only refer to a place on it: query,
    fragment, user.
#}
{% macro url_page(url) -%}
    {{ regex_remove(regex_remove(regex_remove(url, '[?#].*$'), '/+$'), '^https?://') }}
{%- endmacro %}

{# The address of a git remote as a URL, whatever its notation. #}
{% macro remote_url(remote) -%}
    case
        when {{ regex_matches(remote, "'^(https?|ssh|git)://'") }}
            then concat(
                'https://', {{ regex_remove(regex_remove(remote, '^[a-z]+://([^/@]*@)?'), '([.]git)?/*$') }}
            )
        when {{ regex_matches(remote, "'^([^/@]+@)?[A-Za-z0-9.-]+:[^/]'") }}
            then concat(
                'https://',
                replace({{ regex_remove(regex_remove(remote, '^[^/@]+@'), '([.]git)?/*$') }}, ':', '/')
            )
    end
{%- endmacro %}
