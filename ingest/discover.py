"""Finds the files below the roots, and which of them have changed since they were last read.

Nothing is opened here: a file is judged by its size, its time and its inode.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from ingest.transcripts import (
    ARCHIVE_SUFFIX,
    LINE_TABLES,
    LINES_SUFFIXES,
    SKIPPED_ANYWHERE,
    SKIPPED_IN_HOME,
    Kind,
    classify,
    is_set_aside,
    logical_path,
)

_DRIVE = re.compile(r"^([A-Za-z]):[\\/]")
_MOUNTED_DRIVE = re.compile(r"^/mnt/([A-Za-z])(?:/|$)")
_DISTRIBUTION = re.compile(r"^[\\/]{2}wsl(?:\$|\.localhost)[\\/][^\\/]+", re.IGNORECASE)
_PROJECTS = "projects"
NO_TRANSCRIPT = "a link that does not lead to a transcript of the same owner is not followed"
_INODE_MASK = (1 << 63) - 1  # some file systems use all 64 bits


class Stamp(NamedTuple):
    """What tells that a file has changed without opening it."""

    size: int
    mtime_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that a person should know about a file; the rest went on."""

    path: str
    line: int | None
    message: str

    def __str__(self) -> str:
        """Return it as one line of text."""
        return f"{self.path}:{self.line}: {self.message}" if self.line else f"{self.path}: {self.message}"


def stamp_of(status: os.stat_result, *, has_inode: bool = True) -> Stamp:
    """Return the stamp of a file; some systems tell the inode of an open file only."""
    return Stamp(status.st_size, status.st_mtime_ns, status.st_ino & _INODE_MASK if has_inode else 0)


class FoundFile(NamedTuple):
    """One file below a root."""

    root: str
    path: str  # relative to the root, separated by '/', always valid text
    system_path: str  # what the operating system is asked for
    kind: Kind
    logical_path: str
    stamp: Stamp

    @property
    def is_archive(self) -> bool:
        """Whether the lines are compressed."""
        return self.kind in LINE_TABLES and self.path.endswith(ARCHIVE_SUFFIX)


@dataclass(frozen=True, slots=True)
class Scan:
    """Everything found below some roots."""

    roots: tuple[str, ...]
    files: tuple[FoundFile, ...]
    problems: tuple[Problem, ...]


def default_roots(environment: Mapping[str, str], home: Path) -> list[Path]:
    """Return the folders Claude Code writes to: those of CLAUDE_CONFIG_DIR, else the usual ones."""
    configured = environment.get("CLAUDE_CONFIG_DIR", "").strip()
    if configured:
        whole = as_local_path(configured)
        if "," not in configured or whole.is_dir():  # a comma may be part of a name
            return [whole]
        return [as_local_path(part.strip()) for part in configured.split(",") if part.strip()]
    return [root for root in (home / ".claude", home / ".config" / "claude") if root.is_dir()]


def as_local_path(text: str | Path, *, windows: bool = os.name == "nt") -> Path:
    r"""Return a path as this system spells it, also where it is written as WSL or Windows spells it.

    Here `C:\Users\dev` becomes `/mnt/c/Users/dev` and `\\wsl.localhost\Ubuntu\home\dev` becomes `/home/dev`;
    on Windows `/mnt/c/Users/dev` becomes `C:/Users/dev`.
    """
    given = str(text)
    if windows:
        mounted = _MOUNTED_DRIVE.match(given)
        return Path(f"{mounted[1].upper()}:/{given[mounted.end() :]}") if mounted else Path(given)
    if drive := _DRIVE.match(given):
        return Path(f"/mnt/{drive[1].lower()}/{given[drive.end() :]}".replace("\\", "/"))
    if share := _DISTRIBUTION.match(given):
        return Path(given[share.end() :].replace("\\", "/") or "/")
    return Path(given).expanduser()


def distinct_roots(roots: Iterable[Path | str]) -> list[Path]:
    """Return the roots as absolute paths, without those that lie inside another of them."""
    resolved = [as_local_path(root).resolve() for root in roots]
    unique = list(dict.fromkeys(resolved))
    return [root for root in unique if not any(other in root.parents for other in unique)]


