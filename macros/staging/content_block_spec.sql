{# Fields read from a content block: text, thinking, tool_use, tool_result, image, document, fallback. #}
{% macro content_block_spec() -%}
[{
    "type": "VARCHAR", "text": "VARCHAR", "thinking": "VARCHAR", "signature": "VARCHAR", "data": "VARCHAR",
    "id": "VARCHAR", "name": "VARCHAR", "input": "JSON", "caller": {"type": "VARCHAR"},
    "tool_use_id": "VARCHAR", "content": "JSON", "is_error": "BOOLEAN",
    "source": {"type": "VARCHAR", "media_type": "VARCHAR"}, "title": "VARCHAR"
}]
{%- endmacro %}

{# The fields read from a tool's input: those that identify the subject of the call. #}
{% macro tool_input_spec() -%}
{
    "file_path": "VARCHAR", "path": "VARCHAR", "notebook_path": "VARCHAR", "pattern": "VARCHAR",
    "glob": "VARCHAR", "command": "VARCHAR", "description": "VARCHAR", "url": "VARCHAR", "query": "VARCHAR",
    "prompt": "VARCHAR", "skill": "VARCHAR", "args": "VARCHAR", "subagent_type": "VARCHAR", "name": "VARCHAR",
    "team_name": "VARCHAR", "model": "VARCHAR", "run_in_background": "BOOLEAN", "offset": "COUNT",
    "limit": "COUNT", "replace_all": "BOOLEAN",
    "taskId": "VARCHAR", "task_id": "VARCHAR", "subject": "VARCHAR", "status": "VARCHAR", "owner": "VARCHAR",
    "pages": "VARCHAR", "to": "VARCHAR", "message": "VARCHAR", "plan": "VARCHAR", "uri": "VARCHAR",
    "server": "VARCHAR"
}
{%- endmacro %}
