"""The entry point of a hook's process, with the event on standard input. The plugin's launcher starts it.

The event is recorded and, unless the program is `record`, answered. The status line also starts here. The process
always ends with 0 and prints nothing but an answer: no hook disturbs the session.
"""

import sys

RECORD = "record"
# Not a hook, but run just as often: it records nothing.
STATUS_LINE = "status_line"
_OFF = "0"


def packages() -> None:
    """Register the parent packages of this file without running their public imports."""
    folder = __file__.rpartition("/")[0]
    for name in ("agent_store.record.hooks", "agent_store.record", "agent_store"):
        package = type(sys)(name)
        package.__path__ = [folder]
        sys.modules[name] = package
        folder = folder.rpartition("/")[0]


def setting(name: str) -> str:
    """An environment variable, read without the module that maps all of them."""
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
    """Record the event on standard input, and answer it with the named program."""
    # Sessions started by Agent Store itself are not recorded.
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
        # A home of another user is neither read nor written: briefs go to the model.
        spool.refuse_foreign(home)
    except FileNotFoundError:
        pass
    event = spool.read_event()
    if not event.strip():
        return
    try:
        spool.append(home + "/spool", spool.HOOKS, spool.hook_line(event))
    except OSError:
        # An event that cannot be recorded can still be answered.
        pass
    if name != RECORD and name.isidentifier():
        from agent_store.record.hooks import hook

        hook.answered(name, event, home)


def main() -> None:
    """Run without output of errors, and end the process."""
    try:
        start(sys.argv[1] if len(sys.argv) > 1 else RECORD)
    except BaseException:
        pass
    import posix

    posix._exit(0)
