"""The kinds of files that Claude Code writes, recognised by their paths, and how each kind is landed."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from ingest.landing.found import ARCHIVE_SUFFIX

LINES_SUFFIXES: Final = (".jsonl", ".jsonl.gz")
_PROJECTS: Final = "projects"
# Where the desktop client keeps its sessions: one folder each, with its own home inside.
DESKTOP: Final = "local-agent-mode-sessions"
_DESKTOP_SESSION: Final = "local_"
_DESKTOP_FILES: Final = frozenset({"uploads", "outputs"})  # the user's own files
_HOME: Final = ".claude"
_TOOL_RESULTS: Final = "tool-results"
_WORKFLOWS: Final = "workflows"
# One folder for each session that began with hooks on, with the environment that they give to its commands.
SESSION_ENVIRONMENTS: Final = "session-env"
_SESSION_DEPTH: Final = 2  # <slug>/<session>.jsonl
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Kind(StrEnum):
    """Content of a file."""

    SESSION = "session"
    SUBAGENT = "subagent"
    WORKFLOW_AGENT = "workflow_agent"
    WORKFLOW_JOURNAL = "workflow_journal"
    HISTORY = "history"
    OTHER = "other"
    AGENT_META = "agent_meta"
    STATS_CACHE = "stats_cache"
    TOOL_RESULT = "tool_result"
    WORKFLOW_RUN = "workflow_run"
    CUSTOM_TITLE = "custom_title"
    AUDIT_LOG = "audit_log"
    SESSION_ENVIRONMENT = "session_environment"


TRANSCRIPT_TABLE: Final = "transcript_line"
# Files that grow line by line, and the table for their lines. Every other kind is a document: landed whole.
LINE_TABLES: Final[dict[str, str]] = {
    Kind.SESSION: TRANSCRIPT_TABLE,
    Kind.SUBAGENT: TRANSCRIPT_TABLE,
    Kind.WORKFLOW_AGENT: TRANSCRIPT_TABLE,
    Kind.WORKFLOW_JOURNAL: TRANSCRIPT_TABLE,
    Kind.OTHER: TRANSCRIPT_TABLE,
    Kind.AUDIT_LOG: TRANSCRIPT_TABLE,
    Kind.HISTORY: "history_line",
}

# Such a file belongs to a whole home, so its place does not show its session: only its content does.
HOME_WIDE: Final[dict[str, str]] = {Kind.HISTORY: "history.jsonl", Kind.STATS_CACHE: "stats-cache.json"}

# Folders that never hold transcripts: whole clones of other people's projects, backups of edited files, …
SKIPPED_ANYWHERE: Final = frozenset({".git", "node_modules", "__pycache__", ".venv"})
SKIPPED_IN_HOME: Final = frozenset(
    {
        "agents", "cache", "commands", "daemon", "debug", "downloads", "feedback-bundles", "file-history",
        "ide", "image-cache", "jobs", "paste-cache", "plans", "plugins", "sessions", "shell-snapshots",
        "skills", "statsig", "tasks", "teams", "telemetry", "todos", "uploads", "usage-data",
    }
)  # fmt: skip


def is_skipped(place: tuple[str, ...], name: str, *, is_home: bool) -> bool:
    """Whether the folder `name` in a folder (the parts of its path) holds no transcripts.

    `is_home` says that the folder around it is a home; a folder named `.claude` always is.
    """
    if name in SKIPPED_ANYWHERE or is_set_aside(name):
        return True
    around = place[-1] if place else ""
    if name in SKIPPED_IN_HOME and (is_home or around == _HOME):
        return True
    # What is in environments may be secret: elsewhere than in a home, they are not even listed.
    if name == SESSION_ENVIRONMENTS and not (is_home or around == _HOME or _PROJECTS in place):
        return True
    return name in _DESKTOP_FILES and around.startswith(_DESKTOP_SESSION) and DESKTOP in place


def holds_environments(place: tuple[str, ...], *, is_home: bool) -> bool:
    """Whether a folder (the parts of its path) has one folder for each session that began.

    `is_home` says that the folder around it is a home; a folder named `.claude` always is.
    """
    return place[-1:] == (SESSION_ENVIRONMENTS,) and (is_home or place[-2:-1] == (_HOME,))


def environment_path(session: str) -> str:
    """The path of a session's environment, the same wherever its home is copied."""
    return f"{SESSION_ENVIRONMENTS}/{session}"


def is_session_id(name: str) -> bool:
    """Whether a name is an id that the client gives to a session."""
    return _UUID.fullmatch(name) is not None and name == name.lower()


def is_set_aside(name: str) -> bool:
    """Whether the client itself has set this file or folder aside."""
    return ".orphaned" in name or ".superseded" in name


def classify(folders: tuple[str, ...], name: str) -> Kind | None:
    """Classify the file `name` below the folders (relative to its root); None if it is not relevant.

    A root inside a `projects` folder passes the folders from there on, including `projects`.
    """
    if _TOOL_RESULTS in folders:
        return Kind.TOOL_RESULT
    if name.endswith(LINES_SUFFIXES):
        return _lines_kind(folders, name)
    if not name.endswith(".json"):
        return None
    if name.startswith("agent-") and name.endswith(".meta.json"):
        return Kind.AGENT_META
    if name == "custom-title.json":
        return Kind.CUSTOM_TITLE
    if name == "stats-cache.json":
        return Kind.STATS_CACHE
    if name.startswith("wf_") and folders and folders[-1] == _WORKFLOWS:
        return Kind.WORKFLOW_RUN
    return None


def _lines_kind(folders: tuple[str, ...], name: str) -> Kind:
    stem = name.partition(".jsonl")[0]
    if _WORKFLOWS in folders and stem == "journal":
        return Kind.WORKFLOW_JOURNAL
    if stem.startswith("agent-"):
        return Kind.WORKFLOW_AGENT if _WORKFLOWS in folders else Kind.SUBAGENT
    if stem == "history":
        return Kind.HISTORY
    depth = len(folders) - _last_projects(folders) if _PROJECTS in folders else 0
    if stem == "audit" and depth != _SESSION_DEPTH:
        return Kind.AUDIT_LOG
    if _PROJECTS not in folders:
        return Kind.SESSION if _UUID.fullmatch(stem) else Kind.OTHER
    return Kind.SESSION if depth == _SESSION_DEPTH or _UUID.fullmatch(stem) else Kind.OTHER


def logical_path(folders: tuple[str, ...], name: str, kind: Kind) -> str:
    """Return a path that stays the same wherever a file is copied: the part after the last `projects/`.

    An archive has the path of its original file; an audit log is identified by its folder.
    """
    if kind in HOME_WIDE:
        return HOME_WIDE[kind]
    if kind == Kind.AUDIT_LOG:
        folders = folders[-1:]
    elif _PROJECTS in folders:
        folders = folders[_last_projects(folders) + 1 :]
    path = "/".join((*folders, name))
    return path.removesuffix(ARCHIVE_SUFFIX) if kind in LINE_TABLES else path


def _last_projects(folders: tuple[str, ...]) -> int:
    return len(folders) - 1 - folders[::-1].index(_PROJECTS)
