"""A lake in a plain folder: a network drive that several machines mount, or a git repository with LFS.

There is no catalog, and no lock between hosts: each host writes only its own files, one per month in which it shares
(`TARGET/<host_id>/<yyyy-mm>.tar`, see share_file.py), and appends to the file of the current month. Of each session of a
host, the last share that names it counts; of the host's other rows, those that were added and not removed since. A share
that changes nothing writes nothing.

When sessions are gone from the host (forgotten, or no longer shared) or expire, or its privacy policy changes, the host
rewrites its files without the rows that were replaced, each whole or not at all. No byte of them stays in the folder, but
git keeps earlier versions of a file: in the history, in `.git/lfs` of each clone, and on the LFS server. To remove these
too, rewrite the history (`git filter-repo --path <host_id> --invert-paths`), add the host's files again, push with force,
run `git lfs prune` in each clone, and delete the objects on the server. Files of earlier months are also rewritten when
more than half of their bytes have been replaced.

Files and folders have the permissions of TARGET, which others may have to read.
"""

from __future__ import annotations

import atexit
import dataclasses
import hashlib
import json
import os
import re
import shutil
import stat
import tempfile
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from agent_store import __version__
from agent_store.errors import StoreError, explain
from agent_store.lake import share_file
from agent_store.lake.catalog import umask_of
from agent_store.lake.ducklake import HOSTS, OWN_TABLES
from agent_store.lake.ducklake import SESSIONS as SESSION_TABLE
from agent_store.lake.share_file import FILE_NAME, HOST, SESSIONS, SUFFIX, Content, Manifest, Member, Share
from agent_store.lake.shipment import LEAVING, SENDING, Shipment, session_row_counts
from agent_store.lake.target import FINDINGS, LAKE, ROW, Shared, Target, no_lake
from agent_store.paths import STAR, WAREHOUSE
from agent_store.replacing import is_running, remove_leftovers, replacing
from agent_store.sql import literal, quoted

if TYPE_CHECKING:
    import duckdb

Columns = Mapping[str, Sequence[Sequence[str]]]

_README: Final = """\
This folder is a lake of Agent Store: what several machines share of their sessions.

Each machine writes only into its own folder, one file per month. The files are tar archives of Parquet files. Do not edit
or rename them. If a file is damaged, delete it: its machine shares the content again.

    agent-store share FOLDER        puts the sessions of a machine here
    agent-store lake build FOLDER   builds a store of all machines
"""
_ATTRIBUTES: Final = f"*{SUFFIX} filter=lfs diff=lfs merge=lfs -text\n"
# Unfinished files, of a process that writes or was killed.
_IGNORED: Final = f".*{SUFFIX}-*\n"
_PARQUET: Final = "(format parquet, compression zstd)"
# Members are read in rounds, so that copies of only so many bytes are on disk at once.
_ROUND_BYTES: Final = 256 * 1024 * 1024
_REPLACED_RATIO: Final = 0.5
_WORKPLACE: Final = re.compile(r"[.]lake-(\d+)-.*")


@contextmanager
def opened(target: Target) -> Iterator[FolderLake]:
    """A lake in a folder."""
    try:
        yield FolderLake(target)
    except OSError as error:
        raise explain(error, f"The lake {target.shown}") or StoreError(
            f"The lake {target.shown} cannot be used: {error}.",
            "Check that the folder is there, then try again.",
        ) from error


