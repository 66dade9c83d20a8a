"""What skills and components depend on: the list of sources the user wrote, and a polite look at each of them.

Nothing here runs by itself: `agent-store check` asks the network, a build never does. Every request has a timeout, a
user agent and a place in line behind others to the same host; what fails is tried again, later each time, and the
whole check ends within the time it was given. Of an environment variable only its name and a salted hash are kept.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import md5, sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from ingest import contracts, git, yaml_text
from ingest.batches import Changes, Row, from_timestamp, utc_now
from ingest.files import read_beginning, read_regular

if TYPE_CHECKING:
    import duckdb
    import httpx

FILE_NAME: Final = "sources.yml"
USER_AGENT: Final = "agent-store/0.1 (freshness check; one request per page)"
MOST_BYTES: Final = 5 * 1024 * 1024
# A list is written by hand.
MOST_LIST_BYTES: Final = 1024 * 1024
MOST_FILES: Final = 10_000
_NETWORK: Final = frozenset({"https", "http", "ssh", "git"})
MOST_KEPT: Final = 1024 * 1024
_SERVER_ERROR: Final = 500
_CLIENT_ERROR: Final = 400
_TOO_MANY: Final = 429
_NOT_MODIFIED: Final = 304
_MOVED: Final = (301, 308)
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
    watched: contracts.Watched | None = None
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
            self.listed_in, is_listed, _digest(json.dumps(said, default=str)), reason, utc_now(),
        )  # fmt: skip


# ------------------------------------------------------------------------------------------- the list


def read_list(file: Path, inside: Path | None = None) -> list[Source]:
    """Read a list of sources. One that a project brings names what is `inside` of it; other entries are refused."""
    if inside is not None and not _is_inside(file, inside):
        raise SourcesError(f"{file} leads out of the project")
    try:
        loaded = yaml_text.load(read_regular(file, MOST_LIST_BYTES).decode("utf-8"), MOST_LIST_BYTES)
    except (OSError, UnicodeDecodeError, yaml_text.YamlError) as error:
        raise SourcesError(f"{file} cannot be read: {' '.join(str(error).split())[:200]}") from error
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
        fetched_contract=str(entry.get("contract") or contracts.Kind.OPENAPI) if is_fetched else None,
    )  # fmt: skip


def _guessed_type(entry: Mapping[str, Any]) -> str:
    if entry.get("env"):
        return "config"
    if entry.get("database"):
        return "schema"
    if entry.get("contract") == contracts.Kind.OPENAPI or entry.get("spec"):
        return "api"
    if entry.get("contract"):
        return "schema"
    if entry.get("health"):
        return "service"
    return "git" if str(entry.get("url") or "").endswith(".git") else "docs"


def _dependency_type(entry: Mapping[str, Any], kind: str) -> str:
    contract = str(entry.get("contract") or "")
    if contract in contracts.DEPENDENCY_TYPES:
        return contracts.DEPENDENCY_TYPES[contract]
    if kind == "config":
        return "env_var" if entry.get("env") else "config_file"
    return TYPES[kind][0]


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(str(one) for one in value) if isinstance(value, list) else ()


def _watched(
    entry: Mapping[str, Any], name: str, file: Path, inside: Path | None
) -> contracts.Watched | None:
    kind = entry.get("contract")
    given = (
        _texts(entry.get("versions"))
        or _texts(entry.get("spec"))
        or (_texts(entry.get("path")) if kind else ())
    )
    given = tuple(one for one in given if "://" not in one)
    if not given:
        return None
    kind = str(kind or contracts.Kind.OPENAPI)
    if kind not in {one.value for one in contracts.Kind}:
        raise SourcesError(
            f"{file}: {name}: contract {kind!r} is none of {', '.join(one.value for one in contracts.Kind)}"
        )
    files: list[Path] = []
    for pattern in given:
        found = (
            sorted(file.parent.glob(pattern), key=_natural)
            if _is_pattern(pattern)
            else [_place(pattern, file.parent)]
        )
        # What a pattern finds through links is not the project's own either.
        files += found if inside is None else [one for one in found if _is_inside(one, inside)]
        if len(files) > MOST_FILES:
            raise SourcesError(f"{file}: {name}: more than {MOST_FILES:,} files")
    return contracts.Watched(
        name=name, kind=kind, files=tuple(dict.fromkeys(files)), direction=str(entry.get("direction") or ""),
        dialect=str(entry.get("dialect") or ""), dependency_type=str(entry.get("dependency_type") or ""),
        use_git=entry.get("git_history") is not False,
    )  # fmt: skip


def _is_pattern(text: str) -> bool:
    return any(sign in text for sign in "*?[") and not text.startswith(("/", "~"))


def _natural(path: Path) -> tuple[object, ...]:
    """v2 before v10."""
    return tuple(
        (0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", path.as_posix())
    )


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


def list_changes(
    lists: Mapping[Path, Path | None], connection: duckdb.DuckDBPyConnection | None
) -> tuple[list[Source], Changes]:
    """Read the lists, each with the folder that it must not lead out of, if there is one.

    Returns what they name, and which entries are new, other than before, or gone.
    """
    changes = Changes()
    sources: list[Source] = []
    for file, inside in lists.items():
        try:
            sources += read_list(file, inside)
        except SourcesError as error:
            broken = Source(name=file.name, type="config", listed_in=str(file))
            _add_entry(changes, connection, broken.row(is_listed=False, reason=str(error)))
    names = {(source.name, source.listed_in) for source in sources}
    for source in sources:
        _add_entry(changes, connection, source.row(is_listed=source.refused is None, reason=source.refused))
    known = set(str(file) for file in lists)
    for row in _latest_entries(connection):
        name, listed_in, is_listed = row[0], row[8], row[9]
        is_broken = any(
            changed[8] == listed_in and changed[11] for changed in changes.rows.get("source_entry", [])
        )
        was_read = listed_in in known or not Path(str(listed_in)).exists()
        if is_listed and was_read and not is_broken and (name, listed_in) not in names:
            gone = Source(
                name=str(name),
                type=str(row[1]),
                listed_in=str(listed_in),
                url=row[3],
                owner=row[4],
                dependency_type=str(row[2]),
            )
            _add_entry(changes, connection, gone.row(is_listed=False))
    changes.files_seen = len(lists)
    return sources, changes


def _latest_entries(connection: duckdb.DuckDBPyConnection | None) -> list[tuple[Any, ...]]:
    if connection is None:
        return []
    return connection.execute(
        "select * exclude (_batch_id) from raw.source_entry "
        "qualify row_number() over (partition by source_name, listed_in order by _batch_id desc, listed_at desc) = 1"
    ).fetchall()


def _add_entry(changes: Changes, connection: duckdb.DuckDBPyConnection | None, row: Row) -> None:
    latest = {(entry[0], entry[8]): entry[10] for entry in _latest_entries(connection)}
    if latest.get((row[0], row[8])) != row[10]:
        changes.add("source_entry", row)
        changes.files_grown += 1
        changes.set_aside += row[11] is not None


def _digest(text: str) -> str:
    return md5(text.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()


# ------------------------------------------------------------------------------------------- looking


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a check may ask of others, and how long it may take."""

    seconds: float = 120.0
    seconds_per_target: float = 20.0
    connect_seconds: float = 5.0
    attempts: int = 3
    back_off_seconds: float = 0.5
    workers: int = 8
    per_host: int = 2
    host_pause_seconds: float = 0.2
    most_bytes: int = MOST_BYTES
    redirects: int = 5


