"""A polite look at each source.

Nothing here runs by itself: `agent-store check` asks the network, a build never does. Every request has a timeout, a
user agent and a place in line behind others to the same host; what fails is tried again, later each time, and the
whole check ends within the time it was given. Of an environment variable only its name and a salted hash are kept.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from ingest import git
from ingest.files import read_beginning, reason_of
from ingest.sources.databases import schema_of
from ingest.sources.hosts import Host, InLine, OutOfTimeError
from ingest.sources.pages import page_text
from ingest.sources.source import Source, Target
from ingest.text import content_digest, decoded, natural_order, one_line
from ingest.warehouse import Row, from_timestamp, utc_now

if TYPE_CHECKING:
    import httpx

USER_AGENT: Final = "agent-store/0.1 (freshness check; one request per page)"
MOST_BYTES: Final = 5 * 1024 * 1024
MOST_KEPT: Final = 1024 * 1024
_SERVER_ERROR: Final = 500
_CLIENT_ERROR: Final = 400
_TOO_MANY: Final = 429
_NOT_MODIFIED: Final = 304
_MOVED: Final = (301, 308)


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
        check_id = content_digest(
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
        self.hosts: dict[str, Host] = {}
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
            seen = Seen(source, target, "failed", at, error=f"{type(error).__name__}: {one_line(error)}")
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
            except OutOfTimeError as error:
                seen = Seen(source, target, "timeout", utc_now(), error=str(error))
            except httpx.TooManyRedirects:
                seen = Seen(
                    source, target, "failed", utc_now(), error=f"more than {self.limits.redirects} redirects"
                )
            except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
                seen = Seen(source, target, "failed", utc_now(), error=f"not an address: {one_line(error)}")
            except httpx.HTTPError as error:
                seen = Seen(
                    source, target, "failed", utc_now(), error=f"{type(error).__name__}: {one_line(error)}"
                )
                pause = self.limits.back_off_seconds * 2 ** (attempt - 1)
            is_last = attempt >= self.limits.attempts or pause is None or time.monotonic() + pause >= end
            if is_last:
                kept_version = (
                    None if seen.status_code is None or seen.status_code >= _CLIENT_ERROR else seen.version
                )
                return self.judged(replace(seen, attempts=attempt, version=kept_version))
            time.sleep(pause or 0)

    def in_line(self, address: str, end: float) -> InLine:
        host = (urlsplit(address).netloc or address).lower()
        with self.lock:
            line = self.hosts.setdefault(host, Host(threading.Semaphore(self.limits.per_host)))
        return InLine(line, self.limits.host_pause_seconds, end)

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
            text, whole = page_text(
                data, response.headers.get("content-type", ""), response.encoding or "utf-8"
            )
            shown = content_digest(data if text is None else text)
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
        version = max(tags, key=lambda tag: natural_order(Path(tag)), default=None)
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
            return replace(seen, error=f"cannot be read: {reason_of(error)}")
        is_truncated = status.st_size > len(data)
        text, problem = decoded(data)
        digest = content_digest(data + (b"\0%d" % status.st_size if is_truncated else b""))
        return self.judged(
            replace(
                seen, is_available=True, last_modified=from_timestamp(status.st_mtime).isoformat(),
                content_hash=digest, content=None if problem else text, content_bytes=status.st_size,
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
            return replace(seen, error=f"cannot be opened: {one_line(error)}")
        return self.judged(replace(seen, is_available=True, content_hash=content_digest(ddl), content=ddl,
                                   content_bytes=len(ddl), version=version))  # fmt: skip


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
            raise OutOfTimeError("the answer did not end in time")
    return b"".join(parts), False


def _asked_pause(value: str | None) -> float | None:
    return min(float(value), 30.0) if value is not None and value.strip().isdigit() else None


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