@dataclass(slots=True)
class _Past:
    """What a host has shared: its complete shares in order, and what of each still counts."""

    shares: Sequence[Share]
    # Sessions by the share that counts, and the host's own rows (table → hash → share and number of copies).
    sessions: dict[str, int] = field(default_factory=dict)
    rows: dict[str, dict[str, tuple[int, int]]] = field(default_factory=dict)
    columns: dict[str, Sequence[Sequence[str]]] = field(default_factory=dict)
    # The columns of all tables as of each share.
    columns_at: list[Columns] = field(default_factory=list)
    # Whether files have to be rewritten without sessions that left.
    forgets: bool = False

    @classmethod
    def of(cls, shares: Iterable[Share], left_out: Collection[Share] = ()) -> _Past:
        """Replay shares in the order of their numbers. Of those left out, only the types of columns count."""
        past = cls(sorted(shares, key=lambda share: (share.manifest.share, share.file.name, share.start)))
        for index, share in enumerate(past.shares):
            manifest = share.manifest
            past.columns = {**past.columns, **manifest.columns}
            past.columns_at.append(past.columns)
            if share in left_out:
                continue
            for session in manifest.leaving:
                past.sessions.pop(session, None)
            past.forgets = past.forgets or manifest.erases
            past.sessions |= {session["session_id"]: index for session in manifest.sessions}
            for table, hashes in manifest.removed.items():
                for row in hashes:
                    past.rows.get(table, {}).pop(row, None)
            for table, hashes in manifest.added.items():
                known = past.rows.setdefault(table, {})
                known |= {row: (index, copies) for row, copies in Counter(hashes).items()}
        return past

    @property
    def last_number(self) -> int:
        """The number of the last share; 0 if there is none."""
        return self.shares[-1].manifest.share if self.shares else 0

    def sessions_of(self, index: int) -> list[Mapping[str, Any]]:
        """The sessions of a share that count."""
        found = self.shares[index].manifest.sessions
        return [session for session in found if self.sessions.get(session["session_id"]) == index]

    def rows_of(self, index: int, table: str) -> list[str]:
        """The hashes of the host's own rows in a share that count."""
        known = self.rows.get(table, {})
        return [
            row
            for row in self.shares[index].manifest.added.get(table, ())
            if known.get(row, (-1, 0))[0] == index
        ]

    def counted(self, index: int, member: Member) -> tuple[list[str], bool]:
        """The sessions or rows of a member that count, and whether these are all that it has."""
        manifest = self.shares[index].manifest
        if member.kind == SESSIONS:
            found = [session["session_id"] for session in self.sessions_of(index)]
            return found, len(found) == len(manifest.sessions)
        rows = self.rows_of(index, member.table)
        return rows, len(rows) == len(manifest.added.get(member.table, ()))

    def replaced_ratio(self, file: Path) -> float:
        """About how much of a file's bytes no longer counts."""
        total = counted = 0.0
        for index, share in enumerate(self.shares):
            if share.file != file:
                continue
            lines = _lines(self.sessions_of(index)) / max(1, _lines(share.manifest.sessions))
            for member in share.manifest.members:
                added = len(share.manifest.added.get(member.table, ()))
                of_host = len(self.rows_of(index, member.table)) / max(1, added)
                total += member.size
                counted += member.size * (lines if member.kind == SESSIONS else of_host)
        return 1 - counted / total if total else 0.0


def _lines(sessions: Iterable[Mapping[str, Any]]) -> int:
    return sum(session["line_count"] + 1 for session in sessions)


