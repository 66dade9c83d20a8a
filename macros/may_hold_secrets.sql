{#
    Whether a file's path suggests secrets, so that its text is not kept: the same names as in
    `ingest/code/languages.py`, which a test compares.
#}
{% macro may_hold_secrets(path) -%}
    (
        {{ regex_matches('lower(' ~ path ~ ')', "'(?:^|[/\\\\])(?:" ~ [
            '[.]env(?:[.][^/\\\\]+)?', 'id_(?:rsa|dsa|ecdsa|ed25519)',
            '[.](?:netrc|npmrc|pypirc|pgpass|htpasswd|git-credentials)',
            '[.]?credentials(?:[.]json)?', '[.]?mcp[.]json(?:[.][^/\\\\]+)?',
            '[.]claude[.]json(?:[.][^/\\\\]+)?',
            'claude_desktop_config[.]json', 'secrets?(?:[.][^/\\\\]+)?',
            '[^/\\\\]+[.](?:pem|key|p12|pfx|jks|keystore|kdbx|tfvars|tfvars[.]json|tfstate|tfstate[.]backup)',
            '[.]claude[/\\\\](?:.*[/\\\\])?(?:managed-)?settings(?:[.][^/\\\\]*)?[.]json',
            '[.]claude-plugin[/\\\\][^/\\\\]*[.]json'
        ] | join('|') ~ ")$'") }}
        and not {{ regex_matches('lower(' ~ path ~ ')', "'[.](?:example|sample|template|dist)$'") }}
    )
{%- endmacro %}
