"""The kinds of files that Claude Code leaves, told by their paths, and how each kind is landed."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

ARCHIVE_SUFFIX: Final = ".gz"
LINES_SUFFIXES: Final = (".jsonl", ".jsonl.gz")
_PROJECTS: Final = "projects"
_TOOL_RESULTS: Final = "tool-results"
_WORKFLOWS: Final = "workflows"
_SESSION_DEPTH: Final = 2  # <slug>/<session>.jsonl
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Kind(StrEnum):
    """What a file holds."""

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


# Files that grow line by line, and the table their lines go to. Every other kind is a document: landed whole.
LINE_TABLES: Final[dict[str, str]] = {
    Kind.SESSION: "transcript_line",
    Kind.SUBAGENT: "transcript_line",
    Kind.WORKFLOW_AGENT: "transcript_line",
    Kind.WORKFLOW_JOURNAL: "transcript_line",
    Kind.OTHER: "transcript_line",
    Kind.HISTORY: "history_line",
}

# One such file belongs to a whole home, so its place says nothing about whose it is: only its content does.
HOME_WIDE: Final[dict[str, str]] = {Kind.HISTORY: "history.jsonl", Kind.STATS_CACHE: "stats-cache.json"}

# Folders that never hold transcripts: whole clones of other people's projects, backups of edited files, …
SKIPPED_ANYWHERE: Final = frozenset({".git", "node_modules", "__pycache__", ".venv"})
SKIPPED_IN_HOME: Final = frozenset(
    {
        "agents", "cache", "commands", "daemon", "debug", "downloads", "feedback-bundles", "file-history",
        "ide", "image-cache", "jobs", "paste-cache", "plans", "plugins", "session-env", "sessions",
        "shell-snapshots", "skills", "statsig", "tasks", "teams", "telemetry", "todos", "uploads",
        "usage-data",
    }
)  # fmt: skip


def is_set_aside(name: str) -> bool:
    """Whether the client itself has put this file or folder aside."""
    return ".orphaned" in name or ".superseded" in name


def classify(folders: tuple[str, ...], name: str) -> Kind | None:
    """Say what the file `name` below the folders (relative to its root) holds; None if nothing for us.

    A root that lies inside a `projects` folder passes the folders from there on, `projects` included.
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
    if _PROJECTS not in folders:
        return Kind.SESSION if _UUID.fullmatch(stem) else Kind.OTHER
    depth = len(folders) - _last_projects(folders)
    return Kind.SESSION if depth == _SESSION_DEPTH or _UUID.fullmatch(stem) else Kind.OTHER


def logical_path(folders: tuple[str, ...], name: str, kind: Kind) -> str:
    """Return the path that is the same wherever a file is copied: what follows the last `projects/`.

    An archive has the path of the file that it was made from.
    """
    if kind in HOME_WIDE:
        return HOME_WIDE[kind]
    if _PROJECTS in folders:
        folders = folders[_last_projects(folders) + 1 :]
    path = "/".join((*folders, name))
    return path.removesuffix(ARCHIVE_SUFFIX) if kind in LINE_TABLES else path


def _last_projects(folders: tuple[str, ...]) -> int:
    return len(folders) - 1 - folders[::-1].index(_PROJECTS)