class FolderLake:
    """A lake whose hosts append to files of their own."""

    def __init__(self, target: Target) -> None:
        """Remember the folder; each operation reads it itself."""
        self.target = target
        self.folder = Path(target.place)
        # What could not be read, after `attach`: host, file, and the loss.
        self.findings: list[str] = []

    def stamps(self, host_id: str) -> dict[str, str]:
        """The stamp of each session that a host has shared; empty if it has not shared anything."""
        past, _ = _past(self.folder / host_id)
        return {
            session["session_id"]: session["stamp"]
            for index in range(len(past.shares))
            for session in past.sessions_of(index)
        }

    def check(self) -> None:
        """Raise StoreError if nobody has shared anything there."""
        if not any(True for folder in _host_folders(self.folder) for _ in _files(folder)):
            raise no_lake(self.target)

    def write(self, shipment: Shipment) -> Shared:
        """Append a shipment to this host's file of the month, and rewrite its files if something has to be erased."""
        note = self._prepare(shipment.host.host_id, forgets=shipment.choice.erases)
        folder = self.folder / shipment.host.host_id
        with share_file.alone(folder), _workplace(shipment.connection) as workplace:
            remove_leftovers(folder)
            past, contents = _past(folder)
            manifest = _manifest(shipment, past)
            files = list(_export(shipment, manifest, workplace))
            byte_count = 0
            if not manifest.is_empty or not _is_same_host(past, manifest):
                byte_count += self._append(folder, contents, manifest, files)
                past, contents = _past(folder)
            byte_count += self._rewrite(folder, past, workplace)
        rows = sum(member.row_count for member, _ in files)
        return Shared(shipment.choice.session_count, shipment.choice.gone_count, rows, byte_count, note=note)

    def hosts(self) -> dict[str, tuple[str, int]]:
        """The name of each host by its id, and how many sessions it has shared."""
        self.check()
        found = {}
        for folder in _host_folders(self.folder):
            past, _ = _past(folder)
            if past.shares:
                name = past.shares[-1].manifest.host.get("host_name") or folder.name
                found[folder.name] = (str(name), len(past.sessions))
        return found

    def remove(self, host_id: str) -> None:
        """Remove the folder of a host."""
        folder = self.folder / host_id
        with share_file.alone(folder):
            shutil.rmtree(folder)

    def maintain(self) -> None:
        """Nothing: each host keeps its own files small when it shares, and nobody else writes to them."""

    def _prepare(self, host_id: str, *, forgets: bool) -> str:
        """Make the folders and what explains them; return a note about the place."""
        if not self.folder.exists():
            # For its owner, or for the group too if the folder around it is a team's, whatever the umask is.
            mode = 0o777 & ~umask_of(self.folder)
            self.folder.mkdir(parents=True, exist_ok=True)
            with suppress(OSError):
                self.folder.chmod(self._mode(stat.S_ISGID) | mode)
        folder = self.folder / host_id
        if not folder.is_dir():
            folder.mkdir(exist_ok=True)
            with suppress(OSError):
                folder.chmod(self._mode(stat.S_ISGID | 0o755))
        texts = {"README.txt": _README}
        is_git = any((parent / ".git").exists() for parent in (self.folder, *self.folder.parents))
        if is_git:
            texts |= {".gitattributes": _ATTRIBUTES, ".gitignore": _IGNORED}
        for name, text in texts.items():
            if not (self.folder / name).exists():
                with replacing(self.folder / name) as fresh:
                    fresh.write_text(text, encoding="utf-8")
                    fresh.chmod(self._mode(0o644))
        if not is_git:
            return ""
        if shutil.which("git-lfs") is None:
            return (
                "git-lfs is not installed: git would keep each version of these files whole. Install it, and run "
                "`git lfs install`, before you commit."
            )
        note = "This folder is in a git repository: commit and push it."
        if forgets:
            note += (
                " What was removed is in no file here any more, but git's history and the LFS storage keep earlier "
                "versions: git filter-repo and git lfs prune remove these."
            )
        return note

    def _mode(self, most: int) -> int:
        return self.folder.stat().st_mode & most

    def _append(
        self,
        folder: Path,
        contents: Mapping[Path, Content],
        manifest: Manifest,
        files: Sequence[tuple[Member, Path]],
    ) -> int:
        """Append a share to the file of the month; return the bytes written."""
        # A clock that was set back must not put a later share into an earlier file.
        month = max([f"{datetime.now(UTC):%Y-%m}", *(file.stem for file in contents)])
        file = folder / f"{month}{SUFFIX}"
        is_new = not file.exists()
        opened_file = os.open(file, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), self._mode(0o644))
        with os.fdopen(opened_file, "r+b") as stream:
            if is_new:
                with suppress(OSError):
                    file.chmod(self._mode(0o644))
            start = contents[file].end if file in contents else 0
            stream.seek(start)
            stream.truncate()
            appending = share_file.Appending(stream)
            appending.share(manifest, files)
            appending.end()
            size = stream.tell()
        share_file.sync_folder(folder)
        return size - start

    def _rewrite(self, folder: Path, past: _Past, workplace: Path) -> int:
        """Rewrite files without what no longer counts, where that is due; return the bytes written.

        All of them, if something has to be erased: the last file says so until it is rewritten itself, so a later share
        continues what was killed. Else the files of earlier months that were mostly replaced.
        """
        files = sorted({share.file for share in past.shares})
        chosen = files if past.forgets else [
            file for file in files[:-1] if past.replaced_ratio(file) > _REPLACED_RATIO
        ]  # fmt: skip
        written = 0
        for file in chosen:
            shares = _kept(past, file, is_whole=past.forgets)
            if shares is None:
                continue
            if not shares:
                file.unlink()
            else:
                with replacing(file) as fresh, fresh.open("r+b") as stream, share_file.opened(file) as source:
                    appending = share_file.Appending(stream)
                    for index, manifest in shares:
                        with tempfile.TemporaryDirectory(dir=workplace) as place:
                            appending.share(manifest, _filtered(past, index, source, Path(place)))
                    appending.end()
                    written += stream.tell()
                    fresh.chmod(self._mode(0o644))
            share_file.sync_folder(folder)
        return written

    def attach(self, connection: duckdb.DuckDBPyConnection) -> str:
        """Attach the lake as it is now: a copy of the rows that count, in a private file that goes when this process ends.

        The copy is made again if anything was shared since. A share with a damaged member is left out whole; `findings` and
        the table `lake_finding` of the copy name it.
        """
        self.check()
        state, files = _state(self.folder)
        copy = _COPIES.get(self.target.place)
        if copy is None or copy.files != files:
            if copy is not None:
                _COPIES.pop(self.target.place).discard()
            copy = _COPIES[self.target.place] = _copied(self.folder, _home_of(connection), files)
        self.findings = list(copy.findings)
        connection.execute(f"attach {literal(str(copy.file))} as {LAKE} (read_only)")
        return state


