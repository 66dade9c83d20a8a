"""The spool: files that hooks and programs append events to, and that the next build lands.

One JSON object a line, written by one `write` on `O_APPEND`: lines of parallel writers never mix, and no writer waits.
A file has one UTC day of one kind of writer. If several machines share the folder (marked by a file in it), each
process writes its own file, because appending is not atomic on network drives.

Only modules that Python has already loaded are imported here, because a hook's cost is its start-up.
"""

import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING or "os" in sys.modules or "posix" not in sys.builtin_module_names:
    import os
else:
    # The needed parts are in the module that it wraps; loading the wrapper takes a sixth of a hook's time.
    import posix as os

SCHEMA_VERSION = 1
HOOKS = "hooks"
LIBRARY = "library"
SDK = "sdk"
QUERIES = "queries"
# Declares that a spool is shared, if the system does not tell, and that others own files in it:
# `AGENT_STORE_SHARED_SPOOL=1`.
SHARED_VARIABLE = "AGENT_STORE_SHARED_SPOOL"
# Declares that a home is shared with a group, and may belong to any of its members.
SHARED_HOME_VARIABLE = "AGENT_STORE_SHARED_HOME"
# The marker of a folder that several machines write to.
SHARED_MARKER = "each-process-its-own-file"
# A larger event is recorded without its payload.
MOST_BYTES = 32 * 1024 * 1024
_READ_BYTES = 1 << 20
_FILE_MODE = 0o600
_FOLDER_MODE = 0o700
# A link is not followed, and a pipe does not block.
_NO_SURPRISE = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_FLAGS = (
    os.O_RDWR
    | os.O_CREAT
    | os.O_APPEND
    | _NO_SURPRISE
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
_KIND_BITS, _LINK, _REGULAR = 0o170000, 0o120000, 0o100000
_SESSION = b'"session_id":"'
_MOST_SESSION_BYTES = 128
# Folders that this process has verified to belong to its user.
_ours: "set[str]" = set()


def host() -> str:
    """The name of this machine."""
    name = os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")
    return name or "unknown"


def _text(value: "str | None") -> bytes:
    """A name as JSON text; control characters and lone surrogates become question marks."""
    if value is None:
        return b"null"
    if value.isascii() and value.isprintable() and '"' not in value and "\\" not in value:
        return b'"%b"' % value.encode()
    plain = "".join(letter if letter >= " " else "?" for letter in value)
    units = plain.encode("utf-16-be", "replace")
    return b'"%b"' % b"".join(b"\\u%02x%02x" % (units[at], units[at + 1]) for at in range(0, len(units), 2))


def envelope(
    kind: str,
    payload: bytes,
    session_id: "str | None" = None,
    received_at_ms: "int | None" = None,
    sequence: int = 0,
) -> bytes:
    """A record as the line that is spooled: `payload` is a JSON value, without line breaks.

    `sequence` distinguishes records of one process in the same millisecond.
    """
    at = time.time_ns() // 1_000_000 if received_at_ms is None else received_at_ms
    return (
        b'{"schema_version":%d,"kind":%b,"received_at_ms":%d,"host":%b,"pid":%d,"sequence":%d,"session_id":%b,'
        b'"payload":%b}'
    ) % (
        SCHEMA_VERSION, _text(kind), at, _text(host()), os.getpid(), sequence, _text(session_id), payload,
    )  # fmt: skip


def is_set(name: str) -> bool:
    """Whether an environment variable switches something on."""
    if os.__name__ == "posix":  # which has bytes
        return os.environ.get(name.encode(), b"").strip() not in (b"", b"0")  # type: ignore[call-overload]
    return os.environ.get(name, "").strip() not in ("", "0")


def is_foreign(status: "os.stat_result") -> bool:
    """Whether a file (from `lstat`) belongs to neither this user nor root. Root only follows its own links."""
    user = os.geteuid() if hasattr(os, "geteuid") else status.st_uid
    return status.st_uid not in (user, 0) and (user != 0 or status.st_mode & _KIND_BITS == _LINK)


def is_regular(status: "os.stat_result") -> bool:
    """Whether something is a regular file: not a pipe, device or folder."""
    return status.st_mode & _KIND_BITS == _REGULAR


def refuse_foreign(name: str) -> None:
    """Raise OSError if a folder, or a link to it, belongs to another user, unless it is declared as shared."""
    status = os.lstat(name)
    is_link = status.st_mode & _KIND_BITS == _LINK
    if is_foreign(status) or (is_link and is_foreign(os.stat(name))):
        is_shared = is_set(SHARED_HOME_VARIABLE) or is_set(SHARED_VARIABLE)
        if not is_shared or (is_link and is_foreign(status)):
            raise PermissionError(1, "belongs to another user", name)


def _exists(name: str) -> bool:
    try:
        os.stat(name)
    except OSError:
        return False
    return True


def path(folder: str, writer: str) -> str:
    """The file that this process currently appends to."""
    name = writer + "-" + time.strftime("%Y-%m-%d", time.gmtime())
    if _exists(folder + "/" + SHARED_MARKER):
        machine = "".join(letter if letter.isalnum() else "_" for letter in host())
        name += "-" + machine + "-" + str(os.getpid())
    return folder + "/" + name + ".jsonl"


def append(folder: str, writer: str, line: bytes) -> None:
    """Append one line. Raises OSError; if a full disk cuts a line off, the next write ends it, and it is set aside.

    Nothing is written to another user's folder or file, or through a link to another file.
    """
    name = path(folder, writer)
    try:
        if folder not in _ours:
            refuse_foreign(folder)
            _ours.add(folder)
        file = os.open(name, _FLAGS, _FILE_MODE)
    except FileNotFoundError:
        from os import makedirs

        makedirs(folder, _FOLDER_MODE, exist_ok=True)
        file = os.open(name, _FLAGS, _FILE_MODE)
    try:
        status = os.fstat(file)
        if not is_regular(status) or (is_foreign(status) and not is_set(SHARED_VARIABLE)):
            raise PermissionError(1, "is not a regular file of this user", name)
        size = status.st_size
        # A writer that was killed, or ran out of space, left a line without its end: it must not swallow this one. A
        # line that is just being written looks the same: then there is an empty line in between, which landing skips.
        is_torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
        data = b"\n" + line + b"\n" if is_torn else line + b"\n"
        if os.write(file, data) < len(data):
            raise OSError(28, "No space left on device", name)
    finally:
        os.close(file)


def session_of(event: bytes) -> "str | None":
    """The session of a client event, found without parsing it: it is among the first fields."""
    start = event.find(_SESSION, 0, 4096)
    if start < 0:
        return None
    start += len(_SESSION)
    end = event.find(b'"', start, start + _MOST_SESSION_BYTES)
    return event[start:end].decode("ascii", "replace") if end > start else None


def hook_line(event: bytes) -> bytes:
    """The line of a client event. It never includes the environment, which may contain keys."""
    # In JSON a line break is always white space.
    event = event.replace(b"\n", b" ").replace(b"\r", b" ").strip()
    payload = event if len(event) <= MOST_BYTES else b'{"dropped_bytes":%d}' % len(event)
    return envelope("hook", payload, session_of(event))


def read_event() -> bytes:
    """All of standard input."""
    parts = []
    while part := os.read(0, _READ_BYTES):
        parts.append(part)
    return b"".join(parts)
