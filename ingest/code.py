"""Scan git repositories and the ranges that agents read: chunks and symbols, landed once per content.

What git would show – tracked files, and new ones that .gitignore does not name – is looked at; a file whose size and
time have not changed is not opened, and a content (git blob id) that is known is not parsed again. Files are never
executed, and of git nothing is asked but what `ingest/git.py` lets through.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import platform
import re
import stat
import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha1, sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ingest import batches, git, languages, vectors
from ingest.batches import Changes
from ingest.files import read_beginning
from ingest.words import counted

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

logger = logging.getLogger(__name__)

REPOSITORIES_VARIABLE: Final = "AGENT_STORE_REPOSITORIES"
# What is larger than this was hardly written by hand, and is set aside unread.
MAX_FILE_BYTES: Final = 2 * 1024 * 1024
MAX_LINE_CHARACTERS: Final = 20_000
MAX_FILES: Final = 100_000
COMMITS_READ: Final = 2_000
GIT_SECONDS: Final = 60
_TASK_BYTES: Final = 512 * 1024
_TASK_FILES: Final = 100
_POOL_BYTES: Final = 400 * 1024
_PROBE_BYTES: Final = 8192
_REPLACED_SHARE: Final = 0.05
_SHA256_LENGTH: Final = 64
_VECTORS_AT_ONCE: Final = 1000
_SYMLINK_MODE: Final = "120000"
_SUBMODULE_MODE: Final = "160000"
_CRASHED: Final = "the parser crashed on it"


@dataclass(frozen=True, slots=True)
class CodeProblem:
    """What is wrong with a repository or a file."""

    path: str
    message: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.path}: {self.message}"


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What one scan of code did."""

    repositories: int = 0
    files_seen: int = 0
    files_changed: int = 0
    files_deleted: int = 0
    files_set_aside: int = 0
    blobs_parsed: int = 0
    chunks: int = 0
    symbols: int = 0
    reads: int = 0
    file_changes: int = 0
    seconds: float = 0.0
    batch_id: int = 0
    problems: tuple[CodeProblem, ...] = ()

    @property
    def summary(self) -> str:
        """Return it in one line."""
        if not self.batch_id:
            return (
                f"Code: nothing new in {counted(self.files_seen, 'file')} of "
                f"{counted(self.repositories, 'repository', 'repositories')}, in {self.seconds:.1f} s."
            )
        files = (
            f"{self.files_changed:,} of {counted(self.files_seen, 'file')} in "
            f"{counted(self.repositories, 'repository', 'repositories')} changed "
            f"({self.files_set_aside:,} set aside, {self.files_deleted:,} gone), "
        )
        return (
            f"Code: {files if self.repositories else ''}{counted(self.reads, 'range')} read by agents, "
            f"{counted(self.chunks, 'chunk')}, {counted(self.symbols, 'symbol')}, in {self.seconds:.1f} s."
        )


def scan_code(
    repositories: Sequence[Path | str],
    warehouse: Path,
    *,
    host: str | None = None,
    touched: bool = True,
    processes: int | None = None,
    on_wait: Callable[[str], None] | None = None,
) -> ScanResult:
    """Scan the named repositories, those that transcripts touched, and what agents read, in one transaction.

    `touched` also takes the repositories of the folders that the component scan has noted: those in which sessions
    ran, where they are on this machine. What is wrong with one repository or file is in the result, and the rest
    goes on.
    """
    started = time.perf_counter()
    run = _Run(host or platform.node() or "unknown", processes or os.cpu_count() or 1)
    named = [Path(one).expanduser() for one in repositories]
    if Path(warehouse).exists():
        batches.ensure_schema(Path(warehouse))
    with batches.reading(Path(warehouse)) as connection:
        run.load(connection, touched=touched)
    for folder in named:
        run.add_repository(folder, is_named=True)
    for touched_folder in sorted(run.touched_folders):
        run.add_repository(Path(touched_folder), is_named=False)
    run.parse()
    batch_id = 0
    if run.changes or not Path(warehouse).exists():
        batch_id = batches.write(
            Path(warehouse), run.changes, host=run.host, started_at=run.started_at, on_wait=on_wait
        )
    batch_id = _add_vectors(Path(warehouse), run.host, on_wait) or batch_id
    return run.result(batch_id, time.perf_counter() - started)


