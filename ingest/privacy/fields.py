"""Which field of a line holds which kind of text: prompts, answers, or contents of files and outputs of tools.

A specification maps the names of fields to a kind, to a nested specification, or to KEPT. A list is treated like its
elements. `ANY` applies to every other field. The names come from the lines themselves, clients 1.0 to 2.1.332, and
`agent_store/record` for events.
"""

from __future__ import annotations

from typing import Any, Final

PROMPT: Final = "prompt"
ANSWER: Final = "answer"
CONTENT: Final = "content"
KEPT: Final = "kept"
ANY: Final = "*"
# In place of a kind: the function of that name in `shape` handles the content.
BLOCKS: Final = "blocks"
TOOL_INPUT: Final = "tool_input"
MESSAGE: Final = "message"

# The raw tables whose rows are lines, each with its own format.
TRANSCRIPT_TABLE: Final = "transcript_line"
HISTORY_TABLE: Final = "history_line"
EVENT_TABLE: Final = "event_line"
RESPONSE_TABLE: Final = "api_response"
LINE_TABLES: Final = (TRANSCRIPT_TABLE, HISTORY_TABLE, EVENT_TABLE, RESPONSE_TABLE)

Spec = dict[str, Any]

# Names of places, things and states that models and tools rely on: they are never changed.
_NAMES: Final = dict.fromkeys(
    (
        "type", "subtype", "id", "uuid", "name", "path", "filePath", "file_path", "filename", "filenames", "displayPath",
        "notebook_path", "planFilePath", "persistedOutputPath", "mode", "status", "agentId", "agentType", "agent_id",
        "taskId", "task_id", "taskType", "toolUseID", "tool_use_id", "shellId", "backgroundTaskId", "resolvedModel",
        "model", "commandName", "commandMode", "returnCodeInterpretation", "workflowName", "hookName", "hookEvent",
        "media_type", "source_uuid", "timestamp", "kind", "role", "retrieval_status", "team_name", "url", "server", "uri",
        "skillDir",
    ),
    KEPT,
)  # fmt: skip

TOOL_INPUTS: Final[Spec] = {
    # Content written to a file.
    **dict.fromkeys(("content", "old_string", "new_string", "new_source", "edits", "text", "data", "body"), CONTENT),
    # Text that a model sends to another one, or to the user.
    **dict.fromkeys(("prompt", "plan", "message", "todos", "questions", "summary", "description", "subject"), ANSWER),
    ANY: KEPT,
}  # fmt: skip

RESULT_BLOCK: Final[Spec] = {"type": KEPT, "tool_name": KEPT, "media_type": KEPT, ANY: CONTENT}
TOOL_RESULT: Final[Spec] = {**_NAMES, "prompt": ANSWER, "description": ANSWER, ANY: CONTENT}

# Content added by the client itself: lists of tools, skills and agents, and its own notes.
OWN_ATTACHMENTS: Final = frozenset(
    {
        "skill_listing", "agent_listing_delta", "deferred_tools_delta", "mcp_instructions_delta", "prompt_snapshot",
        "date_change", "todo_reminder", "task_reminder", "plan_mode", "plan_mode_exit", "auto_mode", "output_style",
        "token_usage", "budget_usd", "critical_system_reminder", "command_permissions", "ultra_effort",
    }
)  # fmt: skip
ATTACHMENT: Final[Spec] = {
    **_NAMES, "prompt": PROMPT, "condition": PROMPT, "planContent": ANSWER, "command": KEPT, "names": KEPT,
    "addedNames": KEPT, "removedNames": KEPT, "addedTypes": KEPT, "removedTypes": KEPT, "allowedTools": KEPT,
    "decision": KEPT, "reminderType": KEPT, "ideName": KEPT, "newDate": KEPT, "origin": KEPT, ANY: CONTENT,
}  # fmt: skip

_PROGRESS: Final[Spec] = {**_NAMES, "command": KEPT, "message": MESSAGE, "query": KEPT, ANY: CONTENT}
TRANSCRIPT: Final[Spec] = {
    "message": MESSAGE,
    "toolUseResult": TOOL_RESULT,
    "tool_use_result": TOOL_RESULT,
    "attachment": ATTACHMENT,
    "data": _PROGRESS,
    "content": CONTENT,
    "lastPrompt": PROMPT,
    "prompt": PROMPT,
    "userFeedback": PROMPT,
    "customTitle": PROMPT,
    "aiTitle": ANSWER,
    "summary": ANSWER,
    "result": ANSWER,
    "planContent": ANSWER,
    "hookInfos": {"command": KEPT, ANY: CONTENT},
    "hookErrors": CONTENT,
    "blob": CONTENT,
    "body": CONTENT,
    "value": CONTENT,
    ANY: KEPT,
}
# The queue of waiting prompts.
QUEUED: Final[Spec] = {**TRANSCRIPT, "content": PROMPT}

# Files that are landed whole, by kind. `tool_result` is not JSON but tool output.
TOOL_RESULT_FILE: Final = "tool_result"
DOCUMENTS: Final[dict[str, Spec]] = {
    "agent_meta": {"description": ANSWER, "prompt": ANSWER, ANY: KEPT},
    "custom_title": {"customTitle": PROMPT, ANY: KEPT},
    "workflow_run": {**_NAMES, "runId": KEPT, "scriptPath": KEPT, "label": KEPT, ANY: ANSWER},
}

HISTORY: Final[Spec] = {"display": PROMPT, "pastedContents": PROMPT, ANY: KEPT}

_PAYLOAD: Final[Spec] = {
    **dict.fromkeys(("prompt", "command_args", "comment", "task_description", "custom_instructions"), PROMPT),
    **dict.fromkeys(("compact_summary", "last_assistant_message", "rationale", "question", "options", "chosen"), ANSWER),
    **dict.fromkeys(("tool_response", "tool_output", "stdout", "stderr", "output", "file_content"), CONTENT),
    "tool_input": TOOL_INPUT,
    "content": BLOCKS,
    "text": ANSWER,
    "context": ANSWER,
    ANY: KEPT,
}  # fmt: skip
EVENT: Final[Spec] = {"payload": _PAYLOAD, ANY: KEPT}
# An event in which a program records a user's prompt.
PROMPT_EVENT: Final[Spec] = {"payload": {**_PAYLOAD, "text": PROMPT}, ANY: KEPT}

RESPONSE: Final[Spec] = {
    "content": BLOCKS, "message": MESSAGE, "messages": MESSAGE, "system": CONTENT, "prompt": PROMPT,
    "response": {}, "result": {}, "body": {}, "request": {}, "params": {}, "events": {}, ANY: KEPT,
}  # fmt: skip
for _inside in ("response", "result", "body", "request", "params", "events"):
    RESPONSE[_inside] = RESPONSE
