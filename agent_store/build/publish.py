"""Publishing: a build becomes the store in one rename; who reads the old one goes on reading it.

The new store is made as `.publish-<pid>/agent_store.duckdb`: dbt writes three-part names into views, and the
first part is the file's stem, which therefore has to be the same from the beginning.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from agent_store.build import build_tables
from agent_store.build.warehouse import (
    STORAGE_VERSION,
    THREADS,
    BuildResult,
    Description,
    Fingerprint,
    RawSummary,
    versions,
)
from agent_store.errors import StoreError, explain
from agent_store.paths import FOLDER_MODE, STORE_NAME, StorePaths, private_files
from agent_store.sql import literal, quoted

if TYPE_CHECKING:
    import duckdb

logger = logging.getLogger(__name__)

_SOURCE = "build_file"
_PREFIX = ".publish-"
_MEMORY_LIMIT = "700MB"
_MACROS = Path(__file__).with_name("sql_macros")

_CREATE_STORE_BUILD = """
create table store_build (
    published_at timestamp not null,
    last_batch_id bigint not null,
    last_batch_key varchar not null,
    code_fingerprint varchar not null,
    tables_fingerprint varchar not null,
    agent_store_version varchar not null,
    dbt_version varchar not null,
    duckdb_version varchar not null,
    timezone varchar not null,
    is_sample boolean not null,
    is_tested boolean not null,
    file_count bigint not null,
    landed_line_count bigint not null,
    set_aside_line_count bigint not null,
    landed_bytes bigint not null,
    model_count bigint not null,
    test_count bigint not null,
    passed_test_count bigint not null,
    warned_test_count bigint not null,
    stale_table_count bigint not null,
    set_aside_session_count bigint not null,
    table_count bigint not null,
    view_count bigint not null,
    row_count bigint not null,
    build_seconds double not null
)
"""
STORE_BUILD = Description(
    "One row: how this store was made. Written by the publisher, not by dbt.",
    {
        "published_at": "When the store was published, UTC.",
        "last_batch_id": "The last landing batch that is in the store.",
        "last_batch_key": "Number and time of that batch: tells two warehouses apart.",
        "code_fingerprint": "Hash over models, macros, seeds, tests, project file and versions.",
        "tables_fingerprint": "The same without the tests; a change builds everything from raw again.",
        "agent_store_version": "Version of Agent Store that published it.",
        "dbt_version": "Version of dbt-core that built it.",
        "duckdb_version": "Version of DuckDB that built it.",
        "timezone": "The zone whose days and months the marts follow.",
        "is_sample": "True if it holds the sample that ships with the project, not transcripts of the user.",
        "is_tested": "True if the data tests ran on this build.",
        "file_count": "Files landed so far.",
        "landed_line_count": "Lines landed so far, those set aside included.",
        "set_aside_line_count": "Landed lines that are no JSON object; v_set_aside_line has the reasons.",
        "landed_bytes": "Bytes of text landed so far.",
        "model_count": "Models that dbt built.",
        "test_count": "Data tests that ran.",
        "passed_test_count": "Data tests that passed.",
        "warned_test_count": "Data tests that found something; v_failed_check lists it.",
        "stale_table_count": "Tables and views that this build could not make; v_store_table says why.",
        "set_aside_session_count": "Sessions left out because a guard found them wrong; v_set_aside_session lists them.",
        "table_count": "Published tables that dbt made.",
        "view_count": "Published views.",
        "row_count": "Rows in all published tables.",
        "build_seconds": "Seconds that dbt took.",
    },
)


@dataclass(frozen=True, slots=True)
class Published:
    """What was published."""

    path: Path
    table_count: int
    view_count: int
    row_count: int
    size_bytes: int
    seconds: float


def publish(
    paths: StorePaths,
    build: BuildResult,
    code: Fingerprint,
    raw: RawSummary,
    *,
    timezone: str = "UTC",
    is_sample: bool = False,
    is_tested: bool = True,
) -> Published:
    """Make the new store beside the old one and put it in its place with one rename.

    Findings are published with it. Where a guard failed nothing is: the store of yesterday stays.
    """
    if not build.success:
        raise StoreError("A guard failed: nothing is published.")
    import duckdb

    started = time.monotonic()
    paths.ensure()
    remove_leftovers(paths)
    folder = paths.home / f"{_PREFIX}{os.getpid()}"
    try:
        folder.mkdir(mode=FOLDER_MODE)
        fresh = folder / STORE_NAME
        with private_files():
            stamp = _stamp(build, code, raw, timezone=timezone, is_sample=is_sample, is_tested=is_tested)
            counts = _write(fresh, paths, build, stamp)
        _sync(fresh)
        fresh.chmod(0o600)
        size = fresh.stat().st_size
        fresh.replace(paths.store)
        _sync(paths.home)
    except (OSError, duckdb.Error) as error:
        raise (
            explain(error, "Publishing the store")
            or StoreError(
                f"Publishing the store failed: {str(error).strip().splitlines()[0]}",
                "The store of the last build is still in place.",
            )
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Published(paths.store, *counts, size_bytes=size, seconds=time.monotonic() - started)


def _stamp(
    build: BuildResult,
    code: Fingerprint,
    raw: RawSummary,
    *,
    timezone: str,
    is_sample: bool,
    is_tested: bool,
) -> dict[str, object]:
    """The columns of store_build that are known before anything is copied."""
    found = versions()
    return {
        "published_at": datetime.now(UTC).replace(tzinfo=None),
        "last_batch_id": raw.last_batch_id,
        "last_batch_key": raw.batch_key,
        "code_fingerprint": code.code,
        "tables_fingerprint": code.tables,
        "agent_store_version": found.get("agent-store", "unknown"),
        "dbt_version": found.get("dbt-core", "unknown"),
        "duckdb_version": found.get("duckdb", "unknown"),
        "timezone": timezone,
        "is_sample": is_sample,
        "is_tested": is_tested,
        "file_count": raw.file_count,
        "landed_line_count": raw.line_count,
        "set_aside_line_count": raw.set_aside_count,
        "landed_bytes": raw.landed_bytes,
        "model_count": build.model_count,
        "test_count": build.test_count,
        "passed_test_count": build.passed_count,
        "warned_test_count": len(build.warnings),
        "stale_table_count": len(build.stale),
        "build_seconds": round(build.seconds, 3),
    }


def _write(
    fresh: Path, paths: StorePaths, build: BuildResult, stamp: Mapping[str, object]
) -> tuple[int, int, int]:
    import duckdb

    descriptions = build.descriptions
    connection = duckdb.connect(
        str(fresh),
        config={
            "storage_compatibility_version": STORAGE_VERSION,
            "memory_limit": _MEMORY_LIMIT,
            "threads": "1",
        },
    )
    try:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach {literal(str(paths.warehouse))} as {_SOURCE} (read_only)")
        rows = _copy_tables(connection, frozenset(descriptions))
        connection.execute("begin")
        views = _create_views(connection, frozenset(descriptions))
        connection.execute(_CREATE_STORE_BUILD)
        row = {
            **stamp,
            "set_aside_session_count": rows.get("v_set_aside_session", 0),
            "table_count": len(rows),
            "view_count": len(views),
            "row_count": sum(rows.values()),
        }
        connection.execute(
            f"insert into store_build ({', '.join(row)}) values ({', '.join('?' * len(row))})",
            list(row.values()),
        )
        build_tables.write(
            connection,
            build,
            (datetime.now(UTC).replace(tzinfo=None), int(str(stamp["last_batch_id"]))),
            build_tables.earlier_ages(paths.store) if build.stale else {},
            {**rows, **dict.fromkeys(views), "store_build": 1},
        )
        connection.execute("commit")
        connection.execute(f"detach {_SOURCE}")
        _create_macros(connection)
        _comment(connection, {**descriptions, "store_build": STORE_BUILD, **build_tables.DESCRIPTIONS})
        connection.execute("checkpoint")
    finally:
        connection.close()
    return len(rows), len(views), sum(rows.values())


def _copy_tables(connection: duckdb.DuckDBPyConnection, models: frozenset[str]) -> dict[str, int]:
    """Copy the tables of schema main, with their NOT NULLs (other constraints were checked by the build).

    Returns the rows of each.

    Only what a model of this build made: models that were removed or renamed leave their tables behind, and a
    killed build its temporary ones. (Where no models are known, everything.)
    """
    columns = connection.execute(
        f"""
        select table_name, column_name, data_type, is_nullable
        from duckdb_columns()
        semi join (
            select table_name from duckdb_tables() where database_name = '{_SOURCE}' and schema_name = 'main'
        ) using (table_name)
        where database_name = '{_SOURCE}' and schema_name = 'main'
        order by table_name, column_index
        """
    ).fetchall()
    tables: dict[str, list[str]] = {}
    for table, column, data_type, is_nullable in columns:
        if models and table not in models:
            continue
        rule = "" if is_nullable else " not null"
        tables.setdefault(table, []).append(f"{quoted(column)} {data_type}{rule}")
    if not tables:
        raise StoreError("There is nothing to publish: the build made no table in schema main.")

    def copy(table: str) -> int:
        # A connection of its own, so that tables are compressed side by side.
        with connection.cursor() as cursor:
            cursor.execute(f"create table {quoted(table)} ({', '.join(tables[table])})")
            copied = cursor.execute(
                f"insert into {quoted(table)} select * from {_SOURCE}.main.{quoted(table)}"
            ).fetchone()
        return copied[0] if copied else 0

    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        return dict(zip(tables, pool.map(copy, tables), strict=True))


def _create_views(connection: duckdb.DuckDBPyConnection, models: frozenset[str]) -> list[str]:
    """Make the views again, and name them. Each needs what it reads: go round until none is left or none can be made."""
    import duckdb

    found: list[tuple[str, str]] = connection.execute(
        f"""
        select view_name, sql from duckdb_views()
        where database_name = '{_SOURCE}' and schema_name = 'main' and not internal
        order by view_oid
        """
    ).fetchall()
    waiting = [(name, sql) for name, sql in found if not models or name in models]
    # A failed statement would end the transaction, so what exists is known before a view is tried.
    existing = _relations(connection)
    names = {name for name, _ in waiting}
    while waiting:
        ready = [(name, sql) for name, sql in waiting if not _reads(sql, names - existing - {name})]
        if not ready:
            raise StoreError(
                f"These views read each other in a circle: {', '.join(sorted(n for n, _ in waiting))}."
            )
        for name, sql in ready:
            try:
                connection.execute(sql)
            except duckdb.Error as error:
                reason = str(error).strip().splitlines()[0]
                raise StoreError(
                    f"The view {name} cannot be published: {reason}",
                    "A published view may read published tables and views only.",
                ) from error
            existing.add(name)
        waiting = [(name, sql) for name, sql in waiting if name not in existing]
    return sorted(names)


def _create_macros(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the SQL macros of this package: what a store offers beyond its tables and views.

    One over a table that this build left out is left out too.
    """
    import duckdb

    for path in sorted(_MACROS.glob("*.sql")):
        for statement in connection.extract_statements(path.read_text(encoding="utf-8")):
            try:
                connection.execute(statement)
            except duckdb.CatalogException as error:
                logger.info("left out of %s: %s", path.name, str(error).splitlines()[0])
            except duckdb.Error as error:
                reason = str(error).strip().splitlines()[0]
                raise StoreError(f"The macros of {path.name} cannot be published: {reason}") from error