def _host_folders(folder: Path) -> list[Path]:
    """The folders of hosts, by name."""
    if not folder.is_dir():
        return []
    return sorted(place for place in folder.iterdir() if place.is_dir() and not place.name.startswith("."))


def _files(folder: Path) -> list[Path]:
    """The files of a host, by month."""
    if not folder.is_dir():
        return []
    return sorted(file for file in folder.iterdir() if FILE_NAME.fullmatch(file.name) and file.is_file())


def _past(folder: Path) -> tuple[_Past, dict[Path, Content]]:
    """What a host has shared, and the content of each of its files."""
    contents = {}
    for file in _files(folder):
        with share_file.opened(file) as stream:
            contents[file] = share_file.content(file, stream)
    return _Past.of(share for content in contents.values() for share in content.shares), contents


def _state(folder: Path) -> tuple[str, tuple[tuple[object, ...], ...]]:
    """The name of the state of a lake, a digest of all manifests; and its files, as far as the file system tells."""
    digest = hashlib.sha256()
    files = []
    for host in _host_folders(folder):
        for file, content in _past(host)[1].items():
            shares = " ".join(share.digest for share in content.shares)
            digest.update(f"{host.name}/{file.name} {shares} {content.findings}\n".encode())
            stat = file.stat()
            files.append((file, shares, stat.st_ino, stat.st_size, stat.st_mtime_ns))
    return digest.hexdigest()[:16], tuple(files)


def _manifest(shipment: Shipment, past: _Past) -> Manifest:
    """What a shipment adds to what its host has shared."""
    connection = shipment.connection
    sending = connection.execute(
        f"select session_id, stamp, line_count, last_line_at, month from {SENDING}"
    ).fetchall()
    leaving = connection.execute(
        f"select session_id from {LEAVING} where session_id not in (select session_id from {SENDING})"
    ).fetchall()
    names = ("session_id", "stamp", "line_count", "last_line_at", "month")
    added, removed = _changed_rows(shipment, past)
    return Manifest(
        share=past.last_number + 1,
        host=_host(shipment),
        sessions=[
            {name: _plain(value) for name, value in zip(names, row, strict=True)} for row in sorted(sending)
        ],
        leaving=sorted(session for (session,) in leaving if session in past.sessions),
        erases=shipment.choice.erases,
        added=added,
        removed=removed,
        columns={
            table.name: [list(column) for column in table.columns]
            for table in shipment.tables
            if [list(column) for column in table.columns] != past.columns.get(table.name)
        },
    )


