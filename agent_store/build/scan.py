"""Scans and checks: which folders are searched, and what is landed from them besides the transcripts."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent_store.errors import StoreError
from agent_store.paths import StorePaths
from agent_store.privacy import under_policy
from ingest import alerts, components, contracts, git, sources
from ingest import warehouse as batches
from ingest.code import scan as code
from ingest.components import Folder
from ingest.files import is_regular
from ingest.text import counted
from ingest.warehouse import Changes

if TYPE_CHECKING:
    import duckdb

_PROJECT_LIST = Path(".agent-store") / sources.FILE_NAME
_NAMED = "named"
_NO_FOLDERS = ("//", "\\\\", "/proc/", "/sys/", "/dev/", "/net/")


@dataclass(frozen=True, slots=True)
class ScanResult:
    """The result of a scan."""

    folders: int
    files_seen: int
    versions_landed: int
    contract_versions: int
    set_aside: int
    batch_id: int
    seconds: float
    code: code.ScanResult

    @property
    def summary(self) -> str:
        """Return it in one line, plus one for code if there is any."""
        text = (
            f"Scanned {counted(self.files_seen, 'component file')} in {counted(self.folders, 'folder')}: "
            f"{counted(self.versions_landed, 'new component version')}, "
            f"{counted(self.contract_versions, 'new contract version')}"
        )
        if self.set_aside:
            text += f", {self.set_aside:,} set aside"
        text = f"{text}, in {self.seconds - self.code.seconds:.1f} s."
        return f"{text}\n{self.code.summary}" if self.code.repositories or self.code.batch_id else text


@under_policy
def scan(
    paths: StorePaths,
    roots: Sequence[Path],
    *,
    named: Sequence[Path] = (),
    repositories: Sequence[Path] = (),
    host: str | None = None,
) -> ScanResult:
    """Search the homes, the projects in transcripts and the named folders; land what is new.

    For folders in git repositories the code is landed too, along with what agents read of it.
    """
    started, started_at = time.perf_counter(), batches.utc_now()
    host = host or platform.node() or "unknown"
    batches.ensure_schema(paths.warehouse)
    with batches.reading(paths.warehouse) as connection:
        memory = _memory(connection)
        changes, folders = _folders(connection, memory, roots, [*named, *repositories])
        with_components = components.scan(
            folders, components.known_places(connection), lambda: _versions(connection), host
        )
        # A home may also be a repository: many people keep their skills in one.
        with_components.merge(
            components.scan_history(
                folders, memory, lambda: _commits(connection), lambda: _bodies(connection)
            )
        )
        listed, with_sources = sources.list_changes(lists(paths, folders), connection)
        changes.merge(with_components)
        changes.merge(with_sources)
        changes.merge(_contracts(connection, memory, listed))
        changes.merge(alerts.changes(paths.home / alerts.FILE_NAME, connection))
    batch_id = 0
    if changes:
        batch_id = batches.write(paths.warehouse, changes, host=host, started_at=started_at)
    coded = code.scan_code([*repositories, *code.repositories_from_environment()], paths.warehouse, host=host)
    rows = changes.rows
    return ScanResult(
        folders=len(folders),
        files_seen=with_components.files_seen,
        versions_landed=len(rows.get("component_version", ())),
        contract_versions=len(rows.get("contract_version", ())),
        set_aside=changes.set_aside,
        batch_id=max(batch_id, coded.batch_id),
        seconds=time.perf_counter() - started,
        code=coded,
    )


@under_policy
def land_alerts(paths: StorePaths) -> int:
    """Land only the list of alerts, if it has changed; return the batch number, or 0 if nothing was landed."""
    with batches.reading(paths.warehouse) as connection:
        changes = alerts.changes(paths.home / alerts.FILE_NAME, connection)
    return batches.write(paths.warehouse, changes) if changes else 0


def lists(paths: StorePaths, folders: Iterable[Folder]) -> dict[Path, Path | None]:
    """The lists of sources for contracts, each with the folder that its paths must stay in.

    The store's own list may name any file; lists in folders may only name files inside those folders.
    """
    places: dict[Path, Path | None] = {paths.home / sources.FILE_NAME: None}
    for folder in folders:
        if folder.origin == "home":
            continue
        inside = Path(components.whole_of(folder.path))
        places.setdefault(folder.path / _PROJECT_LIST, inside)
        if folder.origin == _NAMED:
            places.setdefault(folder.path / sources.FILE_NAME, inside)
    return {place: inside for place, inside in places.items() if is_regular(place)}


@under_policy
def check(
    paths: StorePaths,
    *,
    names: Sequence[str] = (),
    files: Sequence[Path] = (),
    limits: sources.Limits | None = None,
    on_seen: Callable[[sources.Seen], None] | None = None,
) -> list[sources.Seen]:
    """Check the listed sources, and nothing else; land the results."""
    started_at = batches.utc_now()
    with batches.reading(paths.warehouse) as connection:
        folders = [
            Folder(Path(folder), _NAMED) for folder, origin in _known_folders(connection) if origin == _NAMED
        ]
        wanted = dict.fromkeys(files, None) if files else lists(paths, folders)
        try:
            listed = [source for file, inside in wanted.items() for source in sources.read_list(file, inside)]
        except sources.SourcesError as error:
            raise StoreError(str(error), "Fix the list, then check again.") from error
        if not listed:
            raise StoreError(
                "There is nothing to check, because no sources are listed.",
                f"List them in {paths.home / sources.FILE_NAME}, as: sources: [{{name: guide, url: https://…}}]",
            )
        if names:
            unknown = sorted(set(names) - {source.name for source in listed})
            if unknown:
                raise StoreError(f"No source is called {', '.join(unknown)}.",
                                 f"There are: {', '.join(source.name for source in listed)}.")  # fmt: skip
            listed = [source for source in listed if source.name in names]
        _, changes = sources.list_changes(wanted, connection)
        before = sources.last_checks(connection)
        known = contracts.Known.load(connection)
    seen = sources.check(listed, before, salt=sources.salt_of(paths.home), limits=limits, on_seen=on_seen)
    changes.merge(sources.changes_of(seen, known))
    batches.write(paths.warehouse, changes, started_at=started_at)
    return seen


# ------------------------------------------------------------------------------------------- known state


def _memory(connection: duckdb.DuckDBPyConnection | None) -> dict[str, str]:
    if connection is None:
        return {}
    return dict(connection.execute("select name, value from raw.scan_memory").fetchall())


def _known_folders(connection: duckdb.DuckDBPyConnection | None) -> list[tuple[str, str]]:
    if connection is None:
        return []
    return connection.execute("select folder, origin from raw.scan_folder order by folder").fetchall()


def _versions(connection: duckdb.DuckDBPyConnection | None) -> set[tuple[str, str, str]]:
    if connection is None:
        return set()
    return set(connection.execute("select root, path, content_hash from raw.component_version").fetchall())


def _commits(connection: duckdb.DuckDBPyConnection | None) -> set[tuple[str, str, str]]:
    if connection is None:
        return set()
    return set(connection.execute("select root, path, commit_hash from raw.component_commit").fetchall())


def _bodies(connection: duckdb.DuckDBPyConnection | None) -> set[tuple[str, str, str]]:
    if connection is None:
        return set()
    return set(connection.execute("select root, path, commit_hash from raw.component_body").fetchall())


def _folders(
    connection: duckdb.DuckDBPyConnection | None,
    memory: dict[str, str],
    roots: Sequence[Path],
    named: Sequence[Path],
) -> tuple[Changes, list[Folder]]:
    """The folders to search. Those named in transcripts are collected once, from new lines."""
    changes = Changes()
    known = dict(_known_folders(connection))
    homes = [Path(root).resolve() for root in roots]
    batch = int(memory.get("cwd_batch", 0))
    for cwd, last in _working_dirs(connection, batch):
        batch = max(batch, last)
        if cwd is None:
            continue
        for folder in _project_folders(cwd):
            if folder not in known:
                known[folder] = "project"
                changes.remember("scan_folder", ("folder",), (folder, "project", batches.utc_now()))
    if batch > int(memory.get("cwd_batch", 0)):
        changes.remember("scan_memory", ("name",), ("cwd_batch", str(batch)))
    for path in named:
        folder = str(path.expanduser().resolve())
        if known.get(folder) != _NAMED:
            known[folder] = _NAMED
            changes.remember("scan_folder", ("folder",), (folder, _NAMED, batches.utc_now()))
    found = [Folder(home, "home") for home in homes if home.is_dir()]
    taken = {folder.path for folder in found} | {
        folder.path.parent for folder in found if folder.path.name == ".claude"
    }
    for name, origin in sorted(known.items()):
        path = Path(name)
        if path not in taken and _is_dir(path):
            found.append(Folder(path, origin))
    return changes, found


def _is_dir(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _working_dirs(connection: duckdb.DuckDBPyConnection | None, after: int) -> list[tuple[str | None, int]]:
    """The working directories of sessions in new batches."""
    if connection is None or not batches.has_table(connection, "transcript_line"):
        return []
    newest = _newest_batch(connection)
    if newest <= after:
        return []
    rows: list[Any] = connection.execute(
        r"""
        select distinct regexp_extract(line, '"cwd":\s?"([^"]+)"', 1) as cwd
        from raw.transcript_line where _batch_id > ?
        """,
        [after],
    ).fetchall()
    return [(str(cwd).replace("\\\\", "\\").replace("\\/", "/") or None, newest) for (cwd,) in rows]


def _newest_batch(connection: duckdb.DuckDBPyConnection) -> int:
    """The last batch that landed lines of transcripts."""
    row = connection.execute("select coalesce(max(_batch_id), 0) from raw.transcript_line").fetchone()
    return int(row[0]) if row else 0


def _project_folders(cwd: str) -> list[str]:
    """A session's folder and the root of its repository, if they are on this machine.

    Anyone may have written the line, so only folders in the form that the client writes are accepted. Others differ by
    process (/proc/self/cwd), or make the system contact other machines (//server/share, /net/server).
    """
    path = Path(cwd)
    if not path.is_absolute() or cwd.startswith(_NO_FOLDERS) or ".." in path.parts or not _is_dir(path):
        return []
    found = [path.resolve()]
    if str(found[0]).startswith(_NO_FOLDERS):
        return []
    top = git.repository_of(path)
    if top is not None and top.resolve() not in found:
        found.append(top.resolve())
    user = Path.home().resolve()
    return [str(folder) for folder in found if folder not in {user, *user.parents, Path("/tmp")}]


def _contracts(
    connection: duckdb.DuckDBPyConnection | None, memory: dict[str, str], listed: Sequence[sources.Source]
) -> Changes:
    """New versions of listed contracts whose files or repository have changed, and of tools in logs."""
    changes = Changes()
    known: contracts.Known | None = None
    for source in listed:
        if source.watched is None:
            continue
        name = f"contract {source.listed_in} {source.name}"
        state = _state(source.watched)
        if memory.get(name) == state:
            continue
        known = known or contracts.Known.load(connection)
        already = known.versions.get(source.watched.name, [])
        # Several files form the whole history: those already landed come first and are skipped.
        done = len(already) if len(source.watched.files) > 1 and _is_continued(source.watched, already) else 0
        for number, version in enumerate(contracts.read_versions(source.watched)):
            if number >= done:
                contracts.add_version(changes, known, source.watched, version)
        changes.remember("scan_memory", ("name",), (name, state))
    newest = int(memory.get("tool_batch", 0))
    if connection is not None and batches.has_table(connection, "transcript_line"):
        last = _newest_batch(connection)
        if last > newest:
            known = known or contracts.Known.load(connection)
            contracts.land_tools(connection, changes, known, newest)
            changes.remember("scan_memory", ("name",), ("tool_batch", str(last)))
    return changes


def _state(watched: contracts.Watched) -> str:
    """A value that changes when a contract may have changed, found without reading it."""
    parts = [watched.kind, watched.direction, watched.dialect]
    for file in watched.files:
        try:
            status = file.stat()
            parts.append(f"{file} {status.st_size} {status.st_mtime_ns}")
        except OSError:
            parts.append(f"{file} -")
    if watched.use_git and len(watched.files) == 1:
        folder = git.repository_of(watched.files[0])
        parts.append(str(git.head_of(folder)) if folder else "")
    return "\n".join(parts)


def _is_continued(watched: contracts.Watched, already: Sequence[tuple[int, str, str | None]]) -> bool:
    """Whether the files start with the landed versions: then only the rest is new."""
    direction = watched.direction or contracts.direction_of(watched.kind)
    found = [
        contracts.content_hash_of(watched.kind, direction, version.texts)
        for version in contracts.read_versions(watched)
    ]
    return [content_hash for _, content_hash, _ in already] == found[: len(already)]
