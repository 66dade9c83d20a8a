"""PostToolUse: a read is recorded as a retrieval; a written file is validated, or marked for indexing."""

import os

from agent_store.record.hooks import calls, written_file
from agent_store.record.hooks.hook import Hook, Record, record_of, text_of

_READ = "Read"


def answer(hook: Hook) -> "Record | None":
    """Findings about a skill or agent file that was just written."""
    tool = text_of(hook.event.get("tool_name"))
    if tool in calls.CHANGING:
        _note_success(hook, tool, calls.target_of(hook.event))
    if tool == _READ:
        _retrieved(hook)
    elif tool in calls.WRITING:
        return written_file.looked_at(hook)
    return None


def _note_success(hook: Hook, tool: str, target: str) -> None:
    """Note what matters for an earlier failure: that the same call worked, or what the same tool did next."""
    notes = hook.notes
    failed = [place for place, note in enumerate(notes) if note.get("noted") == "failed"]
    if not failed:
        return
    same = [note["noted"] for note in notes if note.get("tool") == tool and note.get("target") == target]
    is_next = not any(
        note.get("noted") == "worked" and note.get("tool") == tool for note in notes[failed[-1] :]
    )
    if is_next or same[-1:] == ["failed"]:
        hook.note(noted="worked", tool=tool, target=target)


def _retrieved(hook: Hook) -> None:
    file = record_of(record_of(hook.event.get("tool_response")).get("file"))
    path = text_of(file.get("filePath")) or text_of(record_of(hook.event.get("tool_input")).get("file_path"))
    if not path:
        return
    start, count = file.get("startLine"), file.get("numLines")
    end = start + count - 1 if isinstance(start, int) and isinstance(count, int) and count else None
    hook.record("retrieval", {"file_path": os.path.normpath(path), "line_start": start, "line_end": end})
