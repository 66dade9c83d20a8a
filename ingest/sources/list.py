"""The list of what skills and components depend on, as written by the user or a project."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ingest.contracts.elements import Kind
from ingest.contracts.versions import Watched
from ingest.files import read_regular
from ingest.sources.source import TYPES, Source, SourcesError, Target
from ingest.text import YamlError, load_yaml, natural_order, one_line

if TYPE_CHECKING:
    from ingest.sources.entry import Entry

FILE_NAME: Final = "sources.yml"
# A list is written by hand.
MOST_LIST_BYTES: Final = 1024 * 1024
MOST_FILES: Final = 10_000
_NETWORK: Final = frozenset({"https", "http", "ssh", "git"})


def read_list(file: Path, inside: Path | None = None) -> list[Source]:
    """Read a list of sources. A list from a project may only name files `inside` it; other entries are refused."""
    from ingest.sources.entry import checked_entries  # pydantic imports slowly: only where there is a list

    if inside is not None and not _is_inside(file, inside):
        raise SourcesError(f"{file} leads out of the project")
    try:
        loaded = load_yaml(read_regular(file, MOST_LIST_BYTES).decode("utf-8"), MOST_LIST_BYTES)
    except (OSError, UnicodeDecodeError, YamlError) as error:
        raise SourcesError(f"{file} cannot be read: {one_line(error)}") from error
    try:
        return [_source(entry, file, inside) for entry in checked_entries(loaded)]
    except SourcesError as error:
        raise SourcesError(f"{file}: {error}") from error


def _is_inside(path: Path, folder: Path) -> bool:
    """Whether a path, with links followed, is inside a folder."""
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):
        return False


def _outside(entry: Entry, base: Path, inside: Path) -> str | None:
    """The first file or repository in an entry that is outside a folder."""
    elsewhere = [(text, True) for text in (*entry.url, *entry.pages)]
    files = [(text, False) for text in (*entry.path, *entry.database, *entry.spec, *entry.versions)]
    for text, may_be_elsewhere in (*elsewhere, *files):
        scheme, mark, _ = text.partition("://")
        if mark and scheme.lower() in _NETWORK:
            continue
        if may_be_elsewhere and entry.kind == "git" and not mark and "@" in text:
            continue  # a repository on another machine, in ssh notation
        if mark or not _is_inside(_place(_fixed(text), base), inside):
            return text
        if ".." in Path(text).relative_to(_fixed(text)).parts:
            return text
    return None


def _fixed(text: str) -> str:
    """A path unchanged; for a pattern, the folders before its first wildcard. Each match is checked separately."""
    if not _is_pattern(text):
        return text
    parts = itertools.takewhile(lambda part: not any(sign in part for sign in "*?["), Path(text).parts)
    return str(Path(*parts))


def _source(entry: Entry, file: Path, inside: Path | None) -> Source:
    if inside is not None and (outside := _outside(entry, file.parent, inside)) is not None:
        return Source(
            name=entry.name, type=entry.kind, listed_in=str(file), url=outside, targets=(Target("file", outside),),
            dependency_type=entry.dependency,
            refused=f"{outside} is outside of the project: only your own sources.yml may name it",
        )  # fmt: skip
    watched = _watched(entry, file, inside)
    spec = entry.fetched_spec
    targets = list(_targets(entry, file.parent))
    if spec is not None:
        targets.insert(0, Target("http", spec))
    if watched is not None:
        targets += [Target("file", str(one)) for one in watched.files[-1:]]
    addresses = entry.url or ((spec,) if spec is not None else ()) or entry.health or entry.path
    return Source(
        name=entry.name, type=entry.kind, listed_in=str(file), url=addresses[0] if addresses else None,
        owner=entry.owner or None, dependency_type=entry.dependency, targets=tuple(dict.fromkeys(targets)),
        skills=entry.skills, components=entry.components, watched=watched,
        fetched_contract=entry.contract or Kind.OPENAPI if spec is not None else None,
    )  # fmt: skip


def _watched(entry: Entry, file: Path, inside: Path | None) -> Watched | None:
    if not entry.contract_files:
        return None
    files: list[Path] = []
    for pattern in entry.contract_files:
        found = _matching(pattern, file.parent)
        # Files that a pattern reaches through links are not the project's own either.
        files += found if inside is None else [one for one in found if _is_inside(one, inside)]
        if len(files) > MOST_FILES:
            raise SourcesError(f"{entry.name}: more than {MOST_FILES:,} files")
    return Watched(
        name=entry.name, kind=entry.contract or Kind.OPENAPI, files=tuple(dict.fromkeys(files)),
        direction=entry.direction, dialect=entry.dialect, dependency_type=entry.dependency_type,
        use_git=entry.git_history is not False,
    )  # fmt: skip


def _matching(pattern: str, base: Path) -> list[Path]:
    if not _is_pattern(pattern):
        return [_place(pattern, base)]
    try:
        return sorted(base.glob(pattern), key=natural_order)
    except (ValueError, NotImplementedError, OSError) as error:
        raise SourcesError(f"{pattern} is not a file pattern: {one_line(error)}") from error


def _is_pattern(text: str) -> bool:
    return any(sign in text for sign in "*?[") and not text.startswith(("/", "~"))


def _place(text: str, base: Path) -> Path:
    path = Path(text)
    with suppress(RuntimeError):  # the home of a user who has none here
        path = path.expanduser()
    return path if path.is_absolute() else base / path


def _targets(entry: Entry, base: Path) -> Iterator[Target]:
    for address in (*entry.url, *entry.pages):
        if entry.kind == "git" or address.endswith(".git"):
            yield Target("git", address if "://" in address or "@" in address else str(_place(address, base)))
        elif "://" in address:
            yield Target("health" if TYPES[entry.kind][1] == "health" else "http", address)
        else:
            yield Target("file", str(_place(address, base)))
    for address in () if entry.contract else entry.path:
        yield Target("git" if entry.kind == "git" else "file", str(_place(address, base)))
    yield from (Target("health", address) for address in entry.health)
    yield from (Target("env", name) for name in entry.env)
    yield from (Target("database", str(_place(address, base))) for address in entry.database)
