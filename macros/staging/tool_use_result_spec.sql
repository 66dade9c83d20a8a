{#
    The fields that are read of a line's structured tool result; which tool writes which is listed
    in the docs of the model.
#}
{% macro tool_use_result_spec() -%}
{
    "type": "VARCHAR", "status": "VARCHAR", "success": "BOOLEAN", "interrupted": "BOOLEAN",
    "error": "VARCHAR", "durationMs": "MS", "durationSeconds": "DOUBLE", "totalDurationMs": "MS",
    "timedOutAfterMs": "MS", "returnCodeInterpretation": "VARCHAR", "isImage": "BOOLEAN",
    "backgroundTaskId": "VARCHAR", "persistedOutputPath": "VARCHAR", "persistedOutputSize": "COUNT",
    "staleReadFileStateHint": "JSON", "staleRecovered": "BOOLEAN",
    "gitOperation": {"commit": {"sha": "VARCHAR", "kind": "VARCHAR", "branch": "VARCHAR"},
        "push": {"branch": "VARCHAR"}, "branch": {"ref": "VARCHAR", "action": "VARCHAR"},
        "pr": {"number": "COUNT", "url": "VARCHAR", "action": "VARCHAR"}},
    "filePath": "VARCHAR", "notebook_path": "VARCHAR", "userModified": "BOOLEAN", "replaceAll": "BOOLEAN",
    "structuredPatch": [{"oldStart": "COUNT", "oldLines": "COUNT", "newStart": "COUNT", "newLines": "COUNT",
        "lines": ["VARCHAR"]}],
    "gitDiff": {"additions": "COUNT", "deletions": "COUNT"},
    "file": {"filePath": "VARCHAR", "numLines": "COUNT", "startLine": "COUNT", "totalLines": "COUNT",
        "truncatedByTokenCap": "BOOLEAN", "originalSize": "COUNT", "type": "VARCHAR", "count": "COUNT",
        "dimensions": {"originalWidth": "COUNT", "originalHeight": "COUNT", "displayWidth": "COUNT",
            "displayHeight": "COUNT"}},
    "mode": "VARCHAR", "numFiles": "COUNT", "numLines": "COUNT", "numMatches": "COUNT", "totalFiles": "COUNT",
    "filenames": ["VARCHAR"], "truncated": "BOOLEAN",
    "bytes": "COUNT", "code": "COUNT", "codeText": "VARCHAR", "url": "VARCHAR", "query": "VARCHAR",
    "searchCount": "COUNT", "agentId": "VARCHAR", "agentType": "VARCHAR", "resolvedModel": "VARCHAR",
    "totalTokens": "COUNT", "totalToolUseCount": "COUNT", "isAsync": "BOOLEAN", "outputFile": "VARCHAR",
    "description": "VARCHAR", "prompt": "VARCHAR", "worktreePath": "VARCHAR", "worktreeBranch": "VARCHAR",
    "toolStats": {"readCount": "COUNT", "searchCount": "COUNT", "bashCount": "COUNT",
        "editFileCount": "COUNT", "linesAdded": "COUNT", "linesRemoved": "COUNT"},
    "commandName": "VARCHAR", "background": "BOOLEAN",
    "oldTodos": [{"content": "VARCHAR", "status": "VARCHAR"}],
    "newTodos": [{"content": "VARCHAR", "status": "VARCHAR"}],
    "task": {"id": "VARCHAR", "subject": "VARCHAR", "description": "VARCHAR", "status": "VARCHAR",
        "output": "VARCHAR", "exitCode": "BIGINT", "task_id": "VARCHAR", "task_type": "VARCHAR"},
    "taskId": "VARCHAR", "statusChange": {"from": "VARCHAR", "to": "VARCHAR"}, "updatedFields": ["VARCHAR"],
    "questions": "JSON", "answers": "JSON", "annotations": "JSON", "response": "VARCHAR",
    "plan": "VARCHAR", "planWasEdited": "BOOLEAN", "isAgent": "BOOLEAN",
    "routing": {"sender": "VARCHAR", "target": "VARCHAR", "summary": "VARCHAR"},
    "runId": "VARCHAR", "workflowName": "VARCHAR", "summary": "VARCHAR", "exitCode": "BIGINT",
    "shellId": "VARCHAR", "matches": ["VARCHAR"], "total_deferred_tools": "COUNT"
}
{%- endmacro %}
