"""What is remembered of each file: a row of raw.source_file, and one of raw.file_location for each place."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from ingest.files import Stamp
from ingest.landing.lines import digest


@dataclass(slots=True)
class SourceFile:
    """One row of raw.source_file: a file in one generation, wherever its copies lie."""

    file_id: int
    kind: str
    host: str
    root: str
    path: str
    logical_path: str
    generation: int
    previous_file_id: int | None
    size_bytes: int
    modified_at: datetime
    read_bytes: int
    line_count: int
    head_bytes: int
    head_hash: str
    tail_hash: str
    is_open_ended: bool
    first_batch_id: int
    batch_id: int
    tail: bytes | None = field(default=None, compare=False)  # known while the file is being landed

    def row(self) -> tuple[object, ...]:
        """Return the values of the table's columns."""
        tail_hash = self.tail_hash if self.tail is None else digest(self.tail)
        return (
            self.file_id, self.kind, self.host, self.root, self.path, self.logical_path, self.generation,
            self.previous_file_id, self.size_bytes, self.modified_at, self.read_bytes, self.line_count,
            self.head_bytes, self.head_hash, tail_hash, self.is_open_ended, self.first_batch_id,
            self.batch_id,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Location:
    """One row of raw.file_location: a place of a file, and how the file looked when it was last read."""

    root: str
    path: str
    file_id: int | None
    stamp: Stamp
    vanished_at: datetime | None = None

    def row(self) -> tuple[object, ...]:
        """Return the values of the table's columns."""
        return (self.root, self.path, self.file_id, *self.stamp, self.vanished_at)
