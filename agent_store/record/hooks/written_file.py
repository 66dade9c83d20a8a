"""A file written by a tool: a skill or agent is validated and compared with its earlier version, any other is marked
for indexing."""

import os

from agent_store.record.hooks import definition, skill
from agent_store.record.hooks.hook import Hook, Record, md5, read_beginning, record_of, text_of

_MOST_BYTES = 4 * 1024 * 1024


def looked_at(hook: Hook) -> "Record | None":
    """Record it. The answer gives the model the new problems."""
    response, tool_input = record_of(hook.event.get("tool_response")), record_of(hook.event.get("tool_input"))
    named = (response.get("filePath"), tool_input.get("file_path"), tool_input.get("notebook_path"))
    path = next((name for name in map(text_of, named) if name), "")
    if not path:
        return None
    try:
        content = read_beginning(path, _MOST_BYTES)
    except OSError:
        return None
    component_type = definition.type_of(path)
    if not component_type:
        hook.record("document_update", {
            "file_path": path, "tool_name": hook.event.get("tool_name"), "content_hash": md5(content),
        })  # fmt: skip
        return None
    before = response.get("originalFile")
    now = definition.checked(content.decode("utf-8", "replace"), path, component_type)
    validation: Record = {
        "component_name": now.name, "component_type": component_type, "file_path": path, "validator": definition.VALIDATOR,
        "passed": not now.errors, "errors": now.errors, "warnings": now.warnings, "content_hash": md5(content),
        "tokens": skill.tokens_of(hook, len(content.decode("utf-8", "replace"))),
    }  # fmt: skip
    known: list[str] = []
    if isinstance(before, str):
        then = definition.checked(before, path, component_type)
        known = then.errors
        validation.update(
            previous_hash=md5(before), previous_passed=not then.errors, previous_errors=then.errors,
            previous_tokens=skill.tokens_of(hook, len(before)),
        )  # fmt: skip
    hook.record("validation", validation)
    fresh = [error for error in now.errors if error not in known]
    if not fresh:
        return None
    return hook.context(
        f"{os.path.basename(path)} of {component_type} {now.name} is not valid: " + "; ".join(fresh) + "."
    )