def leads_to_transcript(link: str, target: os.stat_result) -> bool:
    """Whether a link may be followed to its file: one with a transcript's name, of the link's own owner."""
    try:
        return os.path.realpath(link).endswith(LINES_SUFFIXES) and target.st_uid == os.lstat(link).st_uid
    except OSError:
        return False


def changed_files(files: Iterable[FoundFile], memory: Mapping[tuple[str, str], Stamp]) -> list[FoundFile]:
    """Return the files that are not as they were when they were last read."""
    return [file for file in files if memory.get((file.root, file.path)) != file.stamp]


def scan(roots: Sequence[Path | str]) -> Scan:
    """Find all files below the roots, in a fixed order, without opening any."""
    found: list[FoundFile] = []
    problems: list[Problem] = []
    distinct = distinct_roots(roots)
    for root in distinct:
        if root.is_dir():
            _Walk(root, found, problems).run()
        else:
            problems.append(Problem(str(root), None, "there is no such folder"))
    return Scan(tuple(_as_text(root.as_posix()) for root in distinct), tuple(found), tuple(problems))


def _as_text(name: str) -> str:
    """Return a file name as valid text: names that are not UTF-8 are escaped."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return name.encode("utf-8", "backslashreplace").decode()
    return name


class _Walk:
    """One walk below one root."""

    def __init__(self, root: Path, found: list[FoundFile], problems: list[Problem]) -> None:
        self.system_root = str(root)
        self.root = _as_text(root.as_posix())
        self.found = found
        self.problems = problems
        above = PurePosixPath(root.as_posix()).parts
        # The part of the root's own path from its `projects` on, if the root lies in one.
        self.above = tuple(above[above.index(_PROJECTS) :]) if _PROJECTS in above[-3:] else ()

    def run(self) -> None:
        """Walk everything; folders first found are walked in the order of their names."""
        start = len(self.found)
        is_home = Path(self.system_root, _PROJECTS).is_dir()
        pending: list[tuple[str, tuple[str, ...]]] = [(self.system_root, ())]
        while pending:
            folder, names = pending.pop()
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        if self._is_folder(entry, names):
                            if not self._is_skipped(entry.name, is_home=is_home and not names):
                                pending.append((entry.path, (*names, entry.name)))
                        else:
                            self._take(entry, names)
            except OSError as error:
                self.problems.append(Problem(_as_text(folder), None, f"cannot be listed: {_reason(error)}"))
        self.found[start:] = sorted(self.found[start:], key=lambda file: file.path)

    def _is_folder(self, entry: os.DirEntry[str], names: tuple[str, ...]) -> bool:
        try:
            if entry.is_dir(follow_symlinks=False):
                return True
            # Links to folders are not followed (no loops); only `projects` itself may lie elsewhere.
            return not names and entry.name == _PROJECTS and entry.is_dir()
        except OSError:
            return False

    @staticmethod
    def _is_skipped(name: str, *, is_home: bool) -> bool:
        return name in SKIPPED_ANYWHERE or (is_home and name in SKIPPED_IN_HOME) or is_set_aside(name)

    def _take(self, entry: os.DirEntry[str], names: tuple[str, ...]) -> None:
        name = entry.name
        folders = (*self.above, *names)
        kind = classify(folders, name)
        if kind is None or is_set_aside(name):
            return
        try:
            status = entry.stat()
        except OSError as error:
            self.problems.append(Problem(_as_text(entry.path), None, f"cannot be read: {_reason(error)}"))
            return
        if not stat.S_ISREG(status.st_mode):  # a pipe, a socket, a link to a folder
            return
        if entry.is_symlink() and not leads_to_transcript(entry.path, status):
            self.problems.append(Problem(_as_text(entry.path), None, NO_TRANSCRIPT))
            return
        self.found.append(
            FoundFile(
                self.root,
                _as_text("/".join((*names, name))),
                entry.path,
                kind,
                _as_text(logical_path(folders, name, kind)),
                stamp_of(status),
            )
        )


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
