"""The memory of each file: a row of raw.source_file, and one of raw.file_location for each place."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from ingest.chain import SEALED, row_hashes, salts
from ingest.files import Stamp
from ingest.landing.lines import digest


@dataclass(slots=True)
class SourceFile:
    """One row of raw.source_file: one generation of a file, wherever its copies are."""

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
    row_salt: int | None = None
    row_hash: bytes | None = None
    tail: bytes | None = field(default=None, compare=False)  # known while the file is being landed

    def row(self) -> tuple[object, ...]:
        """Return the values of the table's columns."""
        tail_hash = self.tail_hash if self.tail is None else digest(self.tail)
        return (
            self.file_id, self.kind, self.host, self.root, self.path, self.logical_path, self.generation,
            self.previous_file_id, self.size_bytes, self.modified_at, self.read_bytes, self.line_count,
            self.head_bytes, self.head_hash, tail_hash, self.is_open_ended, self.first_batch_id,
            self.batch_id, self.row_salt, self.row_hash,
        )  # fmt: skip

    def seal(self) -> bytes:
        """Hash the identity of the file, once its first batch is known; returns the hash."""
        sealed = SEALED["source_file"]
        (self.row_salt,) = salts(1)
        (self.row_hash,) = row_hashes(sealed, [[getattr(self, column)] for column in sealed.columns])
        return self.row_hash


@dataclass(frozen=True, slots=True)
class Location:
    """One row of raw.file_location: a place of a file, and its stamp when it was last read."""

    root: str
    path: str
    file_id: int | None
    stamp: Stamp
    vanished_at: datetime | None = None

    def row(self) -> tuple[object, ...]:
        """Return the values of the table's columns."""
        return (self.root, self.path, self.file_id, *self.stamp, self.vanished_at)