def _add_vectors(warehouse: Path, host: str, on_wait: Callable[[str], None] | None) -> int:
    """Land the vectors of the chunks that have none yet, where they are wanted and can be made."""
    if not vectors.is_on() or vectors.folder() is None:
        return 0
    started_at = batches.utc_now()
    changes = Changes()
    with batches.reading(warehouse) as connection:
        if connection is None:
            return 0
        cursor = connection.execute(
            """
            select md5(chunk_text) as chunk_hash, min(concat_ws(chr(10), chunk_name, chunk_text))
            from raw.code_chunk
            where md5(chunk_text) not in (select chunk_hash from raw.code_vector where model = ?)
            group by md5(chunk_text)
            order by chunk_hash
            """,
            [vectors.MODEL],
        )
        while rows := cursor.fetchmany(_VECTORS_AT_ONCE):
            changes.arrow.setdefault("code_vector", []).append(vectors.table(rows))
    return (
        batches.write(warehouse, changes, host=host, started_at=started_at, on_wait=on_wait) if changes else 0
    )


def repositories_from_environment() -> list[Path]:
    """The repositories that AGENT_STORE_REPOSITORIES names, separated as in PATH."""
    named = os.environ.get(REPOSITORIES_VARIABLE, "")
    return [Path(part).expanduser() for part in named.split(os.pathsep) if part.strip()]


# ---------------------------------------------------------------------------------------- what is to be parsed


@dataclass(frozen=True, slots=True)
class _File:
    """A file whose look has changed, or a text that an agent read (`text` is set)."""

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
class _Found:
    """What a worker found out: rows of documents and reads, and the new chunks and symbols in columns."""

    documents: list[tuple[Any, ...]] = field(default_factory=list)
    reads: list[tuple[Any, ...]] = field(default_factory=list)
    chunks: list[list[Any]] = field(default_factory=lambda: [[] for _ in range(10)])
    symbols: list[list[Any]] = field(default_factory=lambda: [[] for _ in range(9)])
    blobs: list[tuple[str, str | None]] = field(default_factory=list)
    chunk_table: Any = None
    symbol_table: Any = None


_known: frozenset[tuple[str, str | None]] = frozenset()


def _set_known(known: frozenset[tuple[str, str | None]]) -> None:
    global _known  # noqa: PLW0603 - the state of a worker process
    _known = known


def _work(files: Sequence[_File]) -> _Found:
    """Read and parse some files; runs in a process of its own."""
    found = _Found()
    done: set[tuple[str, str | None]] = set()
    for file in files:
        try:
            _take(file, found, done)
        except (RecursionError, MemoryError, ValueError) as error:
            _set_aside(file, found, file.index_blob or "unread", f"cannot be parsed: {type(error).__name__}")
    found.chunk_table, found.symbol_table = _chunk_table(found.chunks), _symbol_table(found.symbols)
    found.chunks, found.symbols = [], []
    return found


def _take(file: _File, found: _Found, done: set[tuple[str, str | None]]) -> None:
    if file.text is not None:
        text, blob_id = file.text, _blob_id(file.text.encode("utf-8", "replace"), "")
        reason = languages.reason_to_skip(file.path)
    else:
        text, blob_id, reason = _content(file)
    if reason is not None:
        _set_aside(file, found, blob_id, reason)
        return
    language = languages.language_of(file.path, text[:200])
    key = (blob_id, language)
    problem: str | None = None
    line_count = text.count("\n") + (not text.endswith("\n") and bool(text))
    if key not in _known and key not in done:
        parsed = languages.parse(text, language)
        # Of a range from the middle of a file, what is left open is no mistake.
        problem = None if file.text is not None else parsed.problem
        done.add(key)
        _collect(found, blob_id, language, parsed)
        found.blobs.append(key)
    elif file.text is None:
        problem = languages.syntax_problem(text, language)
    if file.text is not None:
        found.reads.append((file.tool_use_id, file.path, file.line_start, blob_id, language, None))
    else:
        found.documents.append((file, blob_id, language, len(text.encode()), line_count, problem, None))


