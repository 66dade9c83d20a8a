"""Finds the files below the roots.

Nothing is opened here: a file is judged by its size, its time and its inode.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from ingest.files import reason_of, stamp_of, valid_name
from ingest.landing.found import FoundFile, Problem, Scan
from ingest.transcripts.kinds import (
    DESKTOP,
    HOME_WIDE,
    LINE_TABLES,
    LINES_SUFFIXES,
    SESSION_ENVIRONMENTS,
    TRANSCRIPT_TABLE,
    Kind,
    classify,
    environment_path,
    holds_environments,
    is_session_id,
    is_set_aside,
    is_skipped,
    logical_path,
)

_DRIVE = re.compile(r"^([A-Za-z]):[\\/]")
_MOUNTED_DRIVE = re.compile(r"^/mnt/([A-Za-z])(?:/|$)")
_DISTRIBUTION = re.compile(r"^[\\/]{2}wsl(?:\$|\.localhost)[\\/][^\\/]+", re.IGNORECASE)
_PROJECTS = "projects"
NO_TRANSCRIPT = "a link that does not lead to a transcript of the same owner is not followed"
_Identity = tuple[int, int] | str


def named_roots(value: str) -> list[Path]:
    """Return the folders that CLAUDE_CONFIG_DIR names, separated by commas; a comma may also be part of a name."""
    parts = value.strip().split(",")
    roots: list[Path] = []
    while parts:
        longest = next((n for n in range(len(parts), 1, -1) if _named(parts[:n]).is_dir()), 1)
        if any(part.strip() for part in parts[:longest]):
            roots.append(_named(parts[:longest]))
        parts = parts[longest:]
    return roots


def _named(parts: Sequence[str]) -> Path:
    return as_local_path(",".join(parts).strip())


def usual_roots(environment: Mapping[str, str], home: Path) -> list[Path]:
    """Return the default folders of the clients, whether they exist or not.

    The terminal client has one home, the desktop client one per session, all in one folder. The desktop client from
    the Windows Store uses its own folder.
    """
    config = as_local_path(environment.get("XDG_CONFIG_HOME", "").strip() or home / ".config")
    desktop = [home / "Library" / "Application Support" / "Claude", config / "Claude"]
    if roaming := environment.get("APPDATA", "").strip():
        desktop.append(as_local_path(roaming) / "Claude")
    if local := environment.get("LOCALAPPDATA", "").strip():
        packages = as_local_path(local) / "Packages"
        desktop += [
            found / "LocalCache" / "Roaming" / "Claude" for found in sorted(packages.glob("Claude_*"))
        ]
    return [home / ".claude", config / "claude", *(folder / DESKTOP for folder in desktop)]


def as_local_path(text: str | Path, *, windows: bool = os.name == "nt") -> Path:
    r"""Return a path in this system's notation, also if it is written for WSL or Windows.

    Here `C:\Users\dev` becomes `/mnt/c/Users/dev` and `\\wsl.localhost\Ubuntu\home\dev` becomes `/home/dev`; on
    Windows `/mnt/c/Users/dev` becomes `C:/Users/dev`.
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
    """Return the roots as absolute paths, without those inside another root."""
    resolved = [as_local_path(root).resolve() for root in roots]
    unique = list(dict.fromkeys(resolved))
    return [root for root in unique if not any(other in root.parents for other in unique)]


def leads_to_transcript(link: str, target: os.stat_result) -> bool:
    """Whether a link may be followed to its file: the target has a transcript's name and the link's own owner."""
    try:
        return os.path.realpath(link).endswith(LINES_SUFFIXES) and target.st_uid == os.lstat(link).st_uid
    except OSError:
        return False


def scan(roots: Sequence[Path | str]) -> Scan:
    """Find all files below the roots, in a fixed order, without opening any."""
    distinct = distinct_roots(roots)
    walks, problems = _walks(distinct)
    # Files that are actually below a root come before those that are only linked there.
    found = [list(walk.files()) for walk in walks]
    for files, walk in zip(found, walks, strict=True):
        files.extend(walk.linked_files())
        files.sort(key=lambda file: file.path)
        problems += walk.problems
    return Scan(
        tuple(valid_name(root.as_posix()) for root in distinct),
        tuple(chain.from_iterable(found)),
        tuple(problems),
    )


def transcripts(root: Path | str) -> Iterator[FoundFile]:
    """Find the transcripts below one root as `scan` does, one by one and in no particular order."""
    walks, _ = _walks(distinct_roots([root]))
    for walk in walks:
        for file in chain(walk.files(), walk.linked_files()):
            if file.table == TRANSCRIPT_TABLE:
                yield file


def _walks(roots: Iterable[Path]) -> tuple[list[_Walk], list[Problem]]:
    """Return a walk for each existing root; the folders above the roots count as seen."""
    walks: list[_Walk] = []
    problems: list[Problem] = []
    seen: set[_Identity] = set()
    for root in roots:
        if not root.is_dir():
            problems.append(Problem(str(root), None, "there is no such folder"))
            continue
        walks.append(_Walk(root, seen))
        for above in root.parents:
            with suppress(OSError):
                seen.add(_identity(above))
    return walks, problems


class _Link(NamedTuple):
    """A folder to walk: its names below the root, where it is, and the folders it stands for in logical paths."""

    names: tuple[str, ...]
    path: str
    place: tuple[str, ...]


