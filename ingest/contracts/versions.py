"""The versions of a contract: in its files, in git history, and landed.

An unreadable document becomes a version without elements, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ingest import git
from ingest.contracts.elements import DEPENDENCY_TYPES, MOST_BYTES, ContractError, Direction, Field, Kind
from ingest.contracts.flatten import content_hash_of, flatten
from ingest.files import read_beginning, reason_of
from ingest.text import decoded, one_line
from ingest.warehouse import Changes, from_timestamp, utc_now

if TYPE_CHECKING:
    import duckdb

MOST_COMMITS: Final = 300


@dataclass(frozen=True, slots=True)
class Watched:
    """A contract in a list of sources, with the files that hold it, oldest version first."""

    name: str
    kind: str
    files: tuple[Path, ...]
    direction: str = ""
    dialect: str = ""
    dependency_type: str = ""
    use_git: bool = True


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a contract, with its text."""

    texts: tuple[str, ...]
    source_path: str
    origin: str
    released_at: datetime | None = None
    git_commit: str | None = None
    label: str | None = None
    problem: str | None = None


@dataclass(slots=True)
class Known:
    """The contracts already in the warehouse."""

    versions: dict[str, list[tuple[int, str, str | None]]] = field(default_factory=dict)
    hashes: set[str] = field(default_factory=set)

    @staticmethod
    def load(connection: duckdb.DuckDBPyConnection | None) -> Known:
        """Read it; empty if there is no warehouse yet."""
        known = Known()
        if connection is None:
            return known
        rows = connection.execute(
            "select contract_name, version_order, content_hash, git_commit from raw.contract_version "
            "order by contract_name, version_order"
        ).fetchall()
        for name, order, content_hash, commit in rows:
            known.versions.setdefault(name, []).append((order, content_hash, commit))
            known.hashes.add(content_hash)
        return known


def add_version(changes: Changes, known: Known, watched: Watched, version: Version) -> bool:
    """Add a version if it differs from the existing one; returns whether it was added."""
    direction = watched.direction or direction_of(watched.kind)
    content_hash = content_hash_of(watched.kind, direction, version.texts)
    there = known.versions.setdefault(watched.name, [])
    if there and there[-1][1] == content_hash:
        return False
    if version.git_commit is not None and any(commit == version.git_commit for _, _, commit in there):
        return False
    reason, label = version.problem, version.label
    fields: tuple[Field, ...] = ()
    if reason is None:
        try:
            flat = flatten(watched.kind, version.texts, direction=watched.direction, dialect=watched.dialect)
        except ContractError as error:
            reason = str(error)
        except (RecursionError, TypeError, ValueError, AttributeError, KeyError) as error:
            reason = f"cannot be parsed: {one_line(error)}"
        else:
            fields, label = flat.fields, version.label or flat.version_label
    order = there[-1][0] + 1 if there else 1
    size = sum(len(text.encode("utf-8", "replace")) for text in version.texts)
    changes.add(
        "contract_version",
        (watched.name, watched.kind, watched.dependency_type or DEPENDENCY_TYPES.get(watched.kind, "external_service"),
         direction, version.origin, version.source_path, None, None, version.git_commit, label, order,
         content_hash, size, len(fields), version.released_at, reason, utc_now()),
    )  # fmt: skip
    if content_hash not in known.hashes:
        for element in fields:
            changes.add("contract_field", element.row(content_hash))
    known.hashes.add(content_hash)
    there.append((order, content_hash, version.git_commit))
    changes.files_grown += 1
    changes.set_aside += reason is not None
    changes.bytes_landed += size
    return True


def direction_of(kind: str) -> str:
    return Direction.STORAGE if kind in (Kind.SQL_DDL, Kind.SQL_MIGRATIONS) else Direction.REQUEST


def read_versions(watched: Watched) -> Iterator[Version]:
    """The versions of a contract's files: their git history, then their current state."""
    if watched.kind == Kind.SQL_MIGRATIONS:
        texts: list[str] = []
        for file in watched.files:
            version = _from_file(file)
            texts += version.texts
            yield replace(version, texts=tuple(texts), label=file.stem)
        return
    is_single = len(watched.files) == 1
    for file in watched.files:
        if watched.use_git and is_single:
            yield from git_versions(file)
        version = _from_file(file)
        yield version if is_single or version.problem else replace(version, released_at=None)


def _from_file(file: Path) -> Version:
    try:
        status = file.stat()
        data, size = read_beginning(file, MOST_BYTES)
    except OSError as error:
        return Version((), str(file), "file", problem=f"cannot be read: {reason_of(error)}")
    if size > MOST_BYTES:
        return Version(
            (f"{size}",), str(file), "file", problem=f"larger than {MOST_BYTES // 1024 // 1024} MiB"
        )
    text, problem = decoded(data)
    return Version((text,), str(file), "file", from_timestamp(status.st_mtime), problem=problem)


def git_versions(file: Path) -> Iterator[Version]:
    """The versions of a file in git, oldest first. Empty if it is not in a repository."""
    folder = git.repository_of(file)
    if folder is None:
        return
    try:
        name = file.resolve().relative_to(folder).as_posix()
    except ValueError:
        return
    listed = git.answer(folder, ["log", f"-n{MOST_COMMITS}", "--reverse", "--format=%H %ct", "--no-renames",
                                 "--no-ext-diff", "--no-textconv", "--", f":(literal){name}"])  # fmt: skip
    times: dict[str, tuple[str, int]] = {}
    for line in (listed or b"").decode("ascii", "replace").splitlines():
        commit, _, seconds = line.partition(" ")
        times[f"{commit}:{name}"] = commit, int(seconds or 0)
    for asked, data in git.blobs(folder, list(times), MOST_BYTES):
        text, problem = decoded(data)
        commit, written = times[asked]
        yield Version((text,), str(file), "git", from_timestamp(written), commit, problem=problem)
