"""Lands the entries of the lists and the results of checks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingest.contracts.elements import Kind
from ingest.contracts.versions import Known, Version, Watched, add_version
from ingest.files import read_beginning
from ingest.sources.list import read_list
from ingest.sources.seen import Before, Seen
from ingest.sources.source import Source, SourcesError
from ingest.warehouse import Changes, Row

if TYPE_CHECKING:
    import duckdb


def list_changes(
    lists: Mapping[Path, Path | None], connection: duckdb.DuckDBPyConnection | None
) -> tuple[list[Source], Changes]:
    """Read the lists, each with the folder that it must stay inside of, if any.

    Returns the sources they name, and the entries that are new, changed or gone.
    """
    changes = Changes()
    sources: list[Source] = []
    for file, inside in lists.items():
        try:
            sources += read_list(file, inside)
        except SourcesError as error:
            broken = Source(name=file.name, type="config", listed_in=str(file))
            _add_entry(changes, connection, broken.row(is_listed=False, reason=str(error)))
    names = {(source.name, source.listed_in) for source in sources}
    for source in sources:
        _add_entry(changes, connection, source.row(is_listed=source.refused is None, reason=source.refused))
    known = set(str(file) for file in lists)
    for row in _latest_entries(connection):
        name, listed_in, is_listed = row[0], row[8], row[9]
        is_broken = any(
            changed[8] == listed_in and changed[11] for changed in changes.rows.get("source_entry", [])
        )
        was_read = listed_in in known or not Path(str(listed_in)).exists()
        if is_listed and was_read and not is_broken and (name, listed_in) not in names:
            gone = Source(
                name=str(name),
                type=str(row[1]),
                listed_in=str(listed_in),
                url=row[3],
                owner=row[4],
                dependency_type=str(row[2]),
            )
            _add_entry(changes, connection, gone.row(is_listed=False))
    changes.files_seen = len(lists)
    return sources, changes


def _latest_entries(connection: duckdb.DuckDBPyConnection | None) -> list[tuple[Any, ...]]:
    if connection is None:
        return []
    return connection.execute(
        "select * exclude (_batch_id) from raw.source_entry "
        "qualify row_number() over (partition by source_name, listed_in order by _batch_id desc, listed_at desc) = 1"
    ).fetchall()


def _add_entry(changes: Changes, connection: duckdb.DuckDBPyConnection | None, row: Row) -> None:
    latest = {(entry[0], entry[8]): entry[10] for entry in _latest_entries(connection)}
    if latest.get((row[0], row[8])) != row[10]:
        changes.add("source_entry", row)
        changes.files_grown += 1
        changes.set_aside += row[11] is not None


def last_checks(connection: duckdb.DuckDBPyConnection | None) -> dict[tuple[str, str], Before]:
    """What the last check that saw its content found for each target."""
    if connection is None:
        return {}
    return {
        (name, target): Before(etag, modified, content_hash)
        for name, target, etag, modified, content_hash in connection.execute(
            "select source_name, target, etag, last_modified, content_hash from raw.source_check "
            "where content_hash is not null "
            "qualify row_number() over (partition by source_name, target order by checked_at desc, _batch_id desc) = 1"
        ).fetchall()
    }


def changes_of(seen: Iterable[Seen], known: Known) -> Changes:
    """Changes landed by a check: its rows, and versions of the contracts it fetched."""
    changes = Changes()
    for one in seen:
        if one.result == "out_of_time":  # nothing was seen
            continue
        changes.add("source_check", one.row())
        changes.files_seen += 1
        changes.files_grown += one.result in {"first", "changed", "moved"}
        changes.bytes_landed += one.content_bytes or 0
        version = Version((one.content or "",), one.target.address, "check", one.checked_at)
        if not one.is_available or one.content is None or one.is_truncated:
            continue
        name = one.source.name
        if one.source.fetched_contract and one.target == one.source.targets[0]:
            watched = Watched(name, one.source.fetched_contract, (), dependency_type="")
            add_version(changes, known, watched, version)
        elif one.target.kind == "database":
            head, _ = read_beginning(one.target.address, 15)
            dialect = "sqlite" if head == b"SQLite format 3" else "duckdb"
            watched = Watched(name, Kind.SQL_DDL, (), dialect=dialect)
            add_version(changes, known, watched, version)
    return changes
