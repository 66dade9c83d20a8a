"""PreCompact: the content of the context that is about to be dropped, from the transcript's tail."""

import os

from agent_store.record.hooks import quick_json, skill
from agent_store.record.hooks.hook import READ, Hook, Record, record_of, records_of, text_of

_MOST_BYTES = 8 * 1024 * 1024
_BLOCK_BYTES = 256 * 1024
_MOST_COMPONENTS = 50
_BOUNDARY = b'"subtype":"compact_boundary"'
# The types of lines whose texts the model sees.
_SEEN = (b'"type":"user"', b'"type":"assistant"', b'"type":"attachment"')


def answer(hook: Hook) -> "Record | None":
    """Record the components and their tokens."""
    lines, is_complete = _live_lines(text_of(hook.event.get("transcript_path")))
    sizes: dict[tuple[str, str], int] = {}
    tools: dict[str, str] = {}
    context_tokens: int | None = None
    for line in lines:
        try:
            found = record_of(quick_json.loads(line))
        except ValueError:
            continue
        if found.get("isSidechain"):
            continue
        for component_type, name, characters in _components(found, tools):
            sizes[component_type, name] = sizes.get((component_type, name), 0) + characters
        context_tokens = _context(found) or context_tokens
    ordered = sorted(sizes.items(), key=lambda item: (-item[1], item[0]))
    components = [
        {
            "component_type": component_type,
            "component_name": name,
            "tokens": skill.tokens_of(hook, characters),
        }
        for (component_type, name), characters in ordered[:_MOST_COMPONENTS]
        if characters
    ]
    hook.record("context_drop", {
        "trigger": hook.event.get("trigger"), "context_tokens": context_tokens, "components": components,
        "is_complete": is_complete and len(ordered) <= _MOST_COMPONENTS,
    })  # fmt: skip
    return None


def _live_lines(path: str) -> "tuple[list[bytes], bool]":
    """The lines since the last compaction, and whether all of them were read."""
    try:
        file = os.open(path, READ)
    except OSError:
        return [], False
    try:
        end = os.fstat(file).st_size
        tail = b""
        fewest = max(0, end - _MOST_BYTES)
        while end > fewest:
            start = max(fewest, end - _BLOCK_BYTES)
            tail = os.pread(file, end - start, start) + tail
            end = start
            if _BOUNDARY in tail[: _BLOCK_BYTES + len(_BOUNDARY)]:
                break
    finally:
        os.close(file)
    place = tail.rfind(_BOUNDARY)
    lines = (tail[place:] if place >= 0 else tail).split(b"\n")
    if place >= 0 or end > 0:
        lines = lines[1:]
    return [line for line in lines if any(sign in line for sign in _SEEN)], place >= 0 or end == 0


def _context(line: Record) -> "int | None":
    usage = record_of(record_of(line.get("message")).get("usage"))
    if line.get("type") != "assistant" or not usage:
        return None
    names = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens")
    counts = [usage.get(name) for name in names]
    return sum(count for count in counts if isinstance(count, int))


def _components(line: Record, tools: dict[str, str]) -> "list[tuple[str, str, int]]":
    """The texts of a line: their component and length."""
    if line.get("type") == "attachment":
        attachment = record_of(line.get("attachment"))
        return [
            ("attachment", text_of(attachment.get("type")) or "unknown", _length(attachment.get("content")))
        ]
    message = record_of(line.get("message"))
    content = message.get("content")
    role = "prompt" if line.get("type") == "user" else "response"
    if isinstance(content, str):
        return [(role, role, len(content))]
    found = []
    for block in records_of(content):
        kind = block.get("type")
        if kind == "tool_use":
            tools[text_of(block.get("id"))] = text_of(block.get("name"))
            found.append(("tool", text_of(block.get("name")), _length(block.get("input"))))
        elif kind == "tool_result":
            name = tools.get(text_of(block.get("tool_use_id")), "unknown")
            found.append(("tool", name, _length(block.get("content"))))
        elif kind == "text":
            found.append((role, role, _length(block.get("text"))))
        elif kind == "thinking":
            found.append(("thinking", "thinking", _length(block.get("thinking"))))
    return found


def _length(value: object) -> int:
    """The characters of the texts in a value."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(_length(held) for name, held in value.items() if name != "data")
    if isinstance(value, list):
        return sum(_length(held) for held in value)
    return 0
