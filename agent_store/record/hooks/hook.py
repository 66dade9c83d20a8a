"""The interface for answering programs: the event, the published briefs, the notes of the session, the spool."""

import os

from agent_store.record import spool
from agent_store.record.hooks import quick_json
from agent_store.visible import visible

Record = dict[str, object]
BRIEFS = "briefs"
NOTES = "sessions"
ALL_PROJECTS = "all.json"
# Costs of sessions and days, limits and prices: for alerts and the status line.
COSTS = BRIEFS + "/costs.json"
# Opening a pipe does not block.
READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)
_MOST_BRIEF_BYTES = 8 * 1024 * 1024
# The last few hundred notes; earlier ones are not recent.
_MOST_NOTE_BYTES = 64 * 1024


def md5(text: "str | bytes") -> str:
    """The hash by which the store identifies a content or a path."""
    try:
        from _md5 import md5 as digest
    except ImportError:
        from hashlib import md5 as digest
    data = text.encode("utf-8", "replace") if isinstance(text, str) else text
    return str(digest(data, usedforsecurity=False).hexdigest())


def text_of(value: object) -> str:
    """A value of an event that should be text; empty if it is not."""
    return value if isinstance(value, str) else ""


def record_of(value: object) -> Record:
    """A value of an event that should be an object; empty if it is not."""
    return value if isinstance(value, dict) else {}


def records_of(value: object) -> list[Record]:
    """The objects of a list."""
    return [held for held in value if isinstance(held, dict)] if isinstance(value, list) else []


def one_line(text: str, most: int) -> str:
    """A text on one line, up to a number of characters."""
    words = " ".join(text[: 4 * most].split())
    return words if len(words) <= most else words[: most - 1] + "…"


class Hook:
    """One event to answer."""

    def __init__(self, event: Record, home: str) -> None:
        """Nothing is read yet."""
        self.event = event
        self.home = home
        self.session_id = text_of(event.get("session_id"))
        self._sequence = 0
        self._briefs: tuple[Record, Record] | None = None
        self._notes: list[Record] | None = None

    @property
    def project(self) -> str:
        """The folder that the session was started in."""
        return os.environ.get("CLAUDE_PROJECT_DIR", "") or text_of(self.event.get("cwd"))

    def record(self, kind: str, payload: Record) -> None:
        """Append a separate record to the spool; it is lost if the disk is full."""
        self._sequence += 1
        for name in ("prompt_id", "tool_use_id"):
            if name not in payload and name in self.event:
                payload[name] = self.event[name]
        line = spool.envelope(kind, quick_json.dumps(payload), self.session_id or None, None, self._sequence)
        try:
            spool.append(self.home + "/spool", spool.HOOKS, line)
        except OSError:
            pass

    def warn(self, warning_type: str, text: str, **details: object) -> None:
        """Record that a warning is given."""
        self.record("warning", {"warning_type": warning_type, "text": text, **details})

    def suggest(self, suggestion_type: str, text: str, **details: object) -> None:
        """Record that a suggestion is made."""
        self.record("suggestion", {"suggestion_type": suggestion_type, "text": text, **details})

    def context(self, text: str) -> Record:
        """The answer that passes a text to the model."""
        return {
            "hookSpecificOutput": {
                "hookEventName": self.event.get("hook_event_name"),
                "additionalContext": text,
            }
        }

    @property
    def brief(self) -> Record:
        """The published brief of this project."""
        return self._both_briefs()[0]

    @property
    def brief_of_all(self) -> Record:
        """The published brief that is not about a single project."""
        return self._both_briefs()[1]

    def _both_briefs(self) -> "tuple[Record, Record]":
        if self._briefs is None:
            folder = self.home + "/" + BRIEFS
            self._briefs = (self._brief_of_project(folder), read_record(folder + "/" + ALL_PROJECTS))
        return self._briefs

    def _brief_of_project(self, folder: str) -> Record:
        """The brief of the folder, of its checkout, or of the checkout that a worktree was made from."""
        path = os.path.realpath(self.project) if self.project else ""
        own = found = read_record(folder + "/" + md5(path) + ".json") if path else {}
        while not own and path != os.path.dirname(path):
            if os.path.exists(path + "/.git"):
                return found or read_record(folder + "/" + md5(_main_checkout(path)) + ".json")
            path = os.path.dirname(path)
            found = found or read_record(folder + "/" + md5(path) + ".json")
        # Outside a checkout, a parent folder is another project.
        return own

    @property
    def notes(self) -> list[Record]:
        """The notes of this session's hooks, in order."""
        if self._notes is None:
            self._notes = []
            name = self.place_of_notes(".jsonl")
            try:
                lines = _end(name, _MOST_NOTE_BYTES).split(b"\n") if name else []
            except OSError:
                lines = []
            for line in lines:
                try:
                    found = quick_json.loads(line)
                except ValueError:
                    continue
                if isinstance(found, dict):
                    self._notes.append(found)
        return self._notes

    def note(self, **noted: object) -> None:
        """Store a note for later hooks of this session. Appended in one write, because hooks run in parallel."""
        name = self.place_of_notes(".jsonl")
        if not name:
            return
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
        try:
            try:
                file = os.open(name, flags, 0o600)
            except FileNotFoundError:
                os.makedirs(os.path.dirname(name), 0o700, exist_ok=True)
                file = os.open(name, flags, 0o600)
            try:
                os.write(file, quick_json.dumps(noted) + b"\n")
            finally:
                os.close(file)
        except OSError:
            pass

    def has_noted(self, **wanted: object) -> bool:
        """Whether a note has all of these values."""
        return any(all(note.get(name) == value for name, value in wanted.items()) for note in self.notes)

    def place_of_notes(self, suffix: str) -> str:
        """The path of a note file of this session; empty if the session has no valid name."""
        name = self.session_id
        if not name or not name.replace("-", "").replace("_", "").isalnum():
            return ""
        return self.home + "/" + BRIEFS + "/" + NOTES + "/" + name + suffix


