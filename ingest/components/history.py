"""Lands the git history of components: the commits that changed them, and the resulting texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from ingest import git
from ingest.components.component import MOST_BYTES, Folder
from ingest.components.front_matter import split_front_matter
from ingest.files import valid_name
from ingest.text import content_digest
from ingest.warehouse import Changes, from_timestamp

MOST_PATH: Final = 4_096
MOST_COMMITS: Final = 1_000
_COMPONENT_PLACES: Final = (
    ".claude/skills", ".claude/agents", ".claude/commands", ".claude/rules", "skills", "agents", "commands",
    "plugins", ":(glob)CLAUDE.md", ":(glob)AGENTS.md", ":(glob).mcp.json",
)  # fmt: skip
_COMPONENT_FILE = re.compile(
    r"(?s)(?:^|/)(?:skills/.+|agents/[^/]+\.md|commands/.+\.md|rules/.+\.md|CLAUDE\.md|AGENTS\.md|\.mcp\.json)$"
)


def commits(folder: Path, since: str | None) -> Iterator[tuple[str, str, int, str, int | None, int | None]]:
    """The commits that changed components: path, hash, seconds since 1970, subject, lines added and deleted."""
    places = [place for place in _COMPONENT_PLACES if place.startswith(":") or (folder / place).exists()]
    arguments = ["log", f"-n{MOST_COMMITS}", "--no-merges", "--numstat", "--no-renames", "--no-ext-diff",
                 "--no-textconv", "-z", "--format=%x02%H%x1f%ct%x1f%s"]  # fmt: skip
    listed: bytes | None = None
    if since is not None and git.is_commit(since):
        listed = git.answer(folder, [*arguments, f"{since}..HEAD", "--", *places])
    if listed is None:
        listed = git.answer(folder, [*arguments, "--", *places])
    commit_hash, seconds, subject = "", "", ""
    # Neither a subject nor a name can contain the NUL between them, so nobody can forge a commit through one.
    for part in (listed or b"").decode("utf-8", "replace").split("\0"):
        told = part.lstrip("\n")
        if told.startswith("\x02"):
            commit_hash, seconds, subject = [*told[1:].split("\x1f", 2), "", ""][:3]
            continue
        added, _, rest = told.partition("\t")
        deleted, _, path = rest.partition("\t")
        if path and len(path) <= MOST_PATH and _COMPONENT_FILE.search(path):
            yield (path, commit_hash, int(seconds or 0), subject[:200],
                   int(added) if added.isdigit() else None, int(deleted) if deleted.isdigit() else None)  # fmt: skip


# The files whose text is loaded as a whole, and the placeholders that the client fills when it loads them.
_MAIN_FILE = re.compile(r"(?s)(?:^|/)(?:skills/(?:.+/)?(?:SKILL|skill)\.md|agents/[^/]+\.md|commands/.+\.md)$")
_FILLED_IN = re.compile(r"!`|```!|\$ARGUMENTS|\$\{CLAUDE_|\$[0-9]")


def committed_texts(folder: Path, wanted: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str, str]]:
    """The texts of files as committed: path, commit, text. A deleted file has none."""
    asked = {f"{commit}:{path}": (path, commit) for path, commit in wanted}
    for name, data in git.blobs(folder, list(asked), MOST_BYTES):
        if b"\0" not in data:
            yield *asked[name], data.decode("utf-8-sig", "replace").replace("\r\n", "\n")


def _land_bodies(folder: Path, root: str, written: Mapping[tuple[str, str], int], changes: Changes) -> None:
    for path, commit, text in committed_texts(folder, list(written)):
        body = split_front_matter(text)[1].strip()
        if body:
            changes.add(
                "component_body",
                (root, path, commit, from_timestamp(written[path, commit]), content_digest(body),
                 body if _FILLED_IN.search(body) else None),
            )  # fmt: skip


def scan_history(
    folders: Sequence[Folder], memory: Mapping[str, str], known: Callable[[], set[tuple[str, str, str]]],
    known_bodies: Callable[[], set[tuple[str, str, str]]] = set,
) -> Changes:  # fmt: skip
    """Land the commits of components, and the bodies they wrote, if HEAD has moved since the last scan."""
    changes = Changes()
    there: set[tuple[str, str, str]] | None = None
    bodies: set[tuple[str, str, str]] = set()
    for folder in folders:
        head = git.head_of(folder.path)
        name = f"git_history {folder.path}"
        if head is None or memory.get(name) == head:
            continue
        if there is None:
            there, bodies = known(), known_bodies()
        root = valid_name(folder.path.as_posix())
        written: dict[tuple[str, str], int] = {}
        for path, commit_hash, seconds, subject, added, deleted in commits(folder.path, memory.get(name)):
            if _MAIN_FILE.search(path) and (root, path, commit_hash) not in bodies:
                written[path, commit_hash] = seconds
            if (root, path, commit_hash) not in there:
                there.add((root, path, commit_hash))
                changes.add(
                    "component_commit",
                    (root, path, commit_hash, from_timestamp(seconds), subject, added, deleted),
                )
                changes.files_grown += 1
        _land_bodies(folder.path, root, written, changes)
        changes.remember("scan_memory", ("name",), (name, head))
    return changes