def _content(file: _File) -> tuple[str, str, str | None]:
    """The text of a file, its blob id, and why it is set aside."""
    unread = file.index_blob or f"unread-{file.size}-{file.mtime_ns}"
    reason = languages.reason_to_skip(f"{file.repository}/{file.path}")
    if reason is None and file.size > MAX_FILE_BYTES:
        reason = f"larger than {MAX_FILE_BYTES // 1024 // 1024} MB ({file.size / 1024 / 1024:,.0f} MB)"
    if reason is not None:
        return "", unread, reason
    try:
        data, _ = read_beginning(Path(file.repository, file.path), MAX_FILE_BYTES)
    except OSError as error:
        return "", unread, f"cannot be read: {error.strerror or error}"
    blob_id = _blob_id(data, file.index_blob)
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = data.decode("utf-16", "replace")
    elif b"\0" in data[:_PROBE_BYTES]:
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
    """What git calls this content."""
    head = b"blob %d\0" % len(data)
    if len(like) == _SHA256_LENGTH:
        return sha256(head + data).hexdigest()
    return sha1(head + data, usedforsecurity=False).hexdigest()


def _set_aside(file: _File, found: _Found, blob_id: str, reason: str) -> None:
    if file.text is not None:
        found.reads.append((file.tool_use_id, file.path, file.line_start, blob_id, None, reason))
    else:
        language = languages.language_of(file.path)
        found.documents.append((file, blob_id, language, file.size, None, None, reason))


def _collect(found: _Found, blob_id: str, language: str | None, parsed: languages.Parsed) -> None:
    """Put chunks and symbols into columns, of whole files and of ranges that were read alike."""
    for index, chunk in enumerate(parsed.chunks):
        row = (
            blob_id, language, index, chunk.line_start, chunk.line_end, chunk.char_start, chunk.char_end,
            chunk.kind, chunk.name, chunk.text,
        )  # fmt: skip
        for column, value in zip(found.chunks, row, strict=True):
            column.append(value)
    if not parsed.symbols:
        return
    # Twice the same on one line (`a = 1; a = 2`) is one.
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


# ---------------------------------------------------------------------------------------- one scan


