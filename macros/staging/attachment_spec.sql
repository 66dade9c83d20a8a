{# The fields read from an attachment; the docs of the model list which type has which. #}
{% macro attachment_spec() -%}
{
    "type": "VARCHAR", "hookName": "VARCHAR", "hookEvent": "VARCHAR", "toolUseID": "VARCHAR",
    "command": "VARCHAR", "stdout": "VARCHAR", "stderr": "VARCHAR", "exitCode": "BIGINT", "durationMs": "MS",
    "timedOut": "BOOLEAN", "blockingError": {"blockingError": "VARCHAR", "command": "VARCHAR"},
    "message": "VARCHAR", "decision": "VARCHAR",
    "content": "JSON", "names": ["VARCHAR"], "skillCount": "COUNT", "isInitial": "BOOLEAN",
    "skillDir": "VARCHAR", "skills": [{"name": "VARCHAR", "path": "VARCHAR", "content": "VARCHAR"}],
    "addedNames": ["VARCHAR"], "removedNames": ["VARCHAR"], "addedLines": ["VARCHAR"],
    "addedBlocks": ["VARCHAR"], "addedTypes": ["VARCHAR"],
    "removedTypes": ["VARCHAR"], "pendingMcpServers": ["VARCHAR"], "failedMcpServers": ["VARCHAR"],
    "needsAuthMcpServers": ["VARCHAR"], "agentType": "VARCHAR", "allowedTools": ["VARCHAR"],
    "model": "VARCHAR", "filename": "VARCHAR", "path": "VARCHAR", "displayPath": "VARCHAR",
    "truncated": "BOOLEAN", "snippet": "VARCHAR",
    "prompt": "JSON", "commandMode": "VARCHAR", "source_uuid": "VARCHAR", "timestamp": "VARCHAR",
    "origin": {"kind": "VARCHAR"}, "imagePasteIds": ["BIGINT"],
    "taskId": "VARCHAR", "taskType": "VARCHAR", "status": "VARCHAR", "description": "VARCHAR",
    "itemCount": "COUNT", "planFilePath": "VARCHAR", "planExists": "BOOLEAN", "planContent": "VARCHAR",
    "reminderType": "VARCHAR", "isSubAgent": "BOOLEAN",
    "files": "JSON", "isNew": "BOOLEAN", "ideName": "VARCHAR", "lineStart": "COUNT", "lineEnd": "COUNT",
    "met": "BOOLEAN", "condition": "VARCHAR", "reason": "VARCHAR", "text": "VARCHAR", "newDate": "VARCHAR",
    "systemPrompt": "JSON", "tools": "JSON"
}
{%- endmacro %}