def _changed_rows(shipment: Shipment, past: _Past) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """By table, the hashes of the host's own rows that are new, and of those that are no longer there."""
    added, removed = {}, {}
    marks = _marks_here(shipment)
    for table in shipment.tables:
        known = past.rows.get(table.name, {})
        if marks[table.name] == _mark(known):
            continue
        here = Counter(
            row for (row,) in shipment.connection.execute(f"select {ROW} from ({table.host_rows})").fetchall()
        )
        gone = sorted(row for row, (_, copies) in known.items() if here.get(row) != copies)
        new = sorted(
            row for row, copies in here.items() if known.get(row, (0, 0))[1] != copies for _ in range(copies)
        )
        if gone:
            removed[table.name] = gone
        if new:
            added[table.name] = new
    return added, removed


def _marks_here(shipment: Shipment) -> dict[str, str]:
    """A mark of the host's own rows in each table, of all their hashes: what the files have is held against it.

    The marks of a catalog are cheaper, but they say what changed since the last share, not what a lost file had.
    """
    return {
        name: f"{count} {mark}" if count else ""
        for name, count, mark in shipment.connection.execute(
            " union all ".join(
                f"select {literal(table.name)}, count(*), bit_xor(cast({ROW} as ubigint)) from ({table.host_rows})"
                for table in shipment.tables
            )
        ).fetchall()
    }


def _mark(rows: Mapping[str, tuple[int, int]]) -> str:
    """The mark of rows that were shared, as _marks_here makes it."""
    count = mark = 0
    for row, (_, copies) in rows.items():
        count += copies
        mark ^= int(row) if copies % 2 else 0
    return f"{count} {mark}" if count else ""


def _host(shipment: Shipment) -> dict[str, Any]:
    """The row of a host in lake_host."""
    asked = shipment.connection.execute(f"select * from {STAR}.main.store_build")
    values = dict(zip([name for name, *_ in asked.description or ()], asked.fetchone() or (), strict=False))
    values |= {
        "host_id": shipment.host.host_id,
        "host_name": shipment.host.host_name,
        "shared_at": datetime.now(UTC).replace(tzinfo=None),
        "agent_store_version": __version__,
    }
    return {name: _plain(values.get(name)) for name in _names(HOSTS)}


def _names(own_table: str) -> list[str]:
    return [column.split()[0] for column in OWN_TABLES[own_table].split(", ")]


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, int | str) else str(value)


def _is_same_host(past: _Past, manifest: Manifest) -> bool:
    """Whether the row of the host says the same, apart from the time."""
    if not past.shares:
        return False
    return {**past.shares[-1].manifest.host, "shared_at": None} == {**manifest.host, "shared_at": None}


def _export(shipment: Shipment, manifest: Manifest, workplace: Path) -> Iterator[tuple[Member, Path]]:
    """Write the rows of a shipment as Parquet files."""
    connection = shipment.connection
    counts = session_row_counts(shipment)
    for table in shipment.tables:
        selects = []
        if counts.get(table.name):
            selects.append((SESSIONS, table.session_rows))
        if table.name in manifest.added:
            connection.execute(
                "create or replace temp table added_row as select unnest(?::varchar[]) as added",
                [sorted(set(manifest.added[table.name]))],
            )
            selects.append(
                (HOST, f"select * from ({table.host_rows}) where {ROW} in (select added from added_row)")
            )
        for kind, rows in selects:
            file = workplace / f"{table.name}.{kind}.parquet"
            yield _to_parquet(connection, rows, table.name, kind, file), file


def _to_parquet(
    connection: duckdb.DuckDBPyConnection, rows: str, table: str, kind: str, file: Path
) -> Member:
    found = connection.execute(f"copy ({rows}) to {literal(str(file))} {_PARQUET}").fetchone()
    return Member(table, kind, 0, "", int(found[0]) if found else 0)


