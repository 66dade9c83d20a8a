"""Reads and parses files, in several processes if there are many; a file that crashes the parser is set aside."""

from __future__ import annotations

import multiprocessing
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha1, sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ingest.code.languages import language_of, reason_to_skip
from ingest.code.parse import Parsed, parse, syntax_problem
from ingest.files import read_beginning, reason_of
from ingest.text import is_binary

if TYPE_CHECKING:
    import pyarrow as pa


# A larger file was hardly written by hand, and is set aside unread.
MAX_FILE_BYTES: Final = 2 * 1024 * 1024
MAX_LINE_CHARACTERS: Final = 20_000
_TASK_BYTES: Final = 512 * 1024
TASK_FILES: Final = 100
_REPLACED_SHARE: Final = 0.05
_SHA256_LENGTH: Final = 64
_CRASHED: Final = "the parser crashed on it"


@dataclass(frozen=True, slots=True)
class CodeFile:
    """A file whose stamp has changed, or a text that an agent read (`text` is set)."""

    repository: str
    path: str
    is_tracked: bool
    index_blob: str
    size: int
    mtime_ns: int
    text: str | None = None
    tool_use_id: str = ""
    line_start: int = 1


@dataclass(slots=True)
class CodeFound:
    """Findings of a worker: rows of documents and reads, and the new chunks and symbols in columns."""

    documents: list[tuple[Any, ...]] = field(default_factory=list)
    reads: list[tuple[Any, ...]] = field(default_factory=list)
    chunks: list[list[Any]] = field(default_factory=lambda: [[] for _ in range(10)])
    symbols: list[list[Any]] = field(default_factory=lambda: [[] for _ in range(9)])
    blobs: list[tuple[str, str | None]] = field(default_factory=list)
    chunk_table: Any = None
    symbol_table: Any = None


_known: frozenset[tuple[str, str | None]] = frozenset()


def set_known(known: frozenset[tuple[str, str | None]]) -> None:
    global _known  # noqa: PLW0603 - the state of a worker process
    _known = known


def work(files: Sequence[CodeFile]) -> CodeFound:
    """Read and parse some files; runs in its own process."""
    found = CodeFound()
    done: set[tuple[str, str | None]] = set()
    for file in files:
        try:
            _take(file, found, done)
        except (RecursionError, MemoryError, ValueError) as error:
            _set_aside(file, found, file.index_blob or "unread", f"cannot be parsed: {type(error).__name__}")
    found.chunk_table, found.symbol_table = _chunk_table(found.chunks), _symbol_table(found.symbols)
    found.chunks, found.symbols = [], []
    return found


def _take(file: CodeFile, found: CodeFound, done: set[tuple[str, str | None]]) -> None:
    if file.text is not None:
        text, blob_id = file.text, _blob_id(file.text.encode("utf-8", "replace"), "")
        reason = reason_to_skip(file.path)
    else:
        text, blob_id, reason = _content(file)
    if reason is not None:
        _set_aside(file, found, blob_id, reason)
        return
    language = language_of(file.path, text[:200])
    key = (blob_id, language)
    problem: str | None = None
    line_count = text.count("\n") + (not text.endswith("\n") and bool(text))
    if key not in _known and key not in done:
        parsed = parse(text, language)
        # A range from the middle of a file may leave constructs open.
        problem = None if file.text is not None else parsed.problem
        done.add(key)
        _collect(found, blob_id, language, parsed)
        found.blobs.append(key)
    elif file.text is None:
        problem = syntax_problem(text, language)
    if file.text is not None:
        found.reads.append((file.tool_use_id, file.path, file.line_start, blob_id, language, None))
    else:
        found.documents.append((file, blob_id, language, len(text.encode()), line_count, problem, None))


def _content(file: CodeFile) -> tuple[str, str, str | None]:
    """The text of a file, its blob id, and the reason if it is set aside."""
    unread = file.index_blob or f"unread-{file.size}-{file.mtime_ns}"
    reason = reason_to_skip(f"{file.repository}/{file.path}")
    if reason is None and file.size > MAX_FILE_BYTES:
        reason = f"larger than {MAX_FILE_BYTES // 1024 // 1024} MB ({file.size / 1024 / 1024:,.0f} MB)"
    if reason is not None:
        return "", unread, reason
    try:
        data, _ = read_beginning(Path(file.repository, file.path), MAX_FILE_BYTES)
    except OSError as error:
        return "", unread, f"cannot be read: {reason_of(error)}"
    blob_id = _blob_id(data, file.index_blob)
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = data.decode("utf-16", "replace")
    elif is_binary(data):
        return "", blob_id, "binary"
    else:
        text = data.decode("utf-8-sig", "replace")
        if text.count("\ufffd") > _REPLACED_SHARE * len(text):
            return "", blob_id, "neither UTF-8 nor UTF-16"
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    if len(text) > MAX_LINE_CHARACTERS and max(map(len, text.split("\n"))) > MAX_LINE_CHARACTERS:
        return "", blob_id, f"a line of more than {MAX_LINE_CHARACTERS:,} characters: minified or data"
    return text, blob_id, None


