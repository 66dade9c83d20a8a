"""Checks each source politely.

Nothing here runs by itself: `agent-store check` uses the network, a build never does. Every request has a timeout, a
user agent and a place in the queue for its host; failed requests are retried with growing delays, and the whole check
ends within its time limit. Of an environment variable only its name and a salted hash are kept.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from ingest import git
from ingest.files import read_beginning, reason_of
from ingest.sources.databases import schema_of
from ingest.sources.fetch import Fetcher
from ingest.sources.seen import Before, Limits, Seen
from ingest.sources.source import Source, Target
from ingest.text import content_digest, decoded, natural_order, one_line
from ingest.warehouse import from_timestamp, utc_now


def check(
    sources: Sequence[Source],
    before: Mapping[tuple[str, str], Before],
    *,
    salt: bytes = b"",
    limits: Limits | None = None,
    on_seen: Callable[[Seen], None] | None = None,
) -> list[Seen]:
    """Check every target of the sources, several at a time, within the time limit."""
    return _Check(before, salt, limits or Limits(), on_seen).run(sources)


class _Check:
    """One check, from the first target to the last or until the time is up."""

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
        self.fetcher: Fetcher | None = None

    def run(self, sources: Sequence[Source]) -> list[Seen]:
        tasks = [(source, target) for source in sources for target in source.targets]
        if any(target.kind in {"http", "health"} for _, target in tasks):
            self.fetcher = Fetcher(self.limits, self.deadline)
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
            if self.fetcher is not None:
                self.fetcher.client.close()
        for number, (source, target) in enumerate(tasks):
            if number not in found:
                seen = Seen(
                    source, target, "out_of_time", utc_now(), error=f"out of time after {self.limits.seconds:g} s"
                )
                found[number] = self.told(seen)
        return [found[number] for number in range(len(tasks))]

    def told(self, seen: Seen) -> Seen:
        if self.on_seen is not None:
            self.on_seen(seen)
        return seen

    def look(self, source: Source, target: Target) -> Seen:
        """Check one target; any error becomes its result."""
        started, at = time.monotonic(), utc_now()
        if started >= self.deadline:
            return Seen(source, target, "out_of_time", at, error=f"out of time after {self.limits.seconds:g} s")
        looks: dict[str, Callable[[Source, Target], Seen]] = {
            "http": self.page, "health": self.page, "git": self.git, "file": self.file, "env": self.variable,
            "database": self.database,
        }  # fmt: skip
        if source.refused is not None:
            return Seen(source, target, "failed", at, error=source.refused)
        before = self.before_of(source, target)
        try:
            seen = looks[target.kind](source, target).judged(before)
        except Exception as error:
            seen = Seen(source, target, "failed", at, error=f"{type(error).__name__}: {one_line(error)}")
        if seen.response_time_ms is None:
            seen = replace(seen, response_time_ms=round((time.monotonic() - started) * 1000))
        return replace(seen, checked_at=at)

    def before_of(self, source: Source, target: Target) -> Before:
        return self.before.get((source.name, target.address), Before())

    def page(self, source: Source, target: Target) -> Seen:
        """A page, or the health of a service."""
        assert self.fetcher is not None
        return self.fetcher.page(source, target, self.before_of(source, target))

    def git(self, source: Source, target: Target) -> Seen:
        """The commit at the head of a repository, and its newest tag."""
        seen = Seen(source, target, "failed", utc_now())
        seconds = min(self.limits.seconds_per_target, max(self.deadline - time.monotonic(), 0.1))
        address = target.address
        if "://" not in address and "@" not in address:
            folder = Path(address)
            head = git.head_of(folder)
            if head is None:
                return replace(seen, result="missing", error="not a git repository")
            tag = git.answer(folder, ["describe", "--tags", "--abbrev=0"], seconds=seconds, with_tags=True)
            version = tag.decode("utf-8", "replace").strip() if tag else None
            return replace(seen, is_available=True, etag=head, content_hash=head, version=version)
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
        return replace(seen, is_available=True, etag=head, content_hash=head, version=version)

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
        return replace(
            seen, is_available=True, last_modified=from_timestamp(status.st_mtime).isoformat(), content_hash=digest,
            content=None if problem else text, content_bytes=status.st_size, is_truncated=is_truncated,
        )  # fmt: skip

    def variable(self, source: Source, target: Target) -> Seen:
        """An environment variable: whether it is set, and whether it has changed – never its value."""
        value = os.environ.get(target.address)
        seen = Seen(source, target, "failed", utc_now())
        if value is None:
            return replace(seen, result="missing", error="not set")
        digest = sha256(self.salt + value.encode("utf-8", "surrogateescape")).hexdigest()[:32]
        return replace(seen, is_available=True, content_hash=digest)

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
        return replace(seen, is_available=True, content_hash=content_digest(ddl), content=ddl, content_bytes=len(ddl),
                       version=version)  # fmt: skip


def salt_of(home: Path) -> bytes:
    """The store's own salt, created at first use."""
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
