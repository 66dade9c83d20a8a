"""The one mechanism that lands files in the warehouse: read new content, split, insert, remember.

Lines and the memory of how far each file was read are written in one transaction. If a landing is killed at any
moment, the next one continues exactly where the last transaction ended.
"""

from __future__ import annotations

import os
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import md5
from io import BufferedReader
from itertools import accumulate, chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ingest.chain import SEALED, row_hashes, salts
from ingest.files import Stamp, open_regular, stamp_of
from ingest.landing.buffer import LineBuffer, kept_of
from ingest.landing.found import FoundFile, Problem, Scan, Split, changed_files
from ingest.landing.lines import (
    HEAD_CHECK_BYTES,
    MAX_LINE_BYTES,
    MIB,
    OVERLONG,
    READ_BYTES,
    TAIL_BYTES,
    Chunk,
    LineFile,
    Part,
    digest,
    tail_of,
    without_return,
)
from ingest.landing.memory import Location, SourceFile
from ingest.privacy import privacy
from ingest.privacy.folders import learn
from ingest.privacy.tombstones import session_of_file
from ingest.text import counted, is_binary
from ingest.warehouse import (
    WAIT_SECONDS,
    add_batch,
    from_timestamp,
    replace_rows,
    this_host,
    utc_now,
    writing,
)
from ingest.warehouse import LandingError as LandingError  # noqa: PLC0414 - what `land` raises

if TYPE_CHECKING:
    import duckdb


# A transaction ends at a full row group of the line table: DuckDB then writes it compressed once and never again.
# Later transactions would merge smaller ones, and so compress them again.
ROWS_PER_TRANSACTION: Final = 122_880
BYTES_PER_TRANSACTION: Final = 384 * MIB
# Of a document (usually a spilled tool result) this much is kept.
DOCUMENT_BYTES: Final = 4 * MIB
LISTED_PROBLEMS: Final = 1_000
_UNFINISHED_MTIME: Final = -1
# Called with files done, total files, bytes done, total bytes – of the changed files.
Progress = Callable[[int, int, int, int], None]


@dataclass(frozen=True, slots=True)
class LandingResult:
    """Result of one landing."""

    files_seen: int
    files_grown: int
    lines_landed: int
    lines_set_aside: int
    bytes_landed: int
    seconds: float
    last_batch_id: int
    problems: tuple[Problem, ...] = ()

    @property
    def summary(self) -> str:
        """Return it in one line."""
        text = (
            f"Landed {counted(self.lines_landed, 'line')} ({self.lines_set_aside:,} set aside): "
            f"{self.files_grown:,} of {counted(self.files_seen, 'file')} changed, in {self.seconds:.1f} s."
        )
        others = sum(1 for problem in self.problems if problem.line is None)
        return f"{text} {counted(others, 'problem')}." if others else text


def land_files(
    found: Scan,
    warehouse: Path,
    host: str | None = None,
    progress: Progress | None = None,
    *,
    wait_seconds: float = WAIT_SECONDS,
    on_wait: Callable[[str], None] | None = None,
) -> LandingResult:
    """Land all new content of the files in the warehouse, each line exactly once.

    `host` names the machine the files come from, if it is not this one. If another process has the warehouse open,
    this one waits; after a second `on_wait` is called with the reason (else it is logged). Problems with single files
    or lines are in the result; only a problem that stops everything raises LandingError.
    """
    started = time.perf_counter()
    with writing(Path(warehouse), wait_seconds, on_wait) as connection:
        run = _Run(connection, found, host or this_host(), progress)
        run.land()
    return run.result(time.perf_counter() - started)


@dataclass(slots=True)
class Tally:
    """Counts of a transaction, or of a run."""

    grown: set[int] = field(default_factory=set)
    rows: int = 0
    documents: int = 0
    set_aside: int = 0
    bytes: int = 0

    def add(self, other: Tally) -> None:
        """Add the numbers of a transaction to those of the run."""
        self.grown |= other.grown
        self.rows += other.rows
        self.documents += other.documents
        self.set_aside += other.set_aside
        self.bytes += other.bytes


