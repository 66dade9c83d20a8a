"""Scans git repositories and the ranges that agents read: chunks and symbols, landed once per content.

It scans the files that git would show: tracked files, and new ones that .gitignore does not match. A file with
unchanged size and time is not opened, and known content (git blob id) is not parsed again. Files are never executed,
and git runs only the commands that `ingest/git.py` allows.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ingest import git
from ingest.code import vectors
from ingest.code.languages import document_type_of, language_of
from ingest.code.parse import EXTRACTOR_VERSION
from ingest.code.reads import Reads
from ingest.code.repository import history_of, is_below, listed_files
from ingest.code.work import CodeFile, CodeFound, in_processes, set_known, tasks_of, work
from ingest.privacy import privacy
from ingest.text import counted
from ingest.warehouse import (
    Changes,
    ensure_schema,
    from_timestamp,
    has_table,
    reading,
    this_host,
    utc_now,
    write,
)

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

REPOSITORIES_VARIABLE: Final = "AGENT_STORE_REPOSITORIES"
MAX_FILES: Final = 100_000
POOL_BYTES: Final = 400 * 1024


@dataclass(frozen=True, slots=True)
class CodeProblem:
    """A problem with a repository or a file."""

    path: str
    message: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.path}: {self.message}"


@dataclass(frozen=True, slots=True)
class ScanResult:
    """Result of one code scan."""

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
    """Scan the named repositories, those that transcripts touched, and the ranges that agents read, in one
    transaction.

    `touched` adds the repositories of the folders noted by the component scan: those in which sessions ran, if they
    exist on this machine. A problem with one repository or file is in the result, and the others are still scanned.
    """
    started = time.perf_counter()
    run = _Run(host or this_host(), processes or os.cpu_count() or 1)
    named = [Path(one).expanduser() for one in repositories]
    if Path(warehouse).exists():
        ensure_schema(Path(warehouse))
    with reading(Path(warehouse)) as connection:
        run.load(connection, touched=touched)
    for folder in named:
        run.add_repository(folder, is_named=True)
    for touched_folder in sorted(run.touched_folders):
        run.add_repository(Path(touched_folder), is_named=False)
    run.parse()
    batch_id = 0
    if run.changes or not Path(warehouse).exists():
        batch_id = write(
            Path(warehouse), run.changes, host=run.host, started_at=run.started_at, on_wait=on_wait
        )
    batch_id = vectors.land_missing(Path(warehouse), run.host, on_wait) or batch_id
    return run.result(batch_id, time.perf_counter() - started)


def repositories_from_environment() -> list[Path]:
    """The repositories that AGENT_STORE_REPOSITORIES names, separated as in PATH."""
    named = os.environ.get(REPOSITORIES_VARIABLE, "")
    return [Path(part).expanduser() for part in named.split(os.pathsep) if part.strip()]


class _Run:
    """One scan: memory, repositories, parsing, and the rows to write."""

    def __init__(self, host: str, processes: int) -> None:
        self.host = host
        self.processes = processes
        self.started_at = utc_now()
        self.changes = Changes()
        self.problems: list[CodeProblem] = []
        self.known: set[tuple[str, str | None]] = set()
        self.is_anew = False
        self.looks: dict[str, dict[str, tuple[str, int, int]]] = {}
        self.memory: dict[str, str] = {}
        self.commits: dict[str, set[str]] = {}
        self.touched_folders: set[str] = set()
        self.repositories: set[str] = set()
        self.todo: list[CodeFile] = []
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
        """Read what is already known, and the ranges in new transcripts."""
        if connection is None:
            self._remember("code.extractor", str(EXTRACTOR_VERSION))
            return
        self.memory = dict(
            connection.execute("select name, value from raw.scan_memory where name like 'code.%'").fetchall()
        )
        version = str(EXTRACTOR_VERSION)
        self.is_anew = is_anew = self.memory.get("code.extractor", version) != version
        self._remember("code.extractor", version)
        if is_anew:  # changed rules for chunks and symbols: everything found by the old rules is removed
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
        if has_table(connection, "transcript_line"):
            self._load_transcripts(connection)

    def _remember(self, name: str, value: str) -> None:
        if self.memory.get(name) != value:
            self.memory[name] = value
            self.changes.remember("scan_memory", ("name",), (name, value))

    def _load_transcripts(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Find the ranges read in lines landed since the last scan."""
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
        if orphans := list(reads.orphans()):  # their calls were landed in an earlier batch, or are missing
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
                CodeFile("", one.path, False, "", len(one.text), 0, one.text, one.tool_use_id, one.line_start)
            )

    # ------------------------------------------------------------------------------------ repositories

    def add_repository(self, folder: Path, *, is_named: bool) -> None:
        """Note which files of a repository have changed; a folder inside it stands for the whole repository."""
        if not folder.is_dir():
            if is_named:
                self.problems.append(CodeProblem(str(folder), "is not a folder"))
            return
        top = git.repository_of(folder)
        if top is None:
            if is_named:
                what = (
                    "is a repository without working files" if git.is_bare(folder) else "is not a git repository"
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
        listed = list(listed_files(root))
        if len(listed) > MAX_FILES:
            self.problems.append(
                CodeProblem(root, f"has {len(listed):,} files; only the first {MAX_FILES:,} are scanned")
            )
            listed = listed[:MAX_FILES]
        folders: dict[str, bool] = {}
        for path, blob_id, is_tracked in listed:
            folder, _, file_name = path.rpartition("/")
            if folder not in folders:
                folders[folder] = is_below(root, folder)
            # Only an index that git did not write, or a folder that has since become a link, leads out of it.
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
            if privacy.current().policy.drops_file(f"{root}/{path}"):
                continue
            present.add(path)
            self.counts["seen"] += 1
            look = before.get(path)
            if look is not None and look[1:] == (status.st_size, status.st_mtime_ns):
                continue
            self.todo.append(CodeFile(root, path, is_tracked, blob_id, status.st_size, status.st_mtime_ns))
        for path, (blob_id, _, _) in before.items():
            if path not in present and blob_id:
                self._delete(root, path, blob_id)

    def _delete(self, root: str, path: str, blob_id: str) -> None:
        language = language_of(path)
        self.counts["deleted"] += 1
        self.changes.remember("code_file", ("repository", "path"), (root, path, "", language, 0, 0))
        self.changes.add(
            "code_document",
            (self.host, root, path, blob_id, language, document_type_of(language), 0, None, False, True, None,
             None, self.started_at, self.started_at),
        )  # fmt: skip

    def _read_history(self, root: str) -> None:
        """Land which files the commits since the last scan changed, and how."""
        name = f"code.head:{root}"
        head = git.head_of(Path(root))
        if head is None:
            return  # no commit yet
        if self.memory.get(name) == head:
            return
        known = self.commits.get(root, set())
        for commit, seconds, path, change, blob_id in history_of(root, self.memory.get(name), head):
            if commit in known:
                continue
            self.counts["file_changes"] += 1
            self.changes.add(
                "code_change",
                (self.host, root, commit, from_timestamp(seconds), path, change, blob_id),
            )
        self._remember(name, head)

    # ------------------------------------------------------------------------------------ parsing

    def parse(self) -> None:
        """Parse the new contents, in several processes if there are many, and assemble the rows to write."""
        if not self.todo:
            return
        known = frozenset(self.known)
        tasks = list(tasks_of(self.todo))
        if self.processes < 2 or sum(file.size for file in self.todo) < POOL_BYTES or len(tasks) < 2:  # noqa: PLR2004
            set_known(known)
            results: Iterable[CodeFound] = map(work, tasks)
        else:
            results = in_processes(tasks, known, self.processes)
        for found in results:
            self._take_over(found)
        self.changes.files_seen = self.counts["seen"]
        self.changes.files_grown = self.counts["changed"]
        self.changes.set_aside = 0

    def _take_over(self, found: CodeFound) -> None:
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
        self, file: CodeFile, blob_id: str, language: str | None, line_count: int | None, problem: str | None,
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
            return  # touched, but with the same content; files set aside by new rules are reported nonetheless
        self.counts["changed"] += 1
        self.changes.bytes_landed += file.size
        self.changes.add(
            "code_document",
            (self.host, file.repository, file.path, blob_id, language, document_type_of(language), file.size,
             line_count, file.is_tracked, False, problem, reason, from_timestamp(file.mtime_ns / 1e9),
             self.started_at),
        )  # fmt: skip


def _only(part: pa.Table, keys: set[tuple[str, str | None]]) -> pa.Table:
    """The rows of some contents: another task may have parsed the same content too."""
    import pyarrow as pa

    pairs = zip(part.column("blob_id").to_pylist(), part.column("language").to_pylist(), strict=True)
    return part.filter(pa.array([pair in keys for pair in pairs], pa.bool_()))