class _Run:
    """One scan: memory, repositories, parsing, and what is to be written."""

    def __init__(self, host: str, processes: int) -> None:
        self.host = host
        self.processes = processes
        self.started_at = batches.utc_now()
        self.changes = Changes()
        self.problems: list[CodeProblem] = []
        self.known: set[tuple[str, str | None]] = set()
        self.is_anew = False
        self.looks: dict[str, dict[str, tuple[str, int, int]]] = {}
        self.memory: dict[str, str] = {}
        self.commits: dict[str, set[str]] = {}
        self.touched_folders: set[str] = set()
        self.repositories: set[str] = set()
        self.todo: list[_File] = []
        self.counts = dict.fromkeys(
            (
                "seen",
                "changed",
                "deleted",
                "set_aside",
                "parsed",
                "chunks",
                "symbols",
                "reads",
                "file_changes",
            ),
            0,
        )

    def result(self, batch_id: int, seconds: float) -> ScanResult:
        """Return what was done."""
        count = self.counts
        return ScanResult(
            repositories=len(self.repositories), files_seen=count["seen"], files_changed=count["changed"],
            files_deleted=count["deleted"], files_set_aside=count["set_aside"], blobs_parsed=count["parsed"],
            chunks=count["chunks"], symbols=count["symbols"], reads=count["reads"], file_changes=count["file_changes"],
            seconds=seconds, batch_id=batch_id, problems=tuple(self.problems),
        )  # fmt: skip

    # ------------------------------------------------------------------------------------ the memory

    def load(self, connection: duckdb.DuckDBPyConnection | None, *, touched: bool) -> None:
        """Read what is known already, and what new transcripts show."""
        if connection is None:
            self._remember("code.extractor", str(languages.EXTRACTOR_VERSION))
            return
        self.memory = dict(
            connection.execute("select name, value from raw.scan_memory where name like 'code.%'").fetchall()
        )
        version = str(languages.EXTRACTOR_VERSION)
        self.is_anew = is_anew = self.memory.get("code.extractor", version) != version
        self._remember("code.extractor", version)
        if is_anew:  # other rules for chunks and symbols: all that was found by the old ones goes
            self.changes.emptied += ["code_chunk", "code_symbol", "code_read", "code_vector"]
            self.memory.pop("code.transcripts", None)
        for repository, path, blob_id, size, mtime_ns in connection.execute(
            "select repository, path, blob_id, size_bytes, mtime_ns from raw.code_file"
        ).fetchall():
            look = (blob_id, size, mtime_ns) if not is_anew else (blob_id, -1, -1)
            self.looks.setdefault(repository, {})[path] = look
        self.known = (
            set()
            if is_anew
            else {
                (blob_id, language)
                for blob_id, language in connection.execute(
                    "select blob_id, language from raw.code_chunk union select blob_id, language from raw.code_symbol "
                    "union select blob_id, language from raw.code_read"
                ).fetchall()
            }
        )
        for repository, commit in connection.execute(
            "select distinct repository, commit_id from raw.code_change"
        ).fetchall():
            self.commits.setdefault(repository, set()).add(commit)
        if touched:
            folders = connection.execute(
                "select folder from raw.scan_folder where origin <> 'home'"
            ).fetchall()
            self.touched_folders = {str(folder) for (folder,) in folders}
        if batches.has_table(connection, "transcript_line"):
            self._load_transcripts(connection)

    def _remember(self, name: str, value: str) -> None:
        if self.memory.get(name) != value:
            self.memory[name] = value
            self.changes.remember("scan_memory", ("name",), (name, value))

    def _load_transcripts(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Find the ranges read in lines that were landed since the last scan."""
        seen = int(self.memory.get("code.transcripts", "0"))
        row = connection.execute(
            "select max(_batch_id) from raw.transcript_line where _batch_id > ?", [seen]
        ).fetchone()
        last = row[0] if row else None
        if last is None:
            return
        self._load_reads(connection, seen)
        self._remember("code.transcripts", str(last))

    def _load_reads(self, connection: duckdb.DuckDBPyConnection, seen: int) -> None:
        known = {
            tool_use_id
            for (tool_use_id,) in connection.execute("select tool_use_id from raw.code_read").fetchall()
            if "code_read" not in self.changes.emptied
        }
        cursor = connection.execute(
            """
            select coalesce(repaired_line, line) from raw.transcript_line
            where _batch_id > ? and set_aside_reason is null
            and (contains(line, '"name":"Read"') or (contains(line, '"tool_result"') and (
                contains(line, '\u2192') or contains(line, '\\u2192') or contains(line, '\\t')
            )))
            order by file_id, line_number, part_number
            """,
            [seen],
        )
        reads = Reads(known)
        while rows := cursor.fetchmany(1000):
            for (line,) in rows:
                reads.take(line)
        if orphans := list(reads.orphans()):  # their calls were landed in an earlier batch, or are lost
            for (line,) in connection.execute(
                """
                select distinct line
                from (
                    select
                        coalesce(repaired_line, line) as line,
                        unnest(regexp_extract_all(line, '"id"\\s*:\\s*"([^"]+)"', 1)) as call_id
                    from raw.transcript_line
                    where contains(line, '"tool_use"') and contains(line, '"Read"')
                ) as calls
                where call_id in (select unnest(?::varchar[]))
                order by line
                """,
                [orphans],
            ).fetchall():
                reads.take(line)
        for one in reads.found():
            self.counts["reads"] += 1
            self.todo.append(
                _File("", one.path, False, "", len(one.text), 0, one.text, one.tool_use_id, one.line_start)
            )

    # ------------------------------------------------------------------------------------ repositories

    def add_repository(self, folder: Path, *, is_named: bool) -> None:
        """Note which files of a repository have changed; a folder inside it stands for the whole."""
        if not folder.is_dir():
            if is_named:
                self.problems.append(CodeProblem(str(folder), "is no folder"))
            return
        top = git.repository_of(folder)
        if top is None:
            if is_named:
                what = (
                    "is a repository without working files" if git.is_bare(folder) else "is no git repository"
                )
                self.problems.append(CodeProblem(str(folder), what))
            return
        root = str(top)
        if root in self.repositories or (not is_named and Path(root) in (Path.home(), Path(root).parent)):
            return
        self.repositories.add(root)
        try:
            self._look_at(root)
            self._read_history(root)
        except git.GitError as error:
            self.problems.append(CodeProblem(root, str(error)))

    def _look_at(self, root: str) -> None:
        before = self.looks.get(root, {})
        present: set[str] = set()
        listed = list(_listed(root))
        if len(listed) > MAX_FILES:
            self.problems.append(
                CodeProblem(root, f"has {len(listed):,} files; only the first {MAX_FILES:,} are looked at")
            )
            listed = listed[:MAX_FILES]
        folders: dict[str, bool] = {}
        for path, blob_id, is_tracked in listed:
            folder, _, file_name = path.rpartition("/")
            if folder not in folders:
                folders[folder] = _is_below(root, folder)
            # Only an index that git did not write, or a folder that is a link by now, leads out of it.
            if not folders[folder] or path.startswith("/") or file_name == "..":
                continue
            try:
                status = os.lstat(f"{root}/{path}")
            except OSError:
                continue  # deleted, or not checked out
            if not stat.S_ISREG(status.st_mode):
                continue
            try:
                path.encode()
            except UnicodeEncodeError:
                self.problems.append(CodeProblem(repr(path), "its name is not UTF-8"))
                continue
            present.add(path)
            self.counts["seen"] += 1
            look = before.get(path)
            if look is not None and look[1:] == (status.st_size, status.st_mtime_ns):
                continue
            self.todo.append(_File(root, path, is_tracked, blob_id, status.st_size, status.st_mtime_ns))
        for path, (blob_id, _, _) in before.items():
            if path not in present and blob_id:
                self._delete(root, path, blob_id)

    def _delete(self, root: str, path: str, blob_id: str) -> None:
        language = languages.language_of(path)
        self.counts["deleted"] += 1
        self.changes.remember("code_file", ("repository", "path"), (root, path, "", language, 0, 0))
        self.changes.add(
            "code_document",
            (self.host, root, path, blob_id, language, languages.document_type_of(language), 0, None, False, True, None,
             None, self.started_at, self.started_at),
        )  # fmt: skip

    def _read_history(self, root: str) -> None:
        """Land what the commits since the last scan did to which files."""
        name = f"code.head:{root}"
        head = git.head_of(Path(root))
        if head is None:
            return  # no commit yet
        if self.memory.get(name) == head:
            return
        known = self.commits.get(root, set())
        for commit, seconds, path, change, blob_id in _history(root, self.memory.get(name), head):
            if commit in known:
                continue
            self.counts["file_changes"] += 1
            self.changes.add(
                "code_change",
                (self.host, root, commit, batches.from_timestamp(seconds), path, change, blob_id),
            )
        self._remember(name, head)

    # ------------------------------------------------------------------------------------ parsing

    def parse(self) -> None:
        """Parse what is new, in several processes if it is much, and put together what is to be written."""
        if not self.todo:
            return
        known = frozenset(self.known)
        tasks = list(_tasks(self.todo))
        if self.processes < 2 or sum(file.size for file in self.todo) < _POOL_BYTES or len(tasks) < 2:  # noqa: PLR2004
            _set_known(known)
            results: Iterable[_Found] = map(_work, tasks)
        else:
            results = _in_processes(tasks, known, self.processes)
        for found in results:
            self._take_over(found)
        self.changes.files_seen = self.counts["seen"]
        self.changes.files_grown = self.counts["changed"]
        self.changes.set_aside = 0

    def _take_over(self, found: _Found) -> None:
        fresh = [key not in self.known for key in found.blobs]
        self.known.update(found.blobs)
        self.counts["parsed"] += sum(fresh)
        for table, part in (("code_chunk", found.chunk_table), ("code_symbol", found.symbol_table)):
            kept = (
                part
                if all(fresh)
                else _only(part, {key for key, new in zip(found.blobs, fresh, strict=True) if new})
            )
            if kept.num_rows:
                self.changes.arrow.setdefault(table, []).append(kept)
            self.counts["chunks" if table == "code_chunk" else "symbols"] += kept.num_rows
        for file, blob_id, language, _, line_count, problem, reason in found.documents:
            self._take_document(file, blob_id, language, line_count, problem, reason)
        for row in found.reads:
            self.changes.add("code_read", row)

    def _take_document(
        self, file: _File, blob_id: str, language: str | None, line_count: int | None, problem: str | None,
        reason: str | None,
    ) -> None:  # fmt: skip
        before = self.looks.get(file.repository, {}).get(file.path)
        self.changes.remember(
            "code_file",
            ("repository", "path"),
            (file.repository, file.path, blob_id, language, file.size, file.mtime_ns),
        )
        if reason is not None:
            self.counts["set_aside"] += 1
        if before is not None and before[0] == blob_id and not (self.is_anew and reason is not None):
            return  # touched, but the same content; what new rules set aside is said nonetheless
        self.counts["changed"] += 1
        self.changes.bytes_landed += file.size
        self.changes.add(
            "code_document",
            (self.host, file.repository, file.path, blob_id, language, languages.document_type_of(language), file.size,
             line_count, file.is_tracked, False, problem, reason, batches.from_timestamp(file.mtime_ns / 1e9),
             self.started_at),
        )  # fmt: skip


def _only(part: pa.Table, keys: set[tuple[str, str | None]]) -> pa.Table:
    """The rows of some contents: another task has parsed the same content too."""
    import pyarrow as pa

    pairs = zip(part.column("blob_id").to_pylist(), part.column("language").to_pylist(), strict=True)
    return part.filter(pa.array([pair in keys for pair in pairs], pa.bool_()))


def _tasks(files: Sequence[_File]) -> Iterator[list[_File]]:
    task: list[_File] = []
    size = 0
    for file in files:
        if task and (size >= _TASK_BYTES or len(task) >= _TASK_FILES):
            yield task
            task, size = [], 0
        task.append(file)
        size += min(file.size, MAX_FILE_BYTES)
    if task:
        yield task


def _in_processes(
    tasks: Sequence[list[_File]], known: frozenset[tuple[str, str | None]], processes: int
) -> Iterator[_Found]:
    """Run the tasks in a pool; if a parser crashes its process, find the file and set it aside."""
    context = multiprocessing.get_context("spawn")
    suspects: list[list[_File]] = []
    with ProcessPoolExecutor(
        max_workers=min(processes, len(tasks)), mp_context=context, initializer=_set_known, initargs=(known,)
    ) as pool:
        futures: list[Future[_Found]] = []
        for task in tasks:
            try:
                futures.append(pool.submit(_work, task))
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
    task: list[_File], known: frozenset[tuple[str, str | None]], context: multiprocessing.context.SpawnContext
) -> Iterator[_Found]:
    """Run a task alone; if it still crashes, each half of it, down to the file that does it."""
    found: _Found | None = None
    with (
        suppress(BrokenProcessPool),
        ProcessPoolExecutor(1, context, initializer=_set_known, initargs=(known,)) as pool,
    ):
        found = pool.submit(_work, task).result()
    if found is not None:
        yield found
        return
    if len(task) > 1:
        middle = len(task) // 2
        yield from _one_by_one(task[:middle], known, context)
        yield from _one_by_one(task[middle:], known, context)
        return
    found = _Found(
        chunk_table=_chunk_table([[] for _ in range(10)]), symbol_table=_symbol_table([[] for _ in range(9)])
    )
    _set_aside(task[0], found, task[0].index_blob or "unread", _CRASHED)
    yield found


# ---------------------------------------------------------------------------------------- git


def _is_below(root: str, folder: str) -> bool:
    """Whether a folder lies in the repository itself: no link on the way, and not in the folder of git."""
    if not folder:
        return True
    place = f"{root.rstrip('/')}/{folder}"
    return ".git" not in folder.lower().split("/") and os.path.realpath(place) == place


def _git(root: str, *arguments: str) -> bytes:
    return git.run(Path(root), arguments, seconds=GIT_SECONDS)


def _listed(root: str) -> Iterator[tuple[str, str, bool]]:
    """Path, blob id in the index and whether it is tracked, of what git would show."""
    last = ""
    for entry in _git(root, "ls-files", "-s", "-z").decode("utf-8", "surrogateescape").split("\0"):
        head, _, path = entry.partition("\t")
        mode, _, rest = head.partition(" ")
        if not path or path == last or mode in (_SYMLINK_MODE, _SUBMODULE_MODE):
            continue
        last = path  # a conflict has several entries
        yield path, rest.split(" ")[0], True
    others = git.untracked(Path(root), seconds=GIT_SECONDS).decode("utf-8", "surrogateescape")
    for path in others.split("\0"):
        if path and not path.endswith("/"):
            yield path, "", False


def _history(root: str, before: str | None, head: str) -> Iterator[tuple[str, int, str, str, str | None]]:
    """Commit, its time, path, what happened to it, and the blob it has since then."""
    reach = [f"{before}..{head}"] if before and re.fullmatch(r"[0-9a-f]{40,64}", before) else [head]
    arguments = (
        "log",
        "--raw",
        "-z",
        "--no-abbrev",
        "--no-renames",
        "--no-ext-diff",
        "--no-textconv",
        f"--max-count={COMMITS_READ}",
        "--format=%x02%H %ct",
    )
    try:
        text = _git(root, *arguments, *reach, "--").decode("utf-8", "replace")
    except git.GitError:
        if reach == [head]:
            raise
        text = _git(root, *arguments, head, "--").decode("utf-8", "replace")  # history was rewritten
    names = {"A": "created", "M": "modified", "T": "modified", "D": "deleted"}
    commit, seconds = "", 0
    parts = iter(text.split("\0"))
    for raw in parts:
        part = raw.lstrip("\n")
        if part.startswith("\x02"):
            commit, _, when = part[1:].partition(" ")
            seconds = int(when.strip() or 0)
        elif part.startswith(":"):
            fields = part[1:].split(" ")
            path = next(parts, "")
            if len(fields) == 5 and fields[4][:1] in names and _SUBMODULE_MODE not in fields[:2]:  # noqa: PLR2004
                change = names[fields[4][:1]]
                yield commit, seconds, path, change, None if change == "deleted" else fields[3]


# ---------------------------------------------------------------------------------------- what agents read

_NUMBERED: Final = re.compile(r"^ *([0-9]{1,9})(?:\u2192|\t)(.*)$")
_REMINDER: Final = "<system-reminder>"


@dataclass(frozen=True, slots=True)
class ReadRange:
    """A range of a file as an agent read it."""

    tool_use_id: str
    path: str
    line_start: int
    text: str


class Reads:
    """Pairs calls of Read with their results, over lines of transcripts in any order; each call once."""

    def __init__(self, known: set[str]) -> None:
        self.known = known
        self.paths: dict[str, str] = {}
        self.results: dict[str, tuple[str | None, int, str]] = {}

    def take(self, line: str) -> None:
        """Take one line of a transcript."""
        import orjson

        try:
            entry = orjson.loads(line)
            blocks = entry["message"]["content"]
        except (ValueError, KeyError, TypeError):
            return
        if not isinstance(blocks, list):
            return
        for block in blocks:
            if not isinstance(block, dict):
                continue
            if block.get("type") == "tool_use" and block.get("name") == "Read":
                given = block.get("input")
                path = given.get("file_path") if isinstance(given, dict) else None
                if isinstance(path, str) and path:
                    self.paths.setdefault(str(block.get("id")), path)
            elif block.get("type") == "tool_result" and not block.get("is_error"):
                self._take_result(
                    str(block.get("tool_use_id")), block.get("content"), entry.get("toolUseResult")
                )

    def _take_result(self, tool_use_id: str, content: object, result: object) -> None:
        if tool_use_id in self.known or tool_use_id in self.results:
            return
        if isinstance(content, list):
            content = "\n".join(
                str(part.get("text") or "")
                for part in content
                if isinstance(part, dict) and part.get("type") == "text"
            )
        if not isinstance(content, str):
            return
        ranged = numbered_range(content)
        file = result.get("file") if isinstance(result, dict) else None
        path = file.get("filePath") if isinstance(file, dict) else None
        if ranged is not None:
            self.results[tool_use_id] = (path if isinstance(path, str) else None, *ranged)

    def orphans(self) -> list[str]:
        """Results whose call has not been seen, and that do not say themselves what was read."""
        return [one for one, (path, _, _) in self.results.items() if path is None and one not in self.paths]

    def found(self) -> Iterator[ReadRange]:
        """The ranges read, one per call; results of other tools that look alike are left out."""
        for tool_use_id, (path, line_start, text) in self.results.items():
            asked = self.paths.get(tool_use_id) or path
            if asked and (tool_use_id in self.paths or path is not None):
                yield ReadRange(tool_use_id, asked, line_start, text)


def numbered_range(content: str) -> tuple[int, str] | None:
    """The first line and the text of what Read showed, without the line numbers; None if it has none."""
    shown, mark, _ = content.partition(_REMINDER)
    lines = (shown.rstrip("\n") if mark else shown).split("\n")
    first = _NUMBERED.match(lines[0])
    if first is None:
        return None
    texts: list[str] = []
    for line in lines:
        found = _NUMBERED.match(line)
        if found is None:
            break
        texts.append(found[2])
    return int(first[1]), "\n".join(texts) + "\n"
