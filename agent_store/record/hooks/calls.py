"""Tool calls in the notes of a session: the target of a call, whether two are the same, how one failed."""

from agent_store.record.hooks import quick_json
from agent_store.record.hooks.hook import Record, md5, one_line, record_of, text_of

# Tools whose success may make a previously failed call succeed.
CHANGING = frozenset({"Bash", "Write", "Edit", "MultiEdit", "NotebookEdit"})
WRITING = CHANGING - {"Bash"}
_TARGETS = ("file_path", "notebook_path", "command", "url", "query", "pattern", "path")
# Parameters that do not affect the result of a call.
_IDLE = frozenset({"description", "timeout", "run_in_background"})
_MOST_ERROR = 200


def target_of(call: Record) -> str:
    """The target of a call, as in `fact_tool_invocation`: the file, else the command, the pattern …"""
    tool_input = record_of(call.get("tool_input"))
    for name in _TARGETS:
        if value := text_of(tool_input.get(name)):
            return one_line(value, 2000)
    return ""


def signature_of(call: Record) -> str:
    """A value that is equal for equivalent calls."""
    tool_input = record_of(call.get("tool_input"))
    kept = {name: tool_input[name] for name in sorted(tool_input) if name not in _IDLE}
    return md5(text_of(call.get("tool_name")).encode() + b"\0" + quick_json.dumps(kept))


def error_line(error: str) -> str:
    """The most informative line of an error: not the exit code if more lines follow it."""
    plain = error.replace("<tool_use_error>", "").replace("</tool_use_error>", "")
    lines = [line for line in plain.split("\n") if line.strip()]
    if len(lines) > 1 and lines[0].startswith("Exit code "):
        return one_line(lines[-1], _MOST_ERROR)
    return one_line(lines[0], _MOST_ERROR) if lines else ""
