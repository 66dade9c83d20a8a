"""One hook: the event is recorded, and then, where the program is more than `record`, answered."""

import os

from agent_store.record import spool
from agent_store.record.hooks import quick_json

RECORD = "record"
_OFF = "0"


def store_home() -> str:
    """The store's home, as everything else finds it."""
    named = os.environ.get("AGENT_STORE_HOME", "").strip()
    return os.path.abspath(os.path.expanduser(named or "~/.agent-store"))


def main(arguments: "list[str]") -> None:
    """Record the event on standard input and answer it by the program that is named. Raises whatever goes wrong."""
    # Sessions that Agent Store itself starts are nobody's work.
    if os.environ.get("AGENT_STORE_HOOKS", "").strip() == _OFF:
        return
    home = store_home()
    event = spool.read_event()
    if not event.strip():
        return
    try:
        spool.append(home + "/spool", spool.HOOKS, spool.hook_line(event))
    except OSError:
        # What cannot be recorded can still be answered.
        pass
    name = arguments[0] if arguments else RECORD
    if name == RECORD or not name.isidentifier():
        return
    from agent_store.record.hooks.hook import Hook

    parsed = quick_json.loads(event)
    if isinstance(parsed, dict):
        program = __import__("agent_store.record.hooks." + name, fromlist=["answer"])
        answer = program.answer(Hook(parsed, home))
        if answer:
            os.write(1, quick_json.dumps(answer) + b"\n")
