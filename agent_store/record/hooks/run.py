"""Where a hook's process begins: python -I -S run.py PROGRAM, with the event on standard input.

The event is recorded and, where the program is more than `record`, answered. Whatever happens, the process ends with 0
and says nothing but an answer: no hook disturbs the session.
"""

import os
import sys

RECORD = "record"
_OFF = "0"


def packages() -> None:
    """Make the packages that this file lies in known without running what they offer to their users."""
    folder = os.path.dirname(os.path.realpath(__file__))
    for name in ("agent_store.record.hooks", "agent_store.record", "agent_store"):
        package = type(sys)(name)
        package.__path__ = [folder]
        sys.modules[name] = package
        folder = os.path.dirname(folder)


def start(name: str) -> None:
    """Record the event on standard input, and answer it by the program that is named."""
    # Sessions that Agent Store itself starts are nobody's work.
    if os.environ.get("AGENT_STORE_HOOKS", "").strip() == _OFF:
        return
    packages()
    from agent_store.record import spool

    named = os.environ.get("AGENT_STORE_HOME", "").strip()
    home = os.path.abspath(os.path.expanduser(named or "~/.agent-store"))
    event = spool.read_event()
    if not event.strip():
        return
    try:
        spool.append(home + "/spool", spool.HOOKS, spool.hook_line(event))
    except OSError:
        # What cannot be recorded can still be answered.
        pass
    if name != RECORD and name.isidentifier():
        from agent_store.record.hooks import hook

        hook.answered(name, event, home)


def main() -> None:
    """Do it, in silence."""
    try:
        start(sys.argv[1] if len(sys.argv) > 1 else RECORD)
    except BaseException:  # noqa: BLE001, S110 - whatever it is
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