def _blob_id(data: bytes, like: str) -> str:
    """The git blob id of this content."""
    head = b"blob %d\0" % len(data)
    if len(like) == _SHA256_LENGTH:
        return sha256(head + data).hexdigest()
    return sha1(head + data, usedforsecurity=False).hexdigest()


def _set_aside(file: CodeFile, found: CodeFound, blob_id: str, reason: str) -> None:
    if file.text is not None:
        found.reads.append((file.tool_use_id, file.path, file.line_start, blob_id, None, reason))
    else:
        language = language_of(file.path)
        found.documents.append((file, blob_id, language, file.size, None, None, reason))


def _collect(found: CodeFound, blob_id: str, language: str | None, parsed: Parsed) -> None:
    """Put chunks and symbols into columns, from whole files and from ranges that agents read."""
    for index, chunk in enumerate(parsed.chunks):
        row = (
            blob_id, language, index, chunk.line_start, chunk.line_end, chunk.char_start, chunk.char_end,
            chunk.kind, chunk.name, chunk.text,
        )  # fmt: skip
        for column, value in zip(found.chunks, row, strict=True):
            column.append(value)
    if not parsed.symbols:
        return
    # Duplicates on one line (`a = 1; a = 2`) count once.
    single = {
        (one.line_number, one.reference_type, one.name, one.symbol_type or ""): one for one in parsed.symbols
    }
    ordered = [single[key] for key in sorted(single)]
    starts = [chunk.line_start for chunk in parsed.chunks]
    columns = found.symbols
    columns[0] += [blob_id] * len(ordered)
    columns[1] += [language] * len(ordered)
    columns[2] += [max(bisect_right(starts, one.line_number) - 1, 0) for one in ordered]
    for column, values in zip(columns[3:], zip(*ordered, strict=True), strict=True):
        column.extend(values)


def _chunk_table(columns: list[list[Any]]) -> pa.Table:
    import pyarrow as pa

    text, big, small = pa.string(), pa.int64(), pa.int32()
    types = (text, text, small, big, big, big, big, text, text, text)
    names = (
        "blob_id", "language", "chunk_index", "line_start", "line_end", "char_start", "char_end", "chunk_kind",
        "chunk_name", "chunk_text",
    )  # fmt: skip
    return pa.table([pa.array(one, kind) for one, kind in zip(columns, types, strict=True)], names=names)


def _symbol_table(columns: list[list[Any]]) -> pa.Table:
    import pyarrow as pa

    text, big, small = pa.string(), pa.int64(), pa.int32()
    types = (text, text, small, text, text, text, text, big, big)
    names = (
        "blob_id", "language", "chunk_index", "symbol_name", "container_name", "symbol_type", "reference_type",
        "line_number", "line_end",
    )  # fmt: skip
    return pa.table([pa.array(one, kind) for one, kind in zip(columns, types, strict=True)], names=names)


def tasks_of(files: Sequence[CodeFile]) -> Iterator[list[CodeFile]]:
    task: list[CodeFile] = []
    size = 0
    for file in files:
        if task and (size >= _TASK_BYTES or len(task) >= TASK_FILES):
            yield task
            task, size = [], 0
        task.append(file)
        size += min(file.size, MAX_FILE_BYTES)
    if task:
        yield task


def in_processes(
    tasks: Sequence[list[CodeFile]], known: frozenset[tuple[str, str | None]], processes: int
) -> Iterator[CodeFound]:
    """Run the tasks in a pool; if a parser crashes its process, find the file and set it aside."""
    context = multiprocessing.get_context("spawn")
    suspects: list[list[CodeFile]] = []
    with ProcessPoolExecutor(
        max_workers=min(processes, len(tasks)), mp_context=context, initializer=set_known, initargs=(known,)
    ) as pool:
        futures: list[Future[CodeFound]] = []
        for task in tasks:
            try:
                futures.append(pool.submit(work, task))
            except BrokenProcessPool:
                suspects.append(task)
        for task, future in zip(tasks, futures, strict=False):
            try:
                yield future.result()
            except BrokenProcessPool:
                suspects.append(task)
    for task in suspects:
        yield from _one_by_one(task, known, context)


def _one_by_one(
    task: list[CodeFile],
    known: frozenset[tuple[str, str | None]],
    context: multiprocessing.context.SpawnContext,
) -> Iterator[CodeFound]:
    """Run a task alone; if it still crashes, run each half of it, down to the file that causes the crash."""
    found: CodeFound | None = None
    with (
        suppress(BrokenProcessPool),
        ProcessPoolExecutor(1, context, initializer=set_known, initargs=(known,)) as pool,
    ):
        found = pool.submit(work, task).result()
    if found is not None:
        yield found
        return
    if len(task) > 1:
        middle = len(task) // 2
        yield from _one_by_one(task[:middle], known, context)
        yield from _one_by_one(task[middle:], known, context)
        return
    found = CodeFound(
        chunk_table=_chunk_table([[] for _ in range(10)]), symbol_table=_symbol_table([[] for _ in range(9)])
    )
    _set_aside(task[0], found, task[0].index_blob or "unread", _CRASHED)
    yield found
