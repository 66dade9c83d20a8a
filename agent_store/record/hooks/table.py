"""The events registered with the client; the plugin's hooks and the template in the docs are generated from this table.

`python -m agent_store.record.hooks.table --write` rewrites both files; a test fails if they differ from the table.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent_store.record.hooks.run import RECORD

LAUNCHER: Final = "bin/agent-store-hook"
_PROJECT: Final = Path(__file__).resolve().parents[3]
HOOKS_FILE: Final = _PROJECT / "plugin" / "hooks" / "hooks.json"
TEMPLATE_FILE: Final = _PROJECT / "docs" / "hooks.md"
_PLUGIN_ROOT: Final = "${CLAUDE_PLUGIN_ROOT}"
# The folder of the plugin, as shown by `agent-store plugin status`.
_TEMPLATE_ROOT: Final = "/path/to/agent_store/plugin"
_BEGIN: Final = "<!-- made by agent_store.record.hooks.table: begin -->\n"
_END: Final = "<!-- made by agent_store.record.hooks.table: end -->\n"
_SECONDS: Final = 5
# Registering one of these changes the client's behavior, or delays the screen.
NEVER: Final = frozenset({"WorktreeCreate", "MessageDisplay", "PreSkillShellCommand"})


@dataclass(frozen=True, slots=True)
class Registered:
    """One event: the matcher (all without one), the program that runs, and how long the client waits for it."""

    event: str
    does: str
    program: str = RECORD
    matcher: str = ""
    timeout: int = _SECONDS


EVENTS: Final = (
    Registered(
        "SessionStart", "hands the brief of the project to the model, warns the user", "session_start"
    ),
    Registered("SessionEnd", "records why the session ended"),
    Registered("Setup", "records"),
    Registered(
        "UserPromptSubmit",
        "records the prompt, names a strategy that works for such tasks",
        "prompt_submitted",
    ),
    Registered(
        "UserPromptExpansion",
        "records the command, thanks for feedback, measures a skill",
        "command_expanded",
    ),
    Registered("InstructionsLoaded", "records which instruction file was loaded, and why"),
    Registered(
        "PreToolUse",
        "records, warns of a call that has just failed so and of an expensive workflow, measures a skill",
        "before_tool",
    ),
    Registered("PostToolUse", "records result and duration, validates what was written", "after_tool"),
    Registered("PostToolUseFailure", "records and notes the failure", "tool_failed"),
    Registered("PostToolBatch", "records, notes what the client refused", "tools_done"),
    Registered("PermissionRequest", "records what was asked for"),
    Registered("PermissionDenied", "records the refusal"),
    Registered("Notification", "records"),
    Registered("Elicitation", "records"),
    Registered("ElicitationResult", "records"),
    Registered(
        "SubagentStart",
        "records that an assignment began and what it should cost, warns of expensive fan-outs and of what was spent",
        "subagent_started",
    ),
    Registered("SubagentStop", "records that it ended"),
    Registered("TeammateIdle", "records, offers open work that suits the teammate", "teammate_idle"),
    Registered("TaskCreated", "records"),
    Registered(
        "TaskCompleted", "records, starts the test command of the project in the background", "task_completed"
    ),
    Registered("PreCompact", "records what is about to be dropped", "before_compaction"),
    Registered("PostCompact", "records the summary"),
    Registered("PreModelSwitch", "records the client's own estimate"),
    Registered("PostModelSwitch", "records"),
    Registered("ConfigChange", "records"),
    Registered("CwdChanged", "records"),
    Registered("DirectoryAdded", "records"),
    Registered("FileChanged", "records"),
    Registered("WorktreeRemove", "records"),
    Registered("Stop", "records the end of a turn, warns of what the session has spent", "spending"),
    Registered("StopFailure", "records why a turn failed"),
)


def hooks(root: str) -> dict[str, list[dict[str, object]]]:
    """The table in the format of the client's settings; `root` is the folder of the plugin."""
    found: dict[str, list[dict[str, object]]] = {}
    for row in EVENTS:
        command = {
            "type": "command",
            "command": f"{root}/{LAUNCHER}",
            "args": [row.program],
            "timeout": row.timeout,
        }
        matcher = {"matcher": row.matcher} if row.matcher else {}
        found.setdefault(row.event, []).append({**matcher, "hooks": [command]})
    return found


def hooks_file() -> str:
    """The plugin's hooks.json."""
    return _json({"description": "Records every event, answers a few.", "hooks": hooks(_PLUGIN_ROOT)})


def template(document: str) -> str:
    """The document, with the table and the settings between its two marks regenerated."""
    before, _, rest = document.partition(_BEGIN)
    after = rest.partition(_END)[2]
    return before + _BEGIN + "\n".join(_made()) + "\n" + _END + after


def _made() -> Iterator[str]:
    yield "| event | does |"
    yield "|---|---|"
    yield from (f"| {row.event} | {row.does} |" for row in EVENTS)
    yield ""
    yield "```json"
    yield _json({"hooks": hooks(_TEMPLATE_ROOT)}).rstrip()
    yield "```"


def _json(value: object) -> str:
    return json.dumps(value, indent=2) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write both files, or check that they match the table."""
    wanted = {HOOKS_FILE: hooks_file(), TEMPLATE_FILE: template(TEMPLATE_FILE.read_text(encoding="utf-8"))}
    differing = [
        file for file, text in wanted.items() if not file.exists() or file.read_text(encoding="utf-8") != text
    ]
    if "--write" in arguments:
        for file in differing:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(wanted[file], encoding="utf-8")
        return 0
    for file in differing:
        sys.stderr.write(f"{file} differs from the table: python -m agent_store.record.hooks.table --write\n")
    return int(bool(differing))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