def checkout_of_worktree(folder: str) -> str:
    """The checkout from which the worktree around a folder was made; empty if it is in no worktree."""
    while folder != os.path.dirname(folder):
        if os.path.exists(folder + "/.git"):
            return _main_checkout(folder)
        folder = os.path.dirname(folder)
    return ""


def _main_checkout(worktree: str) -> str:
    """The checkout that a worktree was made from, by its file `.git`; empty if there is none, and for a submodule."""
    try:
        said = read_beginning(worktree + "/.git", _MOST_NOTE_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
    place = said.partition("gitdir:")[2].strip()
    return os.path.realpath(os.path.join(worktree, place)).rpartition("/.git/worktrees/")[0] if place else ""


def read_beginning(path: str, most: int) -> bytes:
    """The first bytes of a file. Raises OSError, also for a pipe, a device or a folder, which are never read."""
    file = os.open(path, READ)
    try:
        if not spool.is_regular(os.fstat(file)):
            raise OSError(22, "is not a regular file", path)
        return os.read(file, most)
    finally:
        os.close(file)


def _end(path: str, most: int) -> bytes:
    """The last bytes of a file; a line cut by that is not JSON."""
    file = os.open(path, READ)
    try:
        return os.pread(file, most, max(0, os.fstat(file).st_size - most))
    finally:
        os.close(file)


def read_record(path: str) -> Record:
    """The object in a small file; an empty one if there is none."""
    try:
        found = quick_json.loads(read_beginning(path, _MOST_BRIEF_BYTES))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def answered(name: str, event: bytes, home: str) -> None:
    """Answer an event with a program of this folder, on standard output."""
    parsed = quick_json.loads(event)
    if isinstance(parsed, dict):
        program = __import__("agent_store.record.hooks." + name, fromlist=["answer"])
        answer = program.answer(Hook(parsed, home))
        if answer:
            os.write(1, quick_json.dumps(_shown(answer)) + b"\n")


def _shown(value: object) -> object:
    """An answer, which the client prints or gives to the model, with control characters made visible: it contains texts
    of logs."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {name: _shown(held) for name, held in value.items()}
    return [_shown(held) for held in value] if isinstance(value, list) else value