def _kept(past: _Past, file: Path, *, is_whole: bool) -> list[tuple[int, Manifest]] | None:
    """The shares of a file without what no longer counts; None if all of it counts.

    If all files of the host are rewritten, it need not say what was removed. The last share stays: it has the host's row.
    """
    kept = []
    is_changed = False
    for index, share in enumerate(past.shares):
        if share.file != file:
            continue
        manifest = share.manifest
        added = {table: rows for table in manifest.added if (rows := past.rows_of(index, table))}
        filtered = dataclasses.replace(
            manifest,
            sessions=past.sessions_of(index),
            leaving=() if is_whole else manifest.leaving,
            erases=manifest.erases and not is_whole,
            added=added,
            removed={} if is_whole else manifest.removed,
            members=[member for member in manifest.members if past.counted(index, member)[0]],
        )
        is_changed = is_changed or filtered != manifest
        if not filtered.is_empty or index == len(past.shares) - 1:
            kept.append((index, filtered))
    return kept if is_changed else None


def _filtered(past: _Past, index: int, source: IO[bytes], place: Path) -> Iterator[tuple[Member, Path]]:
    """The members of a share with only the rows that count."""
    import duckdb

    share = past.shares[index]
    for number, member in enumerate(share.manifest.members):
        counted, is_whole = past.counted(index, member)
        if not counted:
            continue
        file = place / f"{number}.parquet"
        with file.open("wb") as to:
            is_intact = share_file.copy_member(source, share, number, to)
        if not is_intact:
            raise StoreError(
                f"{share.shown} is damaged: {member.table}.",
                f"Delete {share.file}, then share again: this machine still has what was in it.",
            )
        if is_whole:
            yield member, file
            continue
        fresh = place / f"{number}.filtered.parquet"
        key = "session_id" if member.kind == SESSIONS else ROW
        with duckdb.connect(":memory:") as connection:
            connection.execute("create temp table counted as select unnest(?::varchar[]) as id", [counted])
            rows = (
                f"select * from read_parquet({literal(str(file))}, hive_partitioning = false) "
                f"where {key} in (select id from counted)"
            )
            kept = _to_parquet(connection, rows, member.table, member.kind, fresh)
        if kept.row_count:
            yield kept, fresh


@dataclass(frozen=True, slots=True)
class _Copy:
    """A copy of a lake's rows, for the builds of this process."""

    # The files that it was made of.
    files: tuple[tuple[object, ...], ...]
    file: Path
    findings: tuple[str, ...]
    process: int

    def discard(self) -> None:
        """Remove the copy. Connections that have it open keep it."""
        if self.process == os.getpid():
            shutil.rmtree(self.file.parent, ignore_errors=True)


_COPIES: Final[dict[str, _Copy]] = {}


@atexit.register
def _discard_copies() -> None:
    for copy in _COPIES.values():
        copy.discard()


def _copied(folder: Path, home: Path, files: tuple[tuple[object, ...], ...]) -> _Copy:
    """Copy the rows of a lake that count into a database."""
    import duckdb

    workplace = _new_workplace(home)
    file = workplace / f"{LAKE}.duckdb"
    try:
        with duckdb.connect(
            str(file),
            config={
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "memory_limit": os.environ.get("AGENT_STORE_MEMORY", "1GB"),
                "threads": os.environ.get("AGENT_STORE_DUCKDB_THREADS", "1"),
                "preserve_insertion_order": "false",
            },
        ) as connection:
            connection.execute("set TimeZone = 'UTC'")
            loading = _Loading(connection, workplace)
            for host in _host_folders(folder):
                loading.host(host)
            loading.finish()
    except BaseException:
        shutil.rmtree(workplace, ignore_errors=True)
        raise
    return _Copy(files, file, tuple(loading.findings), os.getpid())


@dataclass(frozen=True, slots=True)
class _Extracted:
    """A member on disk, to be loaded."""

    file: Path
    member: Member
    # The ids of the rows that count; None if all do.
    counted: Sequence[str] | None


