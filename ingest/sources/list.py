"""The list of what skills and components depend on, as the user or a project wrote it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ingest.contracts.elements import DEPENDENCY_TYPES, Kind
from ingest.contracts.versions import Watched
from ingest.files import read_regular
from ingest.text import YamlError, content_digest, load_yaml, natural_order, one_line
from ingest.warehouse import Row, utc_now

FILE_NAME: Final = "sources.yml"
# A list is written by hand.
MOST_LIST_BYTES: Final = 1024 * 1024
MOST_FILES: Final = 10_000
_NETWORK: Final = frozenset({"https", "http", "ssh", "git"})
# Type of a source: of the dependency behind it, and how it is looked at if nothing else is said.
TYPES: Final[dict[str, tuple[str, str]]] = {
    "docs": ("documentation", "http"),
    "git": ("git_repository", "git"),
    "api": ("api_endpoint", "http"),
    "schema": ("db_schema", "file"),
    "config": ("env_var", "file"),
    "service": ("external_service", "health"),
}


class SourcesError(ValueError):
    """The list of sources cannot be read; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to look at."""

    kind: str  # http | git | file | env | database | health
    address: str


@dataclass(frozen=True, slots=True)
class Source:
    """One entry of the list."""

    name: str
    type: str
    listed_in: str
    url: str | None = None
    owner: str | None = None
    dependency_type: str = ""
    targets: tuple[Target, ...] = ()
    skills: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    watched: Watched | None = None
    # A contract that is fetched instead of read from a file.
    fetched_contract: str | None = None
    # Why nothing that it names is looked at.
    refused: str | None = None

    def row(self, *, is_listed: bool = True, reason: str | None = None) -> Row:
        """The values of raw.source_entry."""
        pages = [target.address for target in self.targets]
        said = [self.name, self.type, self.url, self.owner, self.dependency_type, pages, self.skills, self.components,
                self.listed_in, is_listed, reason]  # fmt: skip
        return (
            self.name, self.type, self.dependency_type or TYPES.get(self.type, ("external_service", ""))[0],
            self.url, self.owner, json.dumps(pages), json.dumps(self.skills), json.dumps(self.components),
            self.listed_in, is_listed, content_digest(json.dumps(said, default=str)), reason, utc_now(),
        )  # fmt: skip


def read_list(file: Path, inside: Path | None = None) -> list[Source]:
    """Read a list of sources. One that a project brings names what is `inside` of it; other entries are refused."""
    if inside is not None and not _is_inside(file, inside):
        raise SourcesError(f"{file} leads out of the project")
    try:
        loaded = load_yaml(read_regular(file, MOST_LIST_BYTES).decode("utf-8"), MOST_LIST_BYTES)
    except (OSError, UnicodeDecodeError, YamlError) as error:
        raise SourcesError(f"{file} cannot be read: {one_line(error)}") from error
    entries = loaded.get("sources") if isinstance(loaded, dict) else loaded
    if entries is None:
        return []
    if not isinstance(entries, list):
        raise SourcesError(f"{file}: `sources` has to be a list")
    found: dict[str, Source] = {}
    for number, entry in enumerate(entries, start=1):
        source = _source(entry, number, file, inside)
        if source.name in found:
            raise SourcesError(f"{file}: there are two sources called {source.name!r}")
        found[source.name] = source
    return list(found.values())


_KNOWN_KEYS: Final = frozenset(
    {"name", "type", "url", "path", "pages", "skills", "components", "owner", "env", "database", "health", "contract",
     "spec", "versions", "direction", "dialect", "dependency_type", "git_history"}
)  # fmt: skip


def _is_inside(path: Path, folder: Path) -> bool:
    """Whether a path, its links followed, lies in a folder."""
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):
        return False


def _outside(entry: Mapping[str, Any], kind: str, base: Path, inside: Path) -> str | None:
    """The first file or repository that an entry names outside of a folder."""
    for key in ("path", "url", "pages", "database", "spec", "versions"):
        for text in _texts(entry.get(key)):
            scheme, mark, _ = text.partition("://")
            if mark and scheme.lower() in _NETWORK:
                continue
            if kind == "git" and not mark and "@" in text and key in {"url", "pages"}:
                continue  # a repository on another machine, as ssh writes it
            if mark or not _is_inside(_place(_fixed(text), base), inside):
                return text
            if ".." in Path(text).relative_to(_fixed(text)).parts:
                return text
    return None


def _fixed(text: str) -> str:
    """A path as it is; of a pattern the folders before its first sign. What it finds is looked at one by one."""
    if not _is_pattern(text):
        return text
    parts = itertools.takewhile(lambda part: not any(sign in part for sign in "*?["), Path(text).parts)
    return str(Path(*parts))


def _source(entry: object, number: int, file: Path, inside: Path | None = None) -> Source:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or not entry["name"].strip():
        raise SourcesError(f"{file}: source {number} has no name")
    name = entry["name"].strip()
    if any("\0" in text for value in entry.values() for text in _texts(value)):
        raise SourcesError(f"{file}: source {number} has a NUL in it")
    unknown = sorted(str(key) for key in set(entry) - _KNOWN_KEYS)
    if unknown:
        raise SourcesError(f"{file}: {name}: unknown key {', '.join(unknown)}")
    kind = str(entry.get("type") or _guessed_type(entry))
    if kind not in TYPES:
        raise SourcesError(f"{file}: {name}: type {kind!r} is none of {', '.join(TYPES)}")
    if inside is not None and (outside := _outside(entry, kind, file.parent, inside)) is not None:
        return Source(
            name=name, type=kind, listed_in=str(file), url=outside, targets=(Target("file", outside),),
            dependency_type=_dependency_type(entry, kind),
            refused=f"{outside} is outside of the project: only your own sources.yml may name it",
        )  # fmt: skip
    watched = _watched(entry, name, file, inside)
    spec = entry.get("spec")
    is_fetched = isinstance(spec, str) and "://" in spec
    targets = list(_targets(entry, kind, file.parent))
    if is_fetched:
        targets.insert(0, Target("http", str(spec)))
    if watched is not None:
        targets += [Target("file", str(one)) for one in watched.files[-1:]]
    url = entry.get("url") or (spec if is_fetched else None) or entry.get("health") or entry.get("path")
    return Source(
        name=name, type=kind, listed_in=str(file), url=str(url) if url else None,
        owner=str(entry["owner"]) if entry.get("owner") else None,
        dependency_type=str(entry.get("dependency_type") or _dependency_type(entry, kind)),
        targets=tuple(dict.fromkeys(targets)), skills=_texts(entry.get("skills")),
        components=_texts(entry.get("components")), watched=watched,
        fetched_contract=str(entry.get("contract") or Kind.OPENAPI) if is_fetched else None,
    )  # fmt: skip


def _guessed_type(entry: Mapping[str, Any]) -> str:
    if entry.get("env"):
        return "config"
    if entry.get("database"):
        return "schema"
    if entry.get("contract") == Kind.OPENAPI or entry.get("spec"):
        return "api"
    if entry.get("contract"):
        return "schema"
    if entry.get("health"):
        return "service"
    return "git" if str(entry.get("url") or "").endswith(".git") else "docs"


def _dependency_type(entry: Mapping[str, Any], kind: str) -> str:
    contract = str(entry.get("contract") or "")
    if contract in DEPENDENCY_TYPES:
        return DEPENDENCY_TYPES[contract]
    if kind == "config":
        return "env_var" if entry.get("env") else "config_file"
    return TYPES[kind][0]


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(str(one) for one in value) if isinstance(value, list) else ()


def _watched(entry: Mapping[str, Any], name: str, file: Path, inside: Path | None) -> Watched | None:
    kind = entry.get("contract")
    given = (
        _texts(entry.get("versions"))
        or _texts(entry.get("spec"))
        or (_texts(entry.get("path")) if kind else ())
    )
    given = tuple(one for one in given if "://" not in one)
    if not given:
        return None
    kind = str(kind or Kind.OPENAPI)
    if kind not in {one.value for one in Kind}:
        raise SourcesError(
            f"{file}: {name}: contract {kind!r} is none of {', '.join(one.value for one in Kind)}"
        )
    files: list[Path] = []
    for pattern in given:
        found = (
            sorted(file.parent.glob(pattern), key=natural_order)
            if _is_pattern(pattern)
            else [_place(pattern, file.parent)]
        )
        # What a pattern finds through links is not the project's own either.
        files += found if inside is None else [one for one in found if _is_inside(one, inside)]
        if len(files) > MOST_FILES:
            raise SourcesError(f"{file}: {name}: more than {MOST_FILES:,} files")
    return Watched(
        name=name, kind=kind, files=tuple(dict.fromkeys(files)), direction=str(entry.get("direction") or ""),
        dialect=str(entry.get("dialect") or ""), dependency_type=str(entry.get("dependency_type") or ""),
        use_git=entry.get("git_history") is not False,
    )  # fmt: skip


def _is_pattern(text: str) -> bool:
    return any(sign in text for sign in "*?[") and not text.startswith(("/", "~"))


def _place(text: str, base: Path) -> Path:
    path = Path(text).expanduser()
    return path if path.is_absolute() else base / path


def _targets(entry: Mapping[str, Any], kind: str, base: Path) -> Iterator[Target]:
    default = TYPES[kind][1]
    for address in (*_texts(entry.get("url")), *_texts(entry.get("pages"))):
        if kind == "git" or address.endswith(".git"):
            yield Target("git", address if "://" in address or "@" in address else str(_place(address, base)))
        elif "://" in address:
            yield Target("health" if default == "health" else "http", address)
        else:
            yield Target("file", str(_place(address, base)))
    if not entry.get("contract"):
        for address in _texts(entry.get("path")):
            place = _place(address, base)
            yield Target("git" if kind == "git" else "file", str(place))
    for address in _texts(entry.get("health")):
        yield Target("health", address)
    for name in _texts(entry.get("env")):
        yield Target("env", name)
    for address in _texts(entry.get("database")):
        yield Target("database", str(_place(address, base)))
