"""An export to a folder: one folder per table with one file per month, and a manifest of everything, written last.

Everything is first written to a separate folder. Then the new files replace those listed in the manifest of an earlier
export, and nothing else is touched. Meanwhile there is no manifest, but a journal that lists the files of both: if this
export is cut off, the next one uses it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from agent_store import __version__
from agent_store.errors import StoreError, explain
from agent_store.paths import FOLDER_MODE, private_files
from agent_store.replacing import replacing
from agent_store.serve.export import selection
from agent_store.serve.export.column_types import TEXT, column_type, is_nested
from agent_store.sql import literal, quoted
from agent_store.store import open_store

if TYPE_CHECKING:
    import duckdb

    from agent_store.paths import StorePaths
    from agent_store.show.catalog import Relation

MANIFEST = "manifest.json"
FORMATS = (selection.PARQUET, selection.CSV, selection.JSON)
FORMAT_VERSION = 1
_JOURNAL = "manifest.unfinished.json"
_LOCK = ".export.lock"
_STAGE = ".export-"
_WHOLE = "dim_"
_NO_MONTH = "__HIVE_DEFAULT_PARTITION__"
_CHUNK = 1 << 20
_ELSEWHERE = (
    "Fix that, or name another folder, and export again: an export without a manifest is incomplete."
)
_MEGABYTE = 1_000_000
# A row as one line of JSON goes through the CSV writer, which can make partitions: no line contains this character.
_OPTIONS = {
    selection.PARQUET: "format parquet, compression zstd",
    selection.CSV: "format csv, header true",
    selection.JSON: "format csv, header false, quote '', escape '', delimiter e'\\x01'",
}
_ENDINGS = {selection.PARQUET: "parquet", selection.CSV: "csv", selection.JSON: "jsonl"}


@dataclass(frozen=True, slots=True)
class File:
    """A file of an export, with its path relative to the folder, with / on every system."""

    path: str
    row_count: int
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Exported:
    """The result of an export."""

    folder: Path
    manifest: dict[str, Any]

    @property
    def paths(self) -> list[str]:
        """Its files, the manifest last."""
        return [*_paths_of(self.manifest), MANIFEST]

    @property
    def notes(self) -> list[str]:
        """What the user should know about it."""
        whole = [
            one["name"] for one in self.manifest["tables"] if self.manifest["since"] and not one["since"]
        ]
        return (
            [f"Exported in full, like all dimensions and tables without a time: {', '.join(whole)}."] if whole else []
        )

    @property
    def summary(self) -> str:
        """Return it in one line."""
        tables = self.manifest["tables"]
        files = [file for table in tables for file in table["files"]]
        size = sum(file["size_bytes"] for file in files)
        shown = f"{size / 1e6:,.1f} MB" if size >= _MEGABYTE else f"{size / 1e3:,.1f} kB"
        return (
            f"Exported {_counted(len(tables), 'table')}, {_counted(sum(one['row_count'] for one in tables), 'row')}, "
            f"{shown} in {_counted(len(files), 'file')}."
        )


def export(
    paths: StorePaths, folder: Path, names: Sequence[str] | None, form: str, since: str | None = None
) -> Exported:
    """Export published tables and views, or all of them for None, to a folder. Raises StoreError on failure.

    With `since` (UTC), only rows that are not before it. Tables without a time are exported in full, and so are
    dimensions, because facts of any time refer to them.
    """
    import duckdb

    folder = folder.expanduser().absolute()
    try:
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        with _locked(folder), _stage(folder) as stage, private_files():
            with open_store(paths, may_write=stage) as connection:
                wanted = selection.exportable(connection, names)
                manifest = {
                    "format_version": FORMAT_VERSION,
                    "agent_store_version": __version__,
                    "published_at": _published_at(connection),
                    "exported_at": _moment(datetime.now(UTC)),
                    "format": form,
                    "since": since,
                    "tables": [_write(connection, stage, relation, form, since) for relation in wanted],
                }
            _put(stage, folder, manifest)
    except (FileExistsError, NotADirectoryError) as error:
        raise StoreError(f"{error.filename} is not a folder.", _ELSEWHERE) from error
    except (OSError, duckdb.Error) as error:
        known = explain(error, f"The export into {folder}")
        message = str(error).strip().splitlines()[0]
        raise StoreError(
            known.message if known else f"The export into {folder} failed: {message}", _ELSEWHERE
        ) from error
    return Exported(folder, manifest)


def _write(
    connection: duckdb.DuckDBPyConnection, stage: Path, relation: Relation, form: str, since: str | None
) -> dict[str, Any]:
    """Write one table; return its entry in the manifest."""
    at = relation.time_column
    is_since = since is not None and at is not None and not relation.name.startswith(_WHOLE)
    names = {column.name for column in relation.columns}
    month = "export_month" if "month" in names else "month"
    parameters = {"since": since} if is_since else {}
    sql = selection.select(relation, form, is_since=is_since)
    if form == selection.JSON:
        line = "cast(to_json(_row) as varchar) as _line"
        time_of_row = f", _row.{quoted(at.name)} as _time" if at else ""
        sql = f"select {line}{time_of_row} from ({sql}) as _row"
    of_row = quoted(at.name) if at and form != selection.JSON else "_time"
    kept = "* exclude (_time)" if at and form == selection.JSON else "*"
    folder = stage / relation.name
    folder.mkdir()
    count = 0
    if at is not None:
        # Rows without a time, or with a year that does not have four digits, are in the partition without a month.
        partition = f"case when year({of_row}) between 1 and 9999 then strftime({of_row}, '%Y-%m') end"
        count = _copy(
            connection,
            f"select {kept}, {partition} as {month} from ({sql})",
            folder,
            f"{_OPTIONS[form]}, partition_by ({month}), file_extension '{_ENDINGS[form]}'",
            parameters,
        )
    if not count:
        # Without rows there is no file, but the columns of an empty table are exported anyway.
        target = folder / f"{month}={_NO_MONTH}" if at else folder
        target.mkdir(exist_ok=True)
        count = _copy(
            connection,
            f"select {kept} from ({sql})",
            target / f"data_0.{_ENDINGS[form]}",
            _OPTIONS[form],
            parameters,
        )
    files = [_file(stage, path, form) for path in sorted(folder.rglob("*")) if path.is_file()]
    if form == selection.PARQUET:
        files = _counted_by_duckdb(connection, stage, files)
    if sum(file.row_count for file in files) != count:
        raise StoreError(
            f"The export of {relation.name} wrote {sum(file.row_count for file in files):,} of {count:,} rows.",
            "Nothing was changed in the folder. Try again; if it keeps failing, please report it.",
        )
    return {
        "name": relation.name,
        "kind": relation.kind,
        "row_count": count,
        "partitioned_by": month if at else None,
        "time_column": at.name if at else None,
        "since": since if is_since else None,
        "columns": [_column(column.name, column.data_type or "", form) for column in relation.columns],
        "files": [asdict(file) for file in files],
    }


def _copy(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    target: Path,
    options: str,
    parameters: Mapping[str, object],
) -> int:
    row = connection.execute(
        f"copy ({sql}) to {literal(str(target))} ({options}, overwrite_or_ignore true)"
        if "partition_by" in options
        else f"copy ({sql}) to {literal(str(target))} ({options}, use_tmp_file false)",
        dict(parameters),
    ).fetchone()
    return int(row[0]) if row else 0


def _column(name: str, duckdb_type: str, form: str) -> dict[str, str]:
    kind = column_type(duckdb_type)
    if form == selection.CSV and is_nested(duckdb_type):
        kind = TEXT
    return {
        "name": name, "duckdb_type": duckdb_type, "written_type": kind.written, "bigquery_type": kind.bigquery,
        "athena_type": kind.athena,
    }  # fmt: skip


def _file(stage: Path, path: Path, form: str) -> File:
    """A file with its hash; in text files, rows are counted on the way as line ends outside quotes."""
    digest = hashlib.sha256()
    rows, is_quoted, size = -1 if form == selection.CSV else 0, False, 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
            if form == selection.JSON:
                rows += chunk.count(b"\n")
            elif form == selection.CSV:
                parts = chunk.split(b'"')
                rows += sum(part.count(b"\n") for part in parts[int(is_quoted) :: 2])
                is_quoted ^= len(parts) % 2 == 0
    return File(path.relative_to(stage).as_posix(), rows, size, digest.hexdigest())


def _counted_by_duckdb(
    connection: duckdb.DuckDBPyConnection, stage: Path, files: Sequence[File]
) -> list[File]:
    """The same files with the row counts from Parquet."""
    counts = dict(
        connection.execute(
            "select file_name, num_rows from parquet_file_metadata($files)",
            {"files": [str(stage / file.path) for file in files]},
        ).fetchall()
    )
    return [
        File(file.path, counts.get(str(stage / file.path), 0), file.size_bytes, file.sha256) for file in files
    ]


def _published_at(connection: duckdb.DuckDBPyConnection) -> str | None:
    row = connection.execute("select published_at from store_build").fetchone()
    return _moment(row[0].replace(tzinfo=UTC)) if row else None


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


# ------------------------------------------------------------------------------------------------ the folder


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock = FileLock(folder / _LOCK, mode=0o600)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise StoreError(
            f"Another export into {folder} is running.", "Wait until it is done, or choose another folder."
        ) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _stage(folder: Path) -> Iterator[Path]:
    """A temporary folder to write to; leftovers of a killed export are removed too."""
    for left in folder.glob(f"{_STAGE}*/"):
        shutil.rmtree(left, ignore_errors=True)
    stage = folder / f"{_STAGE}{os.getpid()}"
    stage.mkdir(mode=FOLDER_MODE)
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _put(stage: Path, folder: Path, manifest: Mapping[str, Any]) -> None:
    """Replace the files of an earlier export with the new ones; the manifest comes last."""
    new = _paths_of(manifest)
    old = {path for name in (MANIFEST, _JOURNAL) for path in _named_in(folder, name)}
    for path in new:
        if path not in old and (folder / path).exists():
            raise StoreError(
                f"{folder / path} exists already, and no export's manifest lists it.",
                "Choose another folder, or move it away.",
            )
    _save(folder / _JOURNAL, {"files": sorted({*old, *new})})
    (folder / MANIFEST).unlink(missing_ok=True)
    for path in old:
        (folder / path).unlink(missing_ok=True)
    for path in new:
        (folder / path).parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        (stage / path).replace(folder / path)
    for path in old:
        for parent in list(PurePosixPath(path).parents)[:-1]:
            with suppress(OSError):  # it is gone, or contains something else
                (folder / parent).rmdir()
    _save(folder / MANIFEST, manifest)
    (folder / _JOURNAL).unlink()


def _paths_of(manifest: Mapping[str, Any]) -> list[str]:
    return [file["path"] for table in manifest["tables"] for file in table["files"]]


def files_of(folder: Path) -> list[str]:
    """The files of an export, with paths relative to its folder."""
    return _named_in(folder, MANIFEST)


def is_there(folder: Path) -> bool:
    """Whether a folder contains an export, or the rest of one that was cut off."""
    return any((folder / name).is_file() for name in (MANIFEST, _JOURNAL)) or any(folder.glob(f"{_STAGE}*/"))


def remove(folder: Path) -> None:
    """Remove an export; if it is cut off, it continues the next time. Files not listed in a manifest are never
    touched."""
    files = sorted({path for name in (MANIFEST, _JOURNAL) for path in _named_in(folder, name)})
    _save(folder / _JOURNAL, {"files": files})
    (folder / MANIFEST).unlink(missing_ok=True)
    for path in files:
        (folder / path).unlink(missing_ok=True)
        for parent in list(PurePosixPath(path).parents)[:-1]:
            with suppress(OSError):  # it is gone, or contains something else
                (folder / parent).rmdir()
    for left in folder.glob(f"{_STAGE}*/"):
        shutil.rmtree(left, ignore_errors=True)
    (folder / _JOURNAL).unlink()


def _named_in(folder: Path, name: str) -> list[str]:
    """The files listed in a manifest or journal that are below the folder."""
    file = folder / name
    if not file.is_file():
        return []
    try:
        found = json.loads(file.read_bytes())
        named = found["files"] if name == _JOURNAL else _paths_of(found)
        paths = [str(path) for path in named]
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{file} is not the manifest of an export: {str(error).splitlines()[0]}",
            "Choose another folder, or move it away.",
        ) from error
    home = folder.resolve()
    inside = [path for path in paths if (folder / path).resolve().is_relative_to(home)]
    return [path for path in inside if ".." not in PurePosixPath(path).parts and path not in {"", "."}]


def _save(file: Path, content: Mapping[str, Any]) -> None:
    with replacing(file) as fresh:
        fresh.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _counted(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"
