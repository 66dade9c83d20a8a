"""What git reports about a repository: the files it would show, and how its commits changed them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ingest import git

COMMITS_READ: Final = 2_000
GIT_SECONDS: Final = 60
_SYMLINK_MODE: Final = "120000"
_SUBMODULE_MODE: Final = "160000"


def is_below(root: str, folder: str) -> bool:
    """Whether a folder is in the repository itself: not behind a link, and not in git's own folder."""
    if not folder:
        return True
    place = f"{root.rstrip('/')}/{folder}"
    return ".git" not in folder.lower().split("/") and os.path.realpath(place) == place


def _git(root: str, *arguments: str) -> bytes:
    return git.run(Path(root), arguments, seconds=GIT_SECONDS)


def listed_files(root: str) -> Iterator[tuple[str, str, bool]]:
    """Path, blob id in the index and whether it is tracked, for each file that git would show."""
    last = ""
    for entry in _git(root, "ls-files", "-s", "-z").decode("utf-8", "surrogateescape").split("\0"):
        head, _, path = entry.partition("\t")
        mode, _, rest = head.partition(" ")
        if not path or path == last or mode in (_SYMLINK_MODE, _SUBMODULE_MODE):
            continue
        last = path  # a conflict has several entries
        yield path, rest.split(" ")[0], True
    others = git.untracked(Path(root), seconds=GIT_SECONDS).decode("utf-8", "surrogateescape")
    for path in others.split("\0"):
        if path and not path.endswith("/"):
            yield path, "", False


def history_of(root: str, before: str | None, head: str) -> Iterator[tuple[str, int, str, str, str | None]]:
    """Commit, its time, path, kind of change, and the resulting blob."""
    reach = [f"{before}..{head}"] if before and re.fullmatch(r"[0-9a-f]{40,64}", before) else [head]
    arguments = (
        "log",
        "--raw",
        "-z",
        "--no-abbrev",
        "--no-renames",
        "--no-ext-diff",
        "--no-textconv",
        f"--max-count={COMMITS_READ}",
        "--format=%x02%H %ct",
    )
    try:
        text = _git(root, *arguments, *reach, "--").decode("utf-8", "replace")
    except git.GitError:
        if reach == [head]:
            raise
        text = _git(root, *arguments, head, "--").decode("utf-8", "replace")  # history was rewritten
    names = {"A": "created", "M": "modified", "T": "modified", "D": "deleted"}
    commit, seconds = "", 0
    parts = iter(text.split("\0"))
    for raw in parts:
        part = raw.lstrip("\n")
        if part.startswith("\x02"):
            commit, _, when = part[1:].partition(" ")
            seconds = int(when.strip() or 0)
        elif part.startswith(":"):
            fields = part[1:].split(" ")
            path = next(parts, "")
            if len(fields) == 5 and fields[4][:1] in names and _SUBMODULE_MODE not in fields[:2]:  # noqa: PLR2004
                change = names[fields[4][:1]]
                yield commit, seconds, path, change, None if change == "deleted" else fields[3]
