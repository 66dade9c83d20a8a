{#
    The rows that a generic test examines if few sessions are new. For keys, all rows with a key that touched
    rows have; but sessions that share lines or calls are touched together, so no view is computed twice.
#}
{% macro touched_part(model, keys=none) -%}
    {%- set node = graph.nodes.get('model.' ~ project_name ~ '.' ~ model.identifier) if graph else none -%}
    {%- set columns = node.columns if node else {} -%}
    {%- set is_view = node and node.config.materialized == 'view' -%}
    {%- set is_by_batch = '_batch_id' in columns
        and (model.identifier.startswith('stg_') or node.config.incremental_strategy == 'append') -%}
    {%- set key = '(' ~ keys | join(', ') ~ ')' if keys else '' -%}
    {%- if 'session_id' in columns and (not keys or is_view or 'session_id' in keys or 'line_id' in keys) -%}
        {{- only_touched('session_id in {sessions}') -}}
    {%- elif 'session_id' in columns -%}
        {{- only_touched('(session_id in {sessions} or ' ~ key ~ ' in (select ' ~ key ~ ' from ' ~ model
            ~ ' where session_id in {sessions}))') -}}
    {%- elif is_by_batch and keys and not is_view -%}
        {{- only_touched('(_batch_id > {batch} or ' ~ key ~ ' in (select ' ~ key ~ ' from ' ~ model
            ~ ' where _batch_id > {batch}))') -}}
    {%- elif is_by_batch -%}
        {{- only_touched('_batch_id > {batch}') -}}
    {%- elif is_view -%}
        {{- only_whole() -}}
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}
