"""Where a hook's process begins, with the event on standard input. The plugin's launcher starts it.

The event is recorded and, where the program is more than `record`, answered. The status line
starts here as well. Whatever happens, the process ends with 0
and says nothing but an answer: no hook disturbs the session.
"""

import sys

RECORD = "record"
# No hook, but drawn as often as they run: it records nothing.
STATUS_LINE = "status_line"
_OFF = "0"


def packages() -> None:
    """Make the packages that this file lies in known without running what they offer to their users."""
    folder = __file__.rpartition("/")[0]
    for name in ("agent_store.record.hooks", "agent_store.record", "agent_store"):
        package = type(sys)(name)
        package.__path__ = [folder]
        sys.modules[name] = package
        folder = folder.rpartition("/")[0]


def setting(name: str) -> str:
    """A variable of the environment, without the module that makes a mapping of all of them."""
    import posix

    return posix.environ.get(name.encode(), b"").decode("utf-8", "surrogateescape").strip()


def store_home() -> str:
    """AGENT_STORE_HOME, or ~/.agent-store."""
    named = setting("AGENT_STORE_HOME") or setting("HOME") + "/.agent-store"
    if named.startswith("/"):
        return named
    import os

    return os.path.abspath(os.path.expanduser(named))


def start(name: str) -> None:
    """Record the event on standard input, and answer it by the program that is named."""
    # Sessions that Agent Store itself starts are nobody's work.
    if setting("AGENT_STORE_HOOKS") == _OFF:
        return
    packages()
    from agent_store.record import spool

    home = store_home()
    if name == STATUS_LINE:
        from agent_store.serve import status_line

        status_line.run(sys.argv[2:], home)
        return
    try:
        # What somebody else has put there is neither read nor written: briefs are handed to the model.
        spool.refuse_foreign(home)
    except FileNotFoundError:
        pass
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
    """Do it, in silence: the process ends here."""
    try:
        start(sys.argv[1] if len(sys.argv) > 1 else RECORD)
    except BaseException:
        pass
    import posix

    posix._exit(0)