@dataclass(frozen=True, slots=True)
class Before:
    """What the last look at a target found."""

    etag: str | None = None
    last_modified: str | None = None
    content_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look at a target found."""

    source: Source
    target: Target
    result: str  # first | unchanged | changed | moved | missing | failed | timeout | out_of_time
    checked_at: datetime
    is_available: bool = False
    status_code: int | None = None
    etag: str | None = None
    last_modified: str | None = None
    content_hash: str | None = None
    content: str | None = None
    content_bytes: int | None = None
    is_truncated: bool = False
    is_not_modified: bool = False
    redirected_to: str | None = None
    version: str | None = None
    response_time_ms: int | None = None
    attempts: int = 1
    error: str | None = None

    def row(self) -> Row:
        """The values of raw.source_check."""
        check_id = _digest(
            f"{self.source.name}\x1f{self.target.kind}\x1f{self.target.address}\x1f{self.checked_at}"
        )
        kept = (
            self.content
            if self.content is None or len(self.content) <= MOST_KEPT
            else self.content[:MOST_KEPT]
        )
        return (
            check_id, self.source.name, self.source.type, self.target.address, self.target.kind, self.checked_at,
            self.is_available, self.status_code, self.etag, self.last_modified, self.content_hash, kept,
            self.content_bytes, self.is_truncated, self.is_not_modified, self.redirected_to, self.version,
            self.response_time_ms, self.attempts, self.result, self.error,
        )  # fmt: skip


def last_checks(connection: duckdb.DuckDBPyConnection | None) -> dict[tuple[str, str], Before]:
    """What is known of each target from the last look that saw its content."""
    if connection is None:
        return {}
    return {
        (name, target): Before(etag, modified, content_hash)
        for name, target, etag, modified, content_hash in connection.execute(
            "select source_name, target, etag, last_modified, content_hash from raw.source_check "
            "where content_hash is not null "
            "qualify row_number() over (partition by source_name, target order by checked_at desc, _batch_id desc) = 1"
        ).fetchall()
    }


def check(
    sources: Sequence[Source],
    before: Mapping[tuple[str, str], Before],
    *,
    salt: bytes = b"",
    limits: Limits | None = None,
    on_seen: Callable[[Seen], None] | None = None,
) -> list[Seen]:
    """Look at every target of the sources, several at a time, within the time that is given."""
    return _Check(before, salt, limits or Limits(), on_seen).run(sources)


@dataclass(slots=True)
class _Host:
    """The line in front of one host."""

    places: threading.Semaphore
    lock: threading.Lock = field(default_factory=threading.Lock)
    free_at: float = 0.0


class _Check:
    """One check, from the first target to the last or to the end of its time."""

    def __init__(
        self,
        before: Mapping[tuple[str, str], Before],
        salt: bytes,
        limits: Limits,
        on_seen: Callable[[Seen], None] | None,
    ) -> None:
        self.before = before
        self.salt = salt
        self.limits = limits
        self.on_seen = on_seen
        self.deadline = time.monotonic() + limits.seconds
        self.hosts: dict[str, _Host] = {}
        self.lock = threading.Lock()
        self.client: httpx.Client | None = None

    def run(self, sources: Sequence[Source]) -> list[Seen]:
        tasks = [(source, target) for source in sources for target in source.targets]
        if any(target.kind in {"http", "health"} for _, target in tasks):
            self.client = _client(self.limits)
        found: dict[int, Seen] = {}
        pool = ThreadPoolExecutor(self.limits.workers, thread_name_prefix="check")
        futures: dict[Future[Seen], int] = {
            pool.submit(self.look, source, target): number for number, (source, target) in enumerate(tasks)
        }
        try:
            pending = set(futures)
            while pending:
                left = self.deadline - time.monotonic()
                done, pending = wait(pending, timeout=max(min(left, 0.5), 0.05))
                for future in done:
                    found[futures[future]] = self.told(future.result())
                if left <= 0:
                    break
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            if self.client is not None:
                self.client.close()
        for number, (source, target) in enumerate(tasks):
            if number not in found:
                seen = Seen(
                    source, target, "out_of_time", utc_now(), error=f"the {self.limits.seconds:g} s were over"
                )
                found[number] = self.told(seen)
        return [found[number] for number in range(len(tasks))]

    def told(self, seen: Seen) -> Seen:
        if self.on_seen is not None:
            self.on_seen(seen)
        return seen

    def look(self, source: Source, target: Target) -> Seen:
        """Look at one target; whatever goes wrong becomes its result."""
        started, at = time.monotonic(), utc_now()
        if started >= self.deadline:
            return Seen(source, target, "out_of_time", at, error=f"the {self.limits.seconds:g} s were over")
        looks: dict[str, Callable[[Source, Target], Seen]] = {
            "http": self.page, "health": self.page, "git": self.git, "file": self.file, "env": self.variable,
            "database": self.database,
        }  # fmt: skip
        if source.refused is not None:
            return Seen(source, target, "failed", at, error=source.refused)
        try:
            seen = looks[target.kind](source, target)
        except Exception as error:
            seen = Seen(source, target, "failed", at, error=f"{type(error).__name__}: {_short(error)}")
        if seen.response_time_ms is None:
            seen = replace(seen, response_time_ms=round((time.monotonic() - started) * 1000))
        return replace(seen, checked_at=at)

    def judged(self, seen: Seen) -> Seen:
        """Say whether what was seen is new."""
        before = self.before.get((seen.source.name, seen.target.address))
        if not seen.is_available or seen.content_hash is None:
            return seen
        if seen.result == "moved":
            return seen
        if before is None or before.content_hash is None:
            return replace(seen, result="first")
        return replace(seen, result="unchanged" if before.content_hash == seen.content_hash else "changed")

    # --- pages

    def page(self, source: Source, target: Target) -> Seen:
        """A conditional GET, tried again where that may help."""
        import httpx

        before = self.before.get((source.name, target.address), Before())
        end = min(time.monotonic() + self.limits.seconds_per_target, self.deadline)
        attempt = 0
        seen = Seen(source, target, "failed", utc_now())
        while True:
            attempt += 1
            pause: float | None = None
            try:
                with self.in_line(target.address, end):
                    seen = self.fetched(source, target, before, end)
                if seen.status_code is not None and (
                    seen.status_code >= _SERVER_ERROR or seen.status_code == _TOO_MANY
                ):
                    pause = _asked_pause(seen.version)
                    pause = self.limits.back_off_seconds * 2 ** (attempt - 1) if pause is None else pause
            except httpx.TimeoutException:
                seen = Seen(source, target, "timeout", utc_now(), error="no answer in time")
                pause = self.limits.back_off_seconds * 2 ** (attempt - 1)
            except _OutOfTimeError as error:
                seen = Seen(source, target, "timeout", utc_now(), error=str(error))
            except httpx.TooManyRedirects:
                seen = Seen(
                    source, target, "failed", utc_now(), error=f"more than {self.limits.redirects} redirects"
                )
            except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
                seen = Seen(source, target, "failed", utc_now(), error=f"not an address: {_short(error)}")
            except httpx.HTTPError as error:
                seen = Seen(
                    source, target, "failed", utc_now(), error=f"{type(error).__name__}: {_short(error)}"
                )
                pause = self.limits.back_off_seconds * 2 ** (attempt - 1)
            is_last = attempt >= self.limits.attempts or pause is None or time.monotonic() + pause >= end
            if is_last:
                kept_version = (
                    None if seen.status_code is None or seen.status_code >= _CLIENT_ERROR else seen.version
                )
                return self.judged(replace(seen, attempts=attempt, version=kept_version))
            time.sleep(pause or 0)

    def in_line(self, address: str, end: float) -> _InLine:
        host = (urlsplit(address).netloc or address).lower()
        with self.lock:
            line = self.hosts.setdefault(host, _Host(threading.Semaphore(self.limits.per_host)))
        return _InLine(line, self.limits.host_pause_seconds, end)

    def fetched(self, source: Source, target: Target, before: Before, end: float) -> Seen:
        headers = {}
        if before.etag and target.kind == "http":
            headers["If-None-Match"] = before.etag
        if before.last_modified and target.kind == "http":
            headers["If-Modified-Since"] = before.last_modified
        assert self.client is not None
        started = time.monotonic()
        with self.client.stream("GET", target.address, headers=headers) as response:
            elapsed = round((time.monotonic() - started) * 1000)
            moved = any(one.status_code in _MOVED for one in response.history)
            seen = Seen(
                source, target, "failed", utc_now(), status_code=response.status_code,
                etag=response.headers.get("etag"), last_modified=response.headers.get("last-modified"),
                redirected_to=str(response.url) if response.history else None, response_time_ms=elapsed,
                version=response.headers.get("retry-after"),
            )  # fmt: skip
            if response.status_code == _NOT_MODIFIED:
                return replace(seen, result="unchanged", is_available=True, is_not_modified=True,
                               content_hash=before.content_hash, etag=seen.etag or before.etag,
                               last_modified=seen.last_modified or before.last_modified)  # fmt: skip
            if response.status_code >= _CLIENT_ERROR:
                missing = response.status_code in {404, 410}
                return replace(
                    seen, result="missing" if missing else "failed", error=f"status {response.status_code}"
                )
            data, is_truncated = _read(response, self.limits.most_bytes, end)
            text, whole = _page_text(
                data, response.headers.get("content-type", ""), response.encoding or "utf-8"
            )
            shown = _digest(text) if text is not None else md5(data, usedforsecurity=False).hexdigest()
            size = response.headers.get("content-length")
            return replace(
                seen, result="moved" if moved else "changed", is_available=True, content_hash=shown,
                content=text, is_truncated=is_truncated or not whole,
                content_bytes=int(size) if is_truncated and size and size.isdigit() else len(data), version=None,
            )  # fmt: skip

    # --- everything else

    def git(self, source: Source, target: Target) -> Seen:
        """The commit at the head of a repository, and its newest tag."""
        seen = Seen(source, target, "failed", utc_now())
        seconds = min(self.limits.seconds_per_target, max(self.deadline - time.monotonic(), 0.1))
        address = target.address
        if "://" not in address and "@" not in address:
            folder = Path(address)
            head = git.head_of(folder)
            if head is None:
                return replace(seen, result="missing", error="there is no git repository")
            tag = git.answer(folder, ["describe", "--tags", "--abbrev=0"], seconds=seconds, with_tags=True)
            version = tag.decode("utf-8", "replace").strip() if tag else None
            return self.judged(
                replace(seen, is_available=True, etag=head, content_hash=head, version=version)
            )
        if address.startswith("-"):
            return replace(seen, error="not an address")
        answer = git.remote_references(address, seconds)
        if answer is None:
            return replace(seen, error="git ls-remote failed or took too long")
        lines = [
            line.split("\t", 1) for line in answer.decode("utf-8", "replace").splitlines() if "\t" in line
        ]
        head = next((commit for commit, reference in lines if reference == "HEAD"), None)
        tags = [reference.removeprefix("refs/tags/") for _, reference in lines if reference.startswith("refs/tags/")
                and not reference.endswith("^{}")]  # fmt: skip
        version = max(tags, key=lambda tag: _natural(Path(tag)), default=None)
        if head is None:
            return replace(seen, result="missing", error="the repository has no HEAD")
        return self.judged(replace(seen, is_available=True, etag=head, content_hash=head, version=version))

    def file(self, source: Source, target: Target) -> Seen:
        """A file on this machine."""
        seen = Seen(source, target, "failed", utc_now())
        path = Path(target.address)
        try:
            status = path.stat()
            data, _ = read_beginning(path, self.limits.most_bytes)
        except FileNotFoundError:
            return replace(seen, result="missing", error="there is no such file")
        except OSError as error:
            return replace(seen, error=f"cannot be read: {error.strerror or error}")
        is_truncated = status.st_size > len(data)
        text, problem = contracts.decoded(data)
        digest = md5(data + (b"\0%d" % status.st_size if is_truncated else b""), usedforsecurity=False)
        return self.judged(
            replace(
                seen, is_available=True, last_modified=from_timestamp(status.st_mtime).isoformat(),
                content_hash=digest.hexdigest(), content=None if problem else text, content_bytes=status.st_size,
                is_truncated=is_truncated,
            )
        )  # fmt: skip

    def variable(self, source: Source, target: Target) -> Seen:
        """An environment variable: whether it is set, and whether it is the same as before – never what it is."""
        value = os.environ.get(target.address)
        seen = Seen(source, target, "failed", utc_now())
        if value is None:
            return replace(seen, result="missing", error="not set")
        digest = sha256(self.salt + value.encode("utf-8", "surrogateescape")).hexdigest()[:32]
        return self.judged(replace(seen, is_available=True, content_hash=digest))

    def database(self, source: Source, target: Target) -> Seen:
        """The DDL of a SQLite or DuckDB file."""
        seen = Seen(source, target, "failed", utc_now())
        path = Path(target.address)
        if not path.is_file():
            return replace(seen, result="missing", error="there is no such file")
        try:
            ddl, version = schema_of(path)
        except (OSError, sqlite3.Error, RuntimeError, ValueError) as error:
            return replace(seen, error=f"cannot be opened: {_short(error)}")
        return self.judged(replace(seen, is_available=True, content_hash=_digest(ddl), content=ddl,
                                   content_bytes=len(ddl), version=version))  # fmt: skip


class _OutOfTimeError(Exception):
    """The time for one target is over."""


class _InLine:
    """A place in the line in front of a host: so many at a time, and a pause between two."""

    def __init__(self, line: _Host, pause: float, end: float) -> None:
        self.line = line
        self.pause = pause
        self.end = end

    def __enter__(self) -> None:
        if not self.line.places.acquire(timeout=max(self.end - time.monotonic(), 0.01)):
            raise _OutOfTimeError("waited in vain for its turn at the host")
        with self.line.lock:
            now = time.monotonic()
            start = max(now, self.line.free_at)
            self.line.free_at = start + self.pause
        if start >= self.end:
            self.line.places.release()
            raise _OutOfTimeError("waited in vain for its turn at the host")
        time.sleep(max(start - now, 0))

    def __exit__(self, *_: object) -> None:
        self.line.places.release()


def _client(limits: Limits) -> httpx.Client:
    import httpx

    return httpx.Client(
        headers={"User-Agent": USER_AGENT, "Accept": "text/html,text/markdown,application/json,*/*;q=0.5"},
        timeout=httpx.Timeout(
            limits.seconds_per_target / 2, connect=limits.connect_seconds, pool=limits.seconds
        ),
        follow_redirects=True,
        max_redirects=limits.redirects,
        limits=httpx.Limits(max_connections=limits.workers * 2),
    )


def _read(response: httpx.Response, most: int, end: float) -> tuple[bytes, bool]:
    """The body, as far as it may be read; an answer that trickles does not hold the check up."""
    parts: list[bytes] = []
    size = 0
    for part in response.iter_bytes():
        parts.append(part[: most - size])
        size += len(part)
        if size >= most:
            return b"".join(parts), True
        if time.monotonic() >= end:
            raise _OutOfTimeError("the answer did not end in time")
    return b"".join(parts), False


def _asked_pause(value: str | None) -> float | None:
    return min(float(value), 30.0) if value is not None and value.strip().isdigit() else None


def _short(error: object) -> str:
    return " ".join(str(error).split())[:200]


class _VisibleText(HTMLParser):
    """The text of a page as a reader sees it: scripts, styles and what changes with each visit are left out."""

    hidden = frozenset({"script", "style", "noscript", "template", "svg", "nav", "head", "iframe"})
    blocks = frozenset(
        {"p", "div", "li", "ul", "ol", "tr", "td", "th", "table", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "section",
         "article", "br", "dt", "dd", "blockquote", "main", "header", "footer"}
    )  # fmt: skip

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self.hidden:
            self.depth += 1
        elif tag in self.blocks:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self.hidden:
            self.depth = max(self.depth - 1, 0)
        elif tag in self.blocks:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self.depth:
            self.parts.append(data)


def visible_text(page: str) -> str:
    """The text of an HTML page, one line per block."""
    parser = _VisibleText()
    with suppress(AssertionError, ValueError):
        parser.feed(page)
        parser.close()
    lines = (" ".join(line.split()) for line in "".join(parser.parts).splitlines())
    return "\n".join(line for line in lines if line)


def _page_text(data: bytes, content_type: str, encoding: str) -> tuple[str | None, bool]:
    """The text of an answer, None where it is none, and whether all of it is kept."""
    kind = content_type.split(";", 1)[0].strip().lower()
    if b"\0" in data[:8192]:
        return None, True
    is_text = (
        not kind
        or kind.startswith("text/")
        or any(word in kind for word in ("json", "xml", "yaml", "javascript"))
    )
    if not is_text:
        return None, True
    try:
        text = data.decode(encoding, "replace")
    except LookupError:
        text = data.decode("utf-8", "replace")
    if "html" in kind or text.lstrip()[:15].lower().startswith(("<!doctype html", "<html")):
        text = visible_text(text)
    return text, True


def schema_of(path: Path) -> tuple[str, str | None]:
    """The statements that make the schema of a SQLite or DuckDB file, in a fixed order, and its version."""
    head, _ = read_beginning(path, 16)
    if head.startswith(b"SQLite format 3"):
        with closing(
            sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=2)
        ) as connection:
            rows = connection.execute(
                "select sql from sqlite_master where sql is not null and name not like 'sqlite_%' order by type desc, name"
            ).fetchall()
            version = connection.execute("pragma user_version").fetchone()
        return ";\n".join(str(sql) for (sql,) in rows) + ";", str(version[0]) if version else None
    import duckdb

    try:
        opened_duckdb = duckdb.connect(str(path), read_only=True)
    except duckdb.Error as error:
        raise RuntimeError(_short(error)) from error
    with closing(opened_duckdb) as found:
        statements = found.execute(
            "select sql from (select 0 as place, schema_name, table_name as name, sql from duckdb_tables() "
            "where not internal union all select 1, schema_name, view_name, sql from duckdb_views() where not internal) "
            "where sql is not null order by place, schema_name, name"
        ).fetchall()
    return "\n".join(str(sql).rstrip(";") + ";" for (sql,) in statements), None


def salt_of(home: Path) -> bytes:
    """The store's own salt, made at its first use."""
    file = home / "salt"
    with suppress(OSError):
        found = file.read_bytes()
        if found:
            return found
    made = secrets.token_bytes(32)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(made)
    return made


def changes_of(seen: Iterable[Seen], known: contracts.Known) -> Changes:
    """What a check lands: its rows, and versions of the contracts it fetched."""
    changes = Changes()
    for one in seen:
        if one.result == "out_of_time":  # nothing was seen
            continue
        changes.add("source_check", one.row())
        changes.files_seen += 1
        changes.files_grown += one.result in {"first", "changed", "moved"}
        changes.bytes_landed += one.content_bytes or 0
        version = contracts.Version((one.content or "",), one.target.address, "check", one.checked_at)
        if not one.is_available or one.content is None or one.is_truncated:
            continue
        name = one.source.name
        if one.source.fetched_contract and one.target == one.source.targets[0]:
            watched = contracts.Watched(name, one.source.fetched_contract, (), dependency_type="")
            contracts.add_version(changes, known, watched, version)
        elif one.target.kind == "database":
            head, _ = read_beginning(one.target.address, 15)
            dialect = "sqlite" if head == b"SQLite format 3" else "duckdb"
            watched = contracts.Watched(name, contracts.Kind.SQL_DDL, (), dialect=dialect)
            contracts.add_version(changes, known, watched, version)
    return changes