class _Loading:
    """Loading the rows of hosts into a database."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, workplace: Path) -> None:
        """Begin with an empty database."""
        self.findings: list[str] = []
        self._connection = connection
        self._workplace = workplace
        self._types: dict[str, dict[str, str]] = {}
        # Members to be loaded, by table and its columns there.
        self._waiting: dict[tuple[str, str], list[_Extracted]] = {}
        self._bytes = self._number = 0
        connection.execute(f"create table {FINDINGS} (finding varchar)")
        for name in (HOSTS, SESSION_TABLE):
            connection.execute(f"create table {name} ({OWN_TABLES[name]})")
        connection.execute("create temp table counted (file varchar, id varchar)")

    def host(self, folder: Path) -> None:
        """Load what counts of a host."""
        with ExitStack() as stack:
            # Open until members are copied: a file that is replaced meanwhile is still read as it was.
            streams = {file: stack.enter_context(share_file.opened(file)) for file in _files(folder)}
            contents = [share_file.content(file, stream) for file, stream in streams.items()]
            self.findings += [finding for content in contents for finding in content.findings]
            past, members = self._extract(
                [share for content in contents for share in content.shares], streams
            )
        if not past.shares:
            return
        self._own(HOSTS, [{**past.shares[-1].manifest.host, "host_id": folder.name}])
        self._own(
            SESSION_TABLE,
            [
                {**session, "host_id": folder.name}
                for index in range(len(past.shares))
                for session in past.sessions_of(index)
            ],
        )
        for name, columns in past.columns.items():
            self._table(name, columns)
        for index, member, file in members:
            # If the share that declared them was lost, the columns are those of the Parquet file.
            columns = past.columns_at[index].get(member.table) or self._columns(file)
            self._table(member.table, columns)
            counted, is_whole = past.counted(index, member)
            self._waiting.setdefault((member.table, json.dumps(columns)), []).append(
                _Extracted(file, member, None if is_whole else counted)
            )
        if self._bytes > _ROUND_BYTES:
            self._load()

    def _extract(
        self, shares: list[Share], streams: Mapping[Path, IO[bytes]]
    ) -> tuple[_Past, list[tuple[int, Member, Path]]]:
        """Copy the members that have rows that count. A share with a damaged one is left out, as if it were not there."""
        done: dict[tuple[Share, int], Path] = {}
        left_out: set[Share] = set()
        while True:
            past = _Past.of(shares, left_out)
            chosen = [
                (index, share, number)
                for index, share in enumerate(past.shares)
                for number, member in enumerate(share.manifest.members)
                if past.counted(index, member)[0]
            ]
            damaged = next(
                (share for _, share, number in chosen if not self._is_copied(share, number, streams, done)),
                None,
            )
            if damaged is None:
                return past, [
                    (index, share.manifest.members[number], done[share, number])
                    for index, share, number in chosen
                ]
            left_out.add(damaged)

    def _is_copied(
        self,
        share: Share,
        number: int,
        streams: Mapping[Path, IO[bytes]],
        done: dict[tuple[Share, int], Path],
    ) -> bool:
        if (share, number) in done:
            return True
        self._number += 1
        file = self._workplace / f"{self._number}.parquet"
        with file.open("wb") as to:
            is_intact = share_file.copy_member(streams[share.file], share, number, to)
        if is_intact:
            done[share, number] = file
            self._bytes += share.manifest.members[number].size
        else:
            file.unlink()
            self.findings.append(
                f"{share.shown}: {share.manifest.members[number].table} is damaged; the share is left out, with "
                f"{len(share.manifest.sessions):,} sessions. Delete {share.file} and share again on that machine."
            )
        return is_intact

    def _columns(self, file: Path) -> list[list[str]]:
        """The columns of a Parquet file."""
        described = self._connection.execute(
            f"describe select * from read_parquet({literal(str(file))}, hive_partitioning = false)"
        ).fetchall()
        return [[name, kind] for name, kind, *_ in described]

    def _own(self, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        names = _names(name)
        if rows:
            self._connection.executemany(
                f"insert into {name} values ({', '.join('?' for _ in names)})",
                [[row.get(column) for column in names] for row in rows],
            )

    def _table(self, name: str, columns: Sequence[Sequence[str]]) -> None:
        """Make a table, or the columns of it that other hosts do not have. The type of the first host counts."""
        declared = {column: _checked_type(kind) for column, kind in columns}
        known = self._types.setdefault(name, {})
        if not known:
            texts = ", ".join(f"{quoted(column)} {kind}" for column, kind in declared.items())
            self._connection.execute(f"create table {quoted(name)} ({texts})")
        else:
            for column, kind in declared.items():
                if column not in known:
                    self._connection.execute(f"alter table {quoted(name)} add column {quoted(column)} {kind}")
        self._types[name] = {**declared, **known}

    def finish(self) -> None:
        """Load the rest, and note the findings."""
        self._load()
        if self.findings:
            self._connection.executemany(
                f"insert into {FINDINGS} values (?)", [[text] for text in self.findings]
            )

    def _load(self) -> None:
        """Load the members that were copied, and remove the copies."""
        for (table, text), members in self._waiting.items():
            self._insert(table, [column for column, _ in json.loads(text)], members)
            for extracted in members:
                extracted.file.unlink()
        self._waiting, self._bytes = {}, 0

    def _insert(self, table: str, columns: Sequence[str], members: Sequence[_Extracted]) -> None:
        whole = [extracted for extracted in members if extracted.counted is None]
        self._insert_from(table, columns, whole, "")
        for kind, key in ((SESSIONS, "session_id"), (HOST, ROW)):
            partly = [
                extracted for extracted in members if extracted.counted and extracted.member.kind == kind
            ]
            self._connection.execute("delete from counted")
            for extracted in partly:
                self._connection.execute(
                    "insert into counted select ?, unnest(?::varchar[])",
                    [str(extracted.file), extracted.counted],
                )
            self._insert_from(
                table, columns, partly, f" where (_file, {key}) in (select (file, id) from counted)"
            )

    def _insert_from(
        self, table: str, columns: Sequence[str], members: Sequence[_Extracted], condition: str
    ) -> None:
        import duckdb

        if not members:
            return
        files = ", ".join(literal(str(extracted.file)) for extracted in members)
        source = f"from read_parquet([{files}], filename = '_file', hive_partitioning = false){condition}"
        for cast in ("cast", "try_cast"):
            values = ", ".join(
                f"{cast}({quoted(column)} as {self._types[table][column]}) as {quoted(column)}"
                for column in columns
            )
            try:
                self._connection.execute(f"insert into {quoted(table)} by name select {values} {source}")
            except duckdb.ConversionException as error:
                if cast == "try_cast":
                    raise
                self.findings.append(
                    f"{table}: hosts have different types of a column; values that cannot be converted are empty "
                    f"({str(error).splitlines()[0]})."
                )
            else:
                return


def _checked_type(text: str) -> str:
    """A type that a manifest declares, as DuckDB reads it. Raises StoreError if it is none."""
    import duckdb

    try:
        return str(duckdb.sqltype(text))
    except duckdb.Error as error:
        raise StoreError(f"The lake declares a column of the type {text!r}, which is none.") from error


def _home_of(connection: duckdb.DuckDBPyConnection) -> Path:
    """The private folder of the warehouse that a connection has open, for files that nobody else may read."""
    found = connection.execute(
        "select path from duckdb_databases() where database_name = ? and path is not null", [WAREHOUSE]
    ).fetchone()
    return Path(found[0]).parent if found else Path(tempfile.gettempdir())


@contextmanager
def _workplace(connection: duckdb.DuckDBPyConnection) -> Iterator[Path]:
    """A private folder for the time of a share."""
    folder = _new_workplace(_home_of(connection))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _new_workplace(home: Path) -> Path:
    """Make a private folder, and remove those that killed processes left."""
    for folder in home.glob(".lake-*"):
        named = _WORKPLACE.fullmatch(folder.name)
        if named and int(named[1]) != os.getpid() and not is_running(int(named[1])):
            shutil.rmtree(folder, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f".lake-{os.getpid()}-", dir=home))