class _Run:
    """One landing: from the scan to the last commit."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, found: Scan, host: str, progress: Progress | None
    ) -> None:
        self.connection = connection
        # Files of forgotten or expired sessions are treated as missing: not even their names are kept.
        tombstones = privacy.current().policy.forgotten
        self.scan = (
            replace(
                found,
                files=tuple(
                    file
                    for file in found.files
                    if not tombstones.why_file(file.kind, file.path, file.stamp.size, file.stamp.mtime_ns)
                ),
            )
            if tombstones
            else found
        )
        self.host = host
        self.progress = progress
        self.problems: list[Problem] = list(found.problems)
        self.unlisted = 0
        self.locations: dict[tuple[str, str], Location] = {}
        self.files: dict[int, SourceFile] = {}
        self.by_logical_path: dict[str, list[SourceFile]] = {}
        self.document_hashes: dict[int, set[str]] = {}
        self.last_batch_id = 0
        self.last_file_id = 0
        self.sessions: dict[int, str | None] = {}
        # Of the transaction:
        self.buffers = {
            table: LineBuffer(table, self.sessions)
            for table in sorted({file.table for file in found.files if file.table})
        }
        self.documents: list[tuple[object, ...]] = []
        self.document_size = 0
        self.hashes: list[bytes] = []
        self.changed_files: set[int] = set()
        self.changed_locations: set[tuple[str, str]] = set()
        self.tally = Tally()
        self.started_at = utc_now()
        # Of the run:
        self.total = Tally()
        self.files_done = 0
        self.files_total = 0
        self.bytes_done = 0
        self.bytes_total = 0

    def result(self, seconds: float) -> LandingResult:
        """Return the committed results."""
        problems = self.problems
        if self.unlisted:
            more = f"{counted(self.unlisted, 'more line')} set aside; see raw.transcript_line"
            problems = [*problems, Problem("…", None, more)]
        return LandingResult(
            files_seen=len(self.scan.files), files_grown=len(self.total.grown), lines_landed=self.total.rows,
            lines_set_aside=self.total.set_aside, bytes_landed=self.total.bytes, seconds=seconds,
            last_batch_id=self.last_batch_id, problems=tuple(problems),
        )  # fmt: skip

    def land(self) -> None:
        """Land all files that have changed."""
        self._load_locations()
        memory = {key: place.stamp for key, place in self.locations.items()}
        changed = changed_files(self.scan.files, memory)
        gone, returned = self._moved()
        if not changed and not gone and not returned:
            return
        self._load_files()
        if privacy.current().policy.changes_texts:
            learn(self.connection, {session_of_file(file.kind, file.path) for file in changed})
        self.connection.begin()
        for key in gone + returned:
            place = self.locations[key]
            self._remember(Location(*key, place.file_id, place.stamp, utc_now() if key in gone else None))
        planned = [self._new_bytes(file) for file in changed]
        self.files_total, self.bytes_total = len(changed), sum(planned)
        for file, size in zip(changed, planned, strict=True):
            before = self.bytes_done
            try:
                if file.is_name_only:
                    self._land_name(file)
                elif file.split is not None:
                    self._land_pieces(file, file.split)
                elif file.table is not None:
                    self._land_lines(file)
                else:
                    self._land_document(file)
            except OSError as error:
                self._report(file, None, f"cannot be read: {error.strerror or error}")
            self.files_done += 1
            self.bytes_done = before + size
            self._show_progress()
        self._commit()

    # ------------------------------------------------------------------------------------ remembering

    def _load_locations(self) -> None:
        rows = self._rows(
            "select root, path, file_id, size_bytes, mtime_ns, inode, vanished_at from raw.file_location"
        )
        for root, path, file_id, size, mtime_ns, inode, vanished_at in rows:
            stamp = Stamp(size, mtime_ns, inode)
            self.locations[root, path] = Location(root, path, file_id, stamp, vanished_at)
        self.last_batch_id = self._rows("select coalesce(max(batch_id), 0) from raw.batch")[0][0]

    def _load_files(self) -> None:
        # The number of an erased file is not reused: its hashes are in the chain.
        erased = "select coalesce(max(file_id), 0) from raw.erased_row where table_name = 'source_file'"
        self.last_file_id = int(self._rows(erased)[0][0])
        for row in self._rows(
            "select file_id, kind, host, root, path, logical_path, generation, previous_file_id, size_bytes, "
            "modified_at, read_bytes, line_count, head_bytes, head_hash, tail_hash, is_open_ended, "
            "first_batch_id, _batch_id, row_salt, row_hash from raw.source_file order by file_id"
        ):
            self._know(state := SourceFile(*row))
            if not state.first_batch_id:  # an earlier version did not seal it
                self.changed_files.add(state.file_id)

    def _know(self, state: SourceFile) -> None:
        self.files[state.file_id] = state
        self.sessions[state.file_id] = session_of_file(state.kind, state.path)
        self.by_logical_path.setdefault(state.logical_path, []).append(state)
        self.last_file_id = max(self.last_file_id, state.file_id)

    def _rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql, parameters).fetchall()

    def _moved(self) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        """Return the places whose file has vanished since, and those where it has reappeared."""
        present = {(file.root, file.path) for file in self.scan.files}
        returned = [key for key in present if (place := self.locations.get(key)) and place.vanished_at]
        if self.scan.problems:  # a file that could not be read has not vanished
            return [], sorted(returned)
        roots = set(self.scan.roots)
        gone = [
            key
            for key, place in self.locations.items()
            if place.root in roots and place.vanished_at is None and key not in present
        ]
        return sorted(gone), sorted(returned)

    def _new_bytes(self, file: FoundFile) -> int:
        place = self.locations.get((file.root, file.path))
        before = place.stamp.size if place and file.table is not None and file.split is None else 0
        return file.stamp.size - before if file.stamp.size > before else file.stamp.size

    def _remember(self, place: Location) -> None:
        self.locations[place.root, place.path] = place
        self.changed_locations.add((place.root, place.path))

    def _report(self, file: FoundFile, line: int | None, message: str) -> None:
        if line is not None and len(self.problems) >= LISTED_PROBLEMS:
            self.unlisted += 1
        else:
            self.problems.append(Problem(f"{file.root.rstrip('/')}/{file.path}", line, message))

    def _show_progress(self, beyond: int = 0) -> None:
        if self.progress is not None:
            done = min(self.bytes_done + beyond, self.bytes_total)
            self.progress(self.files_done, self.files_total, done, self.bytes_total)

    # ------------------------------------------------------------------------------------ files of lines

    def _land_lines(self, file: FoundFile) -> None:
        place = self.locations.get((file.root, file.path))
        with LineFile(file.system_path, is_archive=file.is_archive) as source:
            stamp = stamp_of(source.status, has_inode=file.stamp.inode != 0)
            state, chunks = self._continuation(file, place, source)
            if state is not None:
                # Until the end is reached the place counts as changed, so that the next run continues a killed one.
                unfinished = stamp._replace(mtime_ns=_UNFINISHED_MTIME)
                self._remember(Location(file.root, file.path, state.file_id, unfinished))
            end = self._take_chunks(state, chunks, str(file.table)) if state is not None else 0
            if source.damage:
                self._report(file, None, f"{source.damage}; the lines before the damage are landed")
            if source.shrank_below(end) or (state is not None and source.fell_short):
                self._report(file, None, "shrank while it was being read; the next run reads it again")
                return
            if state is not None and end:
                state.size_bytes = source.size
                state.modified_at = from_timestamp(stamp.mtime_ns / 1e9)
            file_id = state.file_id if state is not None else place.file_id if place is not None else None
            self._remember(Location(file.root, file.path, file_id, stamp))

    def _take_chunks(self, state: SourceFile, chunks: Iterator[Chunk], table: str) -> int:
        """Take all chunks; return the offset of the end of the last one, 0 if there was none."""
        end = taken = 0
        try:
            for chunk in chunks:
                self._add(state, chunk, table)
                end = chunk.offset + chunk.size
                taken += chunk.size
                self._show_progress(taken)
        finally:
            state.tail_hash = state.tail_hash if state.tail is None else digest(state.tail)
            state.tail = None
        return end

    def _continuation(
        self, file: FoundFile, place: Location | None, source: LineFile
    ) -> tuple[SourceFile | None, Iterator[Chunk]]:
        """Return the landed file that this one continues, or a new one, and the range to land.

        None if there is not even a first line yet.
        """
        known = self.files.get(place.file_id) if place and place.file_id is not None else None
        has_shrunk = False
        if place is not None and known is not None:
            has_shrunk = source.size < min(known.read_bytes, max(place.stamp.size, 0)) and not file.is_archive
            was_finished = place.stamp.mtime_ns != _UNFINISHED_MTIME
            is_touched = was_finished and source.status.st_size == place.stamp.size
            if self._goes_on(known, source) and not (is_touched and not self._is_landed(known, source, file)):
                return known, source.chunks(known.read_bytes)
        chunks = source.chunks(0)
        first = next(chunks, None)
        if first is None:
            return None, iter(())
        head = first.lines[0]
        head_hash = digest(head if not first.overlong_ending else head + b"%d" % first.size)
        namesakes = self.by_logical_path.get(file.logical_path, ())
        same = [state for state in namesakes if state.head_hash == head_hash]
        for state in sorted(same, key=lambda state: -state.generation):
            if state is not known and self._goes_on(state, source):
                return state, source.chunks(state.read_bytes)
            if source.size < state.read_bytes and not has_shrunk and self._is_landed(state, source, file):
                return state, iter(())
        before = max([*same, *([known] if known else [])], key=lambda state: state.generation, default=None)
        state = SourceFile(
            file_id=self.last_file_id + 1, kind=file.kind, host=self.host, root=file.root, path=file.path,
            logical_path=file.logical_path, generation=before.generation + 1 if before else 1,
            previous_file_id=before.file_id if before else None, size_bytes=source.size,
            modified_at=from_timestamp(source.status.st_mtime),
            read_bytes=0, line_count=0, head_bytes=len(head), head_hash=head_hash, tail_hash="",
            is_open_ended=False, first_batch_id=0, batch_id=0, tail=b"",
        )  # fmt: skip
        self._know(state)
        return state, chain([first], chunks)

    @staticmethod
    def _goes_on(state: SourceFile, source: LineFile) -> bool:
        """Whether the part of the file that was already read still has the same ending (and first line).

        If so, reading can continue.
        """
        if source.size < state.read_bytes:
            return False
        start = max(0, state.read_bytes - TAIL_BYTES)
        if start and state.head_bytes <= HEAD_CHECK_BYTES:
            head = source.read_at(0, state.head_bytes)
            if digest(head) != state.head_hash:
                return False
        tail = source.read_at(start, state.read_bytes - start + state.is_open_ended)
        line_feed = tail[state.read_bytes - start :]
        tail = tail[: state.read_bytes - start]
        if digest(tail) != state.tail_hash or line_feed not in (b"", b"\n"):
            return False
        state.tail = tail
        if line_feed:  # the last line of an archive is a complete line here
            state.read_bytes += 1
            state.is_open_ended = False
            state.tail = (tail + line_feed)[-TAIL_BYTES:]
        return True

    def _is_landed(self, state: SourceFile, source: LineFile, file: FoundFile) -> bool:
        """Whether every line of the file is already in the warehouse, compared one by one."""
        table = str(file.table)
        self._flush_lines(self.buffers[table])
        landed: dict[int, str | None] = dict(
            self._rows(
                "select line_number, "
                "case when count(*) = 1 and not bool_or(coalesce(set_aside_reason = ?, false)) "
                "then any_value(coalesce(md5(original_bytes), md5(line))) end "
                f"from raw.{table} where file_id = ? group by line_number",
                [OVERLONG, state.file_id],
            )
        )
        number = 0
        for chunk in source.chunks(0):
            for line in chunk.lines:
                number += 1
                if number not in landed:
                    if line.strip() and not _is_forgotten(line, table, self.sessions[state.file_id]):
                        return False
                    continue
                expected = landed[number]
                if expected is not None and expected not in _hashes_as_landed(line, table):
                    return False
        return True

    def _add(self, state: SourceFile, chunk: Chunk, table: str) -> None:
        """Put lines into the buffer; insert and commit when there are enough."""
        if chunk.overlong_ending:
            part = Part(0, chunk.offset, chunk.lines[0].decode("utf-8", "replace"), set_aside_reason=OVERLONG)
            if (made := kept_of(part, table, self.sessions[state.file_id])) is not None:
                self.buffers[table].parts.append((state.file_id, state.line_count + 1, made))
            self.tally.bytes += chunk.size
            self._advance(state, 1, chunk.offset + chunk.size, chunk.overlong_ending)
            return
        start, offset, count = 0, chunk.offset, len(chunk.lines)
        while start < count:
            waiting = sum(one.count for one in self.buffers.values())
            room = max(ROWS_PER_TRANSACTION - self.tally.rows - waiting, 1)
            lines = chunk.lines if room >= count - start and not start else chunk.lines[start : start + room]
            start += len(lines)
            offsets = array("q", accumulate((len(line) + 1 for line in lines), initial=offset))
            size, offset = offsets[-1] - offset, offsets.pop()
            is_open = chunk.open_ended and start == count
            ending = tail_of(state.tail or b"", lines, open_ended=is_open)
            numbers = array("q", range(state.line_count + 1, state.line_count + len(lines) + 1))
            self._advance(state, len(lines), offset - is_open, ending)
            state.is_open_ended = is_open
            if chunk.has_returns:
                lines = [without_return(line) for line in lines]
            if not all(lines):  # empty lines are counted, but there is nothing to land
                kept = [index for index, line in enumerate(lines) if line]
                numbers = array("q", [numbers[index] for index in kept])
                offsets = array("q", [offsets[index] for index in kept])
                lines = [lines[index] for index in kept]
            buffer = self.buffers[table]
            buffer.lines += lines
            buffer.line_numbers.extend(numbers)
            buffer.byte_offsets.extend(offsets)
            buffer.file_ids.extend([state.file_id] * len(lines))
            buffer.size += size
            self.tally.bytes += size
            if buffer.size >= READ_BYTES or room <= len(lines):
                self._flush_lines(buffer)
                self._commit_if_full()

    def _advance(self, state: SourceFile, lines: int, read_bytes: int, tail: bytes) -> None:
        self.changed_files.add(state.file_id)
        state.line_count += lines
        state.read_bytes = read_bytes
        state.tail = tail
        state.is_open_ended = False

    # ------------------------------------------------------------------------------------ files in pieces

    def _land_pieces(self, file: FoundFile, split: Split) -> None:
        """Land the pieces of a file without lines that have not been landed before, judged by their content."""
        place = self.locations.get((file.root, file.path))
        with LineFile(file.system_path, is_archive=file.is_archive) as source:
            stamp = stamp_of(source.status, has_inode=file.stamp.inode != 0)
            data = source.read_at(0, min(source.size, MAX_LINE_BYTES + 1))
            if source.damage:
                self._report(file, None, f"{source.damage}; the part before the damage is landed")
        content_hash = digest(data)
        state = self._file_in_pieces(file, place, content_hash)
        if state is None or state.head_hash != content_hash:
            state = self._take_pieces(file, state, split(data, file.kind))
            if state is not None:
                state.head_hash, state.read_bytes, state.size_bytes = content_hash, len(data), source.size
                state.modified_at = from_timestamp(stamp.mtime_ns / 1e9)
                self.changed_files.add(state.file_id)
                self.tally.bytes += len(data)
            self._commit_if_full()
        self._remember(Location(file.root, file.path, state.file_id if state is not None else None, stamp))

    def _take_pieces(
        self, file: FoundFile, state: SourceFile | None, pieces: list[list[Part]]
    ) -> SourceFile | None:
        """Add the new pieces; returns the file they belong to, None if there is none yet."""
        buffer = self.buffers[str(file.table)]
        self._flush_lines(buffer)
        buffer = self.buffers[str(file.table)]
        landed: set[str] = set()
        if state is not None:
            sql = f"select distinct md5(line) from raw.{file.table} where file_id = ?"
            landed = {row[0] for row in self._rows(sql, [state.file_id])}
        for parts in pieces:
            kept = [part for one in parts if (part := kept_of(one, str(file.table))) is not None]
            hashed = {_md5(part.line.encode()): part for part in kept}
            new = [part for hash_, part in hashed.items() if hash_ not in landed]
            landed |= hashed.keys()
            if not new:
                continue
            if state is None:
                state = self._new_file(file, 0, utc_now())
            state.line_count += 1
            buffer.parts += [(state.file_id, state.line_count, part) for part in new]
        self._flush_lines(buffer)
        return state

    def _file_in_pieces(
        self, file: FoundFile, place: Location | None, content_hash: str
    ) -> SourceFile | None:
        """Return the landed file that this is the same as, or a copy of."""
        known = self.files.get(place.file_id) if place and place.file_id is not None else None
        if known is not None and known.kind == file.kind:
            return known
        same = self.by_logical_path.get(file.logical_path, ())
        return next((one for one in same if one.kind == file.kind and one.head_hash == content_hash), None)

    # ------------------------------------------------------------------------------------ documents

    def _land_document(self, file: FoundFile) -> None:
        place = self.locations.get((file.root, file.path))
        with open_regular(file.system_path) as opened, BufferedReader(opened) as source:
            status = os.fstat(source.fileno())
            data = source.read(DOCUMENT_BYTES)
        is_truncated = status.st_size > len(data) == DOCUMENT_BYTES
        size = status.st_size if is_truncated else len(data)
        content_hash = digest(data + b"\0%d" % size) if is_truncated else digest(data)
        state = self._document_file(file, place, content_hash)
        modified_at = from_timestamp(status.st_mtime)
        stamp = stamp_of(status, has_inode=file.stamp.inode != 0)
        session = session_of_file(file.kind, file.path)
        if privacy.current().policy.forgotten.has_expired_document(session, content_hash):
            self._remember(Location(file.root, file.path, state.file_id if state else None, stamp))
            return
        if state is None:
            state = self._new_file(file, size, modified_at)
        if content_hash not in self._hashes_of(state.file_id):
            content = None if is_binary(data) else self._content(file, data)
            self.documents.append((state.file_id, content, size, is_truncated, content_hash))
            self._hashes_of(state.file_id).add(content_hash)
            state.head_hash, state.read_bytes = content_hash, len(data)
            state.size_bytes, state.modified_at = size, modified_at
            self.changed_files.add(state.file_id)
            self.tally.bytes += len(data)
            self.document_size += len(data)
            if self.document_size >= READ_BYTES:
                self._flush_documents()
                self._commit_if_full()
        self._remember(Location(file.root, file.path, state.file_id, stamp))

    def _content(self, file: FoundFile, data: bytes) -> str:
        """The kept content of a document. The transcript, which is read first, determines its session."""
        if privacy.current().policy.projects:
            for buffer in list(self.buffers.values()):
                self._flush_lines(buffer)
        session = session_of_file(file.kind, file.path)
        text = data.decode("utf-8", "replace")
        return privacy.current().document(text, str(file.kind), file.path, session=session)

    def _document_file(self, file: FoundFile, place: Location | None, content_hash: str) -> SourceFile | None:
        """Return the landed file of which a document is a version."""
        if place is not None and place.file_id is not None:
            return self.files[place.file_id]
        same = self.by_logical_path.get(file.logical_path, ())
        if file.is_one_per_root:
            same = [state for state in same if content_hash in self._hashes_of(state.file_id)]
        return same[-1] if same else None

    def _hashes_of(self, file_id: int) -> set[str]:
        if not self.document_hashes:
            for known_id, content_hash in self._rows("select file_id, content_hash from raw.document"):
                self.document_hashes.setdefault(known_id, set()).add(content_hash)
        return self.document_hashes.setdefault(file_id, set())

    def _new_file(self, file: FoundFile, size_bytes: int, modified_at: datetime) -> SourceFile:
        """The first generation of a file of which nothing has been read yet."""
        state = SourceFile(
            file_id=self.last_file_id + 1, kind=file.kind, host=self.host, root=file.root, path=file.path,
            logical_path=file.logical_path, generation=1, previous_file_id=None, size_bytes=size_bytes,
            modified_at=modified_at, read_bytes=0, line_count=0, head_bytes=0, head_hash="", tail_hash="",
            is_open_ended=False, first_batch_id=0, batch_id=0,
        )  # fmt: skip
        self._know(state)
        return state

    # ------------------------------------------------------------------------------------ names

    def _land_name(self, file: FoundFile) -> None:
        """Land that there is such a folder, with the earliest time at which it, or a copy, was last changed."""
        changed_at = from_timestamp(file.stamp.mtime_ns / 1e9)
        same = self.by_logical_path.get(file.logical_path)
        state = same[0] if same else self._new_file(file, 0, changed_at)
        if not same or changed_at < state.modified_at:
            state.modified_at = changed_at
            self.changed_files.add(state.file_id)
        self._remember(Location(file.root, file.path, state.file_id, file.stamp))

    # ------------------------------------------------------------------------------------ writing

    def _flush_lines(self, buffer: LineBuffer) -> None:
        """Insert the waiting lines as the next batch."""
        if not buffer.count:
            return
        hashes = buffer.insert(self.connection, self.last_batch_id + 1)
        self.hashes += hashes
        self.tally.rows += len(hashes)
        self.tally.grown.update(buffer.file_ids, (file_id for file_id, _, _ in buffer.parts))
        for file_id, number, part in buffer.parts:
            if part.set_aside_reason is not None:
                self.tally.set_aside += 1
                self._report_line(file_id, number, part.set_aside_reason)
        self.buffers[buffer.table] = LineBuffer(buffer.table, self.sessions)

    def _report_line(self, file_id: int, number: int, reason: str) -> None:
        if len(self.problems) >= LISTED_PROBLEMS:
            self.unlisted += 1
            return
        state = self.files[file_id]
        path = f"{state.root.rstrip('/')}/{state.path}"
        self.problems.append(Problem(path, number, f"set aside: {reason}"))

    def _flush_documents(self) -> None:
        if not self.documents:
            return
        import pyarrow as pa

        sealed = SEALED["document"]
        names = ("file_id", "content", "content_bytes", "is_truncated", "content_hash")
        columns = dict(zip(names, zip(*self.documents, strict=True), strict=True))
        count = len(self.documents)
        columns["row_salt"] = tuple(salts(count))
        columns["_batch_id"] = (self.last_batch_id + 1,) * count
        columns["row_hash"] = tuple(row_hashes(sealed, [columns[name] for name in sealed.columns]))
        big, text = pa.int64(), pa.string()
        types = (big, text, big, pa.bool_(), text, big, big, pa.binary())
        arrays = [pa.array(values, kind) for values, kind in zip(columns.values(), types, strict=True)]
        self.connection.register("landing_documents", pa.table(arrays, names=list(columns)))
        self.connection.execute("insert into raw.document by name select * from landing_documents")
        self.connection.unregister("landing_documents")
        self.tally.documents += len(self.documents)
        self.tally.grown.update(columns["file_id"])
        self.hashes += columns["row_hash"]
        self.documents, self.document_size = [], 0

    def _commit_if_full(self) -> None:
        if self.tally.rows >= ROWS_PER_TRANSACTION or self.tally.bytes >= BYTES_PER_TRANSACTION:
            self._commit()
            self.connection.begin()

    def _commit(self) -> None:
        """Write the waiting lines and the memory, and end the transaction."""
        for buffer in list(self.buffers.values()):
            self._flush_lines(buffer)
        self._flush_documents()
        tally = self.tally
        # A file is sealed with the batch that landed it, even if no line was landed: blank lines, or forgotten ones.
        tally.grown |= {one for one in self.changed_files if not self.files[one].first_batch_id}
        has_landed = bool(tally.rows or tally.documents or tally.grown)
        if has_landed:
            self.last_batch_id += 1
            for file_id in tally.grown:
                state = self.files[file_id]
                state.batch_id = self.last_batch_id
                if not state.first_batch_id:
                    state.first_batch_id = self.last_batch_id
                    self.hashes.append(state.seal())
        self._write_memory()
        if has_landed:
            add_batch(
                self.connection, self.last_batch_id, self.started_at, self.host, len(self.scan.files), len(tally.grown),
                tally.rows, tally.set_aside, tally.bytes, self.hashes,
            )  # fmt: skip
        self.connection.commit()
        self.total.add(tally)
        self.tally = Tally()
        self.hashes = []
        self.started_at = utc_now()

    def _write_memory(self) -> None:
        if self.changed_files:
            rows = [self.files[file_id].row() for file_id in sorted(self.changed_files)]
            replace_rows(self.connection, "source_file", ("file_id",), rows)
            self.changed_files = set()
        if self.changed_locations:
            rows = [self.locations[key].row() for key in sorted(self.changed_locations)]
            replace_rows(self.connection, "file_location", ("root", "path"), rows)
            self.changed_locations = set()


def _hashes_as_landed(line: bytes, table: str) -> set[str]:
    """Possible hashes of a landed line: with or without a carriage return, and after the policy was applied."""
    found = {_md5(line), _md5(without_return(line))}
    with suppress(UnicodeDecodeError):
        found.add(_md5(privacy.current().line(without_return(line).decode(), table).encode()))
    return found


def _is_forgotten(line: bytes, table: str, session: str | None) -> bool:
    return privacy.current().is_forgotten(line.decode("utf-8", "replace"), table, session)


def _md5(data: bytes) -> str:
    return md5(data, usedforsecurity=False).hexdigest()