def _relations(connection: duckdb.DuckDBPyConnection) -> set[str]:
    rows = connection.execute(
        "select table_name from duckdb_tables() where database_name = current_database()"
    )
    return {row[0] for row in rows.fetchall()}


def _reads(sql: str, names: set[str]) -> bool:
    """Whether a view's SQL names one of these relations (three-part, quoted or not)."""
    plain = sql.replace('"', "")
    return any(f"main.{name}" in plain and _named(plain, name) for name in names)


def _named(sql: str, name: str) -> bool:
    position = sql.find(f"main.{name}")
    while position >= 0:
        after = sql[position + len("main.") + len(name) :][:1]
        if not (after.isalnum() or after == "_"):
            return True
        position = sql.find(f"main.{name}", position + 1)
    return False


def _comment(connection: duckdb.DuckDBPyConnection, descriptions: Mapping[str, Description]) -> None:
    """Put dbt's descriptions on relations and columns, in one transaction.

    dbt itself would do it statement by statement, at 17 ms and more per model.
    """
    known = connection.execute(
        """
        select table_name, 'table', column_name from duckdb_columns()
        semi join (
            select table_name from duckdb_tables() where database_name = current_database()
        ) using (table_name)
        where database_name = current_database() and schema_name = 'main'
        union all
        select table_name, 'view', column_name from duckdb_columns()
        semi join (
            select view_name as table_name from duckdb_views()
            where database_name = current_database() and not internal
        ) using (table_name)
        where database_name = current_database() and schema_name = 'main'
        """
    ).fetchall()
    relations: dict[str, tuple[str, list[str]]] = {}
    for relation, kind, column in known:
        relations.setdefault(relation, (kind, []))[1].append(column)
    statements = []
    for relation, description in descriptions.items():
        if relation not in relations:
            continue
        kind, columns = relations[relation]
        if description.text:
            statements.append(f"comment on {kind} {quoted(relation)} is {literal(description.text.strip())}")
        statements += [
            f"comment on column {quoted(relation)}.{quoted(column)} is {literal(text.strip())}"
            for column in columns
            if (text := description.columns.get(column))
        ]
    connection.execute("begin")
    connection.execute(";\n".join([*statements, "commit"]))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_leftovers(paths: StorePaths) -> None:
    """Remove what a killed publish left behind (the lock of the build is held: no other is running)."""
    for folder in paths.home.glob(f"{_PREFIX}*"):
        shutil.rmtree(folder, ignore_errors=True)
