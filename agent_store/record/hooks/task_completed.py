"""TaskCompleted: if the user has set a test command for the project, runs it in the background."""

import os
import sys

from agent_store.record.hooks import quick_json
from agent_store.record.hooks.hook import Hook, Record, record_of, text_of

SETTINGS = "settings.json"
_TIMEOUT_SECONDS = 300
_NICE = 10


def answer(hook: Hook) -> "Record | None":
    """Start the tests in a background process."""
    found = _command(hook)
    if found is None:
        return None
    folder, command, seconds = found
    if os.fork():
        return None
    os.setsid()
    os.nice(_NICE)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    arguments = quick_json.dumps({
        "folder": folder, "command": command, "timeout_s": seconds, "home": hook.home, "session_id": hook.session_id,
        "task_id": hook.event.get("task_id"), "prompt_id": hook.event.get("prompt_id"),
    })  # fmt: skip
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "test_run.py")
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CLAUDE", "ANTHROPIC_API_KEY"))
    }
    # A test that starts the client is not a session of the user.
    environment["AGENT_STORE_HOOKS"] = "0"
    os.execve(sys.executable, [sys.executable, "-I", "-S", program, arguments.decode()], environment)


def _command(hook: Hook) -> "tuple[str, str, float] | None":
    """The folder, the command and its time limit: of the project, or of the nearest folder above it that has one."""
    try:
        with open(hook.home + "/" + SETTINGS, "rb") as file:
            projects = record_of(record_of(quick_json.loads(file.read())).get("projects"))
    except (OSError, ValueError):
        return None
    by_folder = {
        os.path.realpath(os.path.expanduser(name)): record_of(setting) for name, setting in projects.items()
    }
    folder = os.path.realpath(hook.project) if hook.project else ""
    while folder:
        setting = by_folder.get(folder, {})
        if command := text_of(setting.get("test_command")):
            seconds = setting.get("timeout_s")
            return (
                folder,
                command,
                float(seconds) if isinstance(seconds, int | float) and seconds > 0 else _TIMEOUT_SECONDS,
            )
        folder = os.path.dirname(folder) if folder != os.path.dirname(folder) else ""
    return None
