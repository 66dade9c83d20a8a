"""The limits of a check, what was known before it, and what it found."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from ingest.sources.source import Source, Target
from ingest.text import content_digest
from ingest.warehouse import Row

MOST_BYTES: Final = 5 * 1024 * 1024
MOST_KEPT: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on the load and duration of a check."""

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
    """Findings of the last check of a target."""

    etag: str | None = None
    last_modified: str | None = None
    content_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """Findings of a check of a target."""

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

    def judged(self, before: Before) -> Seen:
        """Decide whether the finding is new."""
        if not self.is_available or self.content_hash is None or self.result == "moved":
            return self
        if before.content_hash is None:
            return replace(self, result="first")
        return replace(self, result="unchanged" if before.content_hash == self.content_hash else "changed")
