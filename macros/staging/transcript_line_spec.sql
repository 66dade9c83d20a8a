{#
    The fields read from a transcript line, as one nested specification for json_struct: name to type. COUNT
    and MS (whole milliseconds) are numbers that are not negative, see json_struct. Content without a fixed
    structure (message content, tool results, attachments) stays JSON text here and is parsed in its own
    staging model. The names come from the lines themselves, clients 1.0 to 2.1.332.
#}
{% macro usage_spec() -%}
{
    "input_tokens": "COUNT", "output_tokens": "COUNT",
    "cache_creation_input_tokens": "COUNT", "cache_read_input_tokens": "COUNT",
    "cache_creation": {"ephemeral_5m_input_tokens": "COUNT", "ephemeral_1h_input_tokens": "COUNT"},
    "output_tokens_details": {"thinking_tokens": "COUNT"},
    "server_tool_use": {"web_search_requests": "COUNT", "web_fetch_requests": "COUNT"},
    "service_tier": "VARCHAR", "inference_geo": "VARCHAR", "speed": "VARCHAR",
    "iterations": [{
        "type": "VARCHAR", "model": "VARCHAR", "input_tokens": "COUNT", "output_tokens": "COUNT",
        "cache_creation_input_tokens": "COUNT", "cache_read_input_tokens": "COUNT",
        "cache_creation": {"ephemeral_5m_input_tokens": "COUNT", "ephemeral_1h_input_tokens": "COUNT"}
    }]
}
{%- endmacro %}

{% macro message_spec() -%}
{
    "id": "VARCHAR", "role": "VARCHAR", "model": "VARCHAR", "content": "JSON",
    "stop_reason": "VARCHAR", "stop_details": {"category": "VARCHAR", "explanation": "VARCHAR"},
    "diagnostics": {"cache_miss_reason": {"type": "VARCHAR"}},
    "context_management": {"applied_edits": [
        {"type": "VARCHAR", "cleared_tool_uses": "COUNT", "cleared_input_tokens": "COUNT"}
    ]},
    "usage": {{ usage_spec() }}
}
{%- endmacro %}

{% macro transcript_line_spec() -%}
{
    "type": "VARCHAR", "subtype": "VARCHAR", "uuid": "VARCHAR", "parentUuid": "VARCHAR",
    "logicalParentUuid": "VARCHAR", "timestamp": "VARCHAR", "sessionId": "VARCHAR", "session_id": "VARCHAR",
    "_audit_timestamp": "VARCHAR", "_audit_hmac": "VARCHAR", "parent_tool_use_id": "VARCHAR",
    "claude_code_version": "VARCHAR", "isSynthetic": "BOOLEAN", "isReplay": "BOOLEAN",
    "tool_use_result": "JSON", "isSidechain": "BOOLEAN", "agentId": "VARCHAR", "cwd": "VARCHAR",
    "version": "VARCHAR", "gitBranch": "VARCHAR",
    "entrypoint": "VARCHAR", "slug": "VARCHAR", "sessionKind": "VARCHAR", "teamName": "VARCHAR",
    "agentName": "VARCHAR", "forkedFrom": {"sessionId": "VARCHAR", "messageUuid": "VARCHAR"},
    "isMeta": "BOOLEAN", "isCompactSummary": "BOOLEAN", "isVisibleInTranscriptOnly": "BOOLEAN",
    "promptId": "VARCHAR", "promptSource": "VARCHAR", "turnOrigin": "VARCHAR", "scheduledTaskId": "VARCHAR",
    "origin": {"kind": "VARCHAR", "subkind": "VARCHAR"}, "permissionMode": "VARCHAR",
    "imagePasteIds": ["BIGINT"], "ownNote": "BOOLEAN", "rowSource": "VARCHAR", "sentAtMs": "BIGINT",
    "refusalRetry": "BOOLEAN", "refusedMessageId": "VARCHAR",
    "toolUseResult": "JSON", "sourceToolAssistantUUID": "VARCHAR", "sourceToolUseID": "VARCHAR",
    "toolDenialKind": "VARCHAR", "userFeedback": "VARCHAR", "interruptedMessageId": "VARCHAR",
    "planContent": "VARCHAR", "requestId": "VARCHAR", "requestSessionId": "VARCHAR", "apiBlockIndex": "COUNT",
    "effort": "VARCHAR", "attributionSkill": "VARCHAR", "attributionPlugin": "VARCHAR",
    "attributionAgent": "VARCHAR", "attributionMcpServer": "VARCHAR", "attributionMcpTool": "VARCHAR",
    "isApiErrorMessage": "BOOLEAN", "isAbortedMidStream": "BOOLEAN", "error": "JSON", "apiError": "VARCHAR",
    "apiErrorStatus": "COUNT", "supersedesUuids": ["VARCHAR"], "costUSD": "DOUBLE", "durationMs": "MS", "latencyMs": "MS", "firstTokenMs": "MS",
    "recordedUser": "VARCHAR",
    "message": {{ message_spec() }},
    "content": "JSON", "level": "VARCHAR", "trigger": "VARCHAR", "originalModel": "VARCHAR",
    "fallbackModel": "VARCHAR",
    "compactMetadata": {"trigger": "VARCHAR", "preTokens": "COUNT", "postTokens": "COUNT",
        "durationMs": "COUNT", "cumulativeDroppedTokens": "COUNT"},
    "microcompactMetadata": {"trigger": "VARCHAR", "preTokens": "COUNT", "tokensSaved": "COUNT",
        "compactedToolIds": ["VARCHAR"]},
    "retryAttempt": "COUNT", "retryInMs": "DOUBLE", "maxRetries": "COUNT",
    "hookCount": "COUNT", "hookInfos": "JSON", "hookErrors": "JSON", "preventedContinuation": "BOOLEAN",
    "preventContinuation": "BOOLEAN", "contextUsage": "JSON",
    "messageCount": "COUNT", "pendingBackgroundAgentCount": "COUNT", "toolUseID": "VARCHAR",
    "attachment": "JSON",
    "data": {"type": "VARCHAR", "agentId": "VARCHAR", "hookEvent": "VARCHAR", "hookName": "VARCHAR",
        "command": "VARCHAR",
        "message": {"type": "VARCHAR", "uuid": "VARCHAR", "timestamp": "VARCHAR", "requestId": "VARCHAR",
            "toolUseResult": "JSON", "message": {{ message_spec() }}}},
    "parentToolUseID": "VARCHAR",
    "summary": "VARCHAR", "leafUuid": "VARCHAR", "aiTitle": "VARCHAR", "customTitle": "VARCHAR",
    "tag": "VARCHAR", "agentSetting": "VARCHAR", "lastPrompt": "VARCHAR", "rewound": "BOOLEAN",
    "mode": "VARCHAR", "operation": "VARCHAR", "reason": "VARCHAR",
    "prNumber": "VARCHAR", "prUrl": "VARCHAR", "prRepository": "VARCHAR",
    "worktreeSession": {"originalCwd": "VARCHAR", "worktreePath": "VARCHAR", "worktreeName": "VARCHAR",
        "worktreeBranch": "VARCHAR", "originalBranch": "VARCHAR"},
    "relocatedCwd": "VARCHAR", "continuedInSessionId": "VARCHAR", "parentSessionId": "VARCHAR",
    "totalCostUSD": "DOUBLE", "totalAPIDuration": "DOUBLE", "totalAPIDurationWithoutRetries": "DOUBLE",
    "totalToolDuration": "DOUBLE", "totalDuration": "DOUBLE", "totalLinesAdded": "COUNT",
    "totalLinesRemoved": "COUNT", "startTime": "BIGINT", "modelUsage": "JSON",
    "hasUnknownModelCost": "BOOLEAN", "id": "VARCHAR", "querySource": "VARCHAR", "shapeHash": "VARCHAR",
    "base": "VARCHAR", "requestDigest": "VARCHAR",
    "params": {"model": "VARCHAR", "max_tokens": "COUNT"}, "shape": "JSON", "hash": "VARCHAR",
    "tail": ["VARCHAR"], "keep": "COUNT", "tools": "JSON"
}
{%- endmacro %}