class _Walk:
    """One walk below one root; folders seen before, here or in another walk, are left out.

    Links to folders are followed after everything reachable without them has been walked: so a folder reachable both
    ways is found at its real place, and one that is linked twice is found once. A link that leads upwards would be
    circular and is not followed.
    """

    def __init__(self, root: Path, seen: set[_Identity]) -> None:
        self.system_root = str(root)
        self.root = valid_name(root.as_posix())
        self.seen = seen
        self.problems: list[Problem] = []
        self.links: list[_Link] = []
        self.parts = root.parts
        above = PurePosixPath(root.as_posix()).parts
        # The root's own path from its `projects` on, if the root is inside one.
        self.above = tuple(above[above.index(_PROJECTS) :]) if _PROJECTS in above[-3:] else ()
        # A home in which no session was saved has no projects.
        self.is_home = any(Path(self.system_root, name).is_dir() for name in (_PROJECTS, SESSION_ENVIRONMENTS))

    def files(self) -> Iterator[FoundFile]:
        """Walk everything below the root itself."""
        yield from self._below(_Link((), self.system_root, self.above))

    def linked_files(self) -> Iterator[FoundFile]:
        """Walk the targets of links, ordered by name."""
        while self.links:
            links, self.links = sorted(self.links), []
            for link in links:
                here = os.path.realpath(os.path.dirname(link.path))  # noqa: PTH120 - names need not be valid text
                target = Path(os.path.realpath(link.path))
                if target not in (Path(here), *Path(here).parents):
                    yield from self._below(link._replace(place=self._place_of(link, target)))

    @staticmethod
    def _place_of(link: _Link, target: Path) -> tuple[str, ...]:
        """Return the folders that a linked folder stands for: those of its real place, whatever the link's name.

        So its files get the same path as if the folder had been found without the link.
        """
        if link.names[-1] == _PROJECTS:
            return link.place
        if _PROJECTS in target.parts:
            return target.parts[target.parts.index(_PROJECTS) :]
        return (*link.place[:-1], target.name)

    def _below(self, start: _Link) -> Iterator[FoundFile]:
        pending = [(start.path, start.names)]
        while pending:
            folder, names = pending.pop()
            place = (*start.place, *names[len(start.names) :])
            try:
                identity = _identity(folder)
                if identity in self.seen:
                    continue
                self.seen.add(identity)
                with os.scandir(folder) as entries:
                    if holds_environments((*self.parts, *names), is_home=self.is_home and len(names) == 1):
                        yield from self._environments(entries, names)
                        continue
                    for entry in entries:
                        if not self._is_folder(entry):
                            if found := self._taken(entry, names, place):
                                yield found
                        elif not is_skipped(
                            (*self.parts, *names), entry.name, is_home=self.is_home and not names
                        ):
                            if entry.is_symlink():
                                link = _Link((*names, entry.name), entry.path, (*place, entry.name))
                                self.links.append(link)
                            else:
                                pending.append((entry.path, (*names, entry.name)))
            except OSError as error:
                self.problems.append(
                    Problem(valid_name(folder), None, f"cannot be listed: {reason_of(error)}")
                )

    def _environments(self, entries: Iterable[os.DirEntry[str]], names: tuple[str, ...]) -> Iterator[FoundFile]:
        """The environments of sessions: what is in them may be secret, so nothing in them is listed."""
        for entry in entries:
            if is_session_id(entry.name) and entry.is_dir(follow_symlinks=False):
                stamp = stamp_of(entry.stat(follow_symlinks=False))._replace(size=0)
                path = valid_name("/".join((*names, entry.name)))
                yield FoundFile(
                    self.root, path, entry.path, Kind.SESSION_ENVIRONMENT, environment_path(entry.name), stamp,
                    table=None, is_name_only=True,
                )  # fmt: skip

    @staticmethod
    def _is_folder(entry: os.DirEntry[str]) -> bool:
        try:
            return entry.is_dir()
        except OSError:
            return False

    def _taken(
        self, entry: os.DirEntry[str], names: tuple[str, ...], place: tuple[str, ...]
    ) -> FoundFile | None:
        name = entry.name
        folders = (*self.above, *names)
        kind = classify(folders, name)
        if kind is None or is_set_aside(name):
            return None
        try:
            status = entry.stat()
        except OSError as error:
            self.problems.append(Problem(valid_name(entry.path), None, f"cannot be read: {reason_of(error)}"))
            return None
        if not stat.S_ISREG(status.st_mode):  # a pipe, a socket, a link to a folder
            return None
        if entry.is_symlink() and not leads_to_transcript(entry.path, status):
            self.problems.append(Problem(valid_name(entry.path), None, NO_TRANSCRIPT))
            return None
        return FoundFile(
            self.root,
            valid_name("/".join((*names, name))),
            entry.path,
            kind,
            valid_name(logical_path(place, name, kind)),
            stamp_of(status),
            LINE_TABLES.get(kind),
            kind in HOME_WIDE,
        )


def _identity(folder: str | Path) -> _Identity:
    """Return the identity of a folder, independent of the name that leads to it."""
    status = os.stat(folder)  # noqa: PTH116 - names need not be valid text
    return (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(folder)
