"""Publishing: the star's file becomes the store in one rename; readers of the old store can go on reading it.

dbt writes three-part names into views. Their first part is the name that the star is attached under during a build and
the stem of the published file: both are `agent_store`.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from agent_store import access
from agent_store.build import build_tables, fact_retention
from agent_store.build.fact_retention import LeftOut
from agent_store.build.results import BuildResult, Description
from agent_store.build.state import Fingerprint, versions
from agent_store.build.warehouse import RawSummary, copy_file, star_cursor
from agent_store.errors import StoreError, explain
from agent_store.paths import FOLDER_MODE, STAR, STORE_NAME, WAREHOUSE, StorePaths, private_files
from agent_store.sql import literal, quoted
from ingest.warehouse import BLOCK_BYTES, STORAGE_VERSION

if TYPE_CHECKING:
    import duckdb

logger = logging.getLogger(__name__)

_PREFIX = ".publish-"
# Above this share of free blocks the copy is written table by table instead of as a whole file.
_MOST_FREE_RATIO = 1 / 3
_MACROS = Path(__file__).with_name("sql_macros")

_CREATE_STORE_BUILD = """
create or replace table store_build (
    published_at timestamp not null,
    last_batch_id bigint not null,
    last_batch_key varchar not null,
    chain_head varchar not null,
    privacy_fingerprint varchar not null,
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
    retention varchar not null,
    dropped_row_count bigint not null,
    build_seconds double not null
)
"""
STORE_BUILD = Description(
    "One row: how this store was built. Written by the publisher, not by dbt.",
    {
        "published_at": "When the store was published, UTC.",
        "last_batch_id": "The last landing batch that is in the store.",
        "last_batch_key": "Number and time of that batch; distinguishes two warehouses.",
        "chain_head": "Hash of that batch and all batches before it; agent-store verify looks for it in the warehouse.",
        "privacy_fingerprint": "Fingerprint of the privacy policy applied to all landed lines; empty if some lines had "
        "none applied.",
        "code_fingerprint": "Hash of models, macros, seeds, tests, project file and versions.",
        "tables_fingerprint": "The same without the tests; when it changes, everything is built from raw again.",
        "agent_store_version": "Version of Agent Store that published it.",
        "dbt_version": "Version of dbt-core that built it.",
        "duckdb_version": "Version of DuckDB that built it.",
        "timezone": "Time zone of days and months in the marts.",
        "is_sample": "True if it contains the sample shipped with the project instead of the user's transcripts.",
        "is_tested": "True if the data tests ran on this build.",
        "file_count": "Files landed so far.",
        "landed_line_count": "Lines landed so far, including those set aside.",
        "set_aside_line_count": "Landed lines that are not a JSON object; v_set_aside_line has the reasons.",
        "landed_bytes": "Bytes of text landed so far.",
        "model_count": "Models that dbt built.",
        "test_count": "Data tests that ran.",
        "passed_test_count": "Data tests that passed.",
        "warned_test_count": "Data tests with findings; v_failed_check lists them.",
        "stale_table_count": "Tables and views that this build could not make; v_store_table says why.",
        "set_aside_session_count": "Sessions left out because they failed a guard; v_set_aside_session lists them.",
        "table_count": "Published tables that dbt made.",
        "view_count": "Published views.",
        "row_count": "Rows in all published tables.",
        "retention": "The day, and the number of days for which rows of each limited fact are published; empty if all "
        "rows are.",
        "dropped_row_count": "Rows of facts left out because they are older than that; v_retention counts them by "
        "fact.",
        "build_seconds": "Seconds that dbt took.",
    },
)


_OWN = frozenset({"store_build", *build_tables.DESCRIPTIONS})


@dataclass(frozen=True, slots=True)
class Published:
    """The result of publishing."""

    path: Path
    table_count: int
    view_count: int
    row_count: int
    size_bytes: int
    seconds: float
    dropped_row_count: int = 0

    @property
    def summary(self) -> str:
        """Return it in one line."""
        text = (
            f"Published {self.path}: {self.table_count:,} tables, {self.view_count:,} views, {self.row_count:,} rows, "
            f"{self.size_bytes / 1e6:,.1f} MB in {self.seconds:.1f} s."
        )
        if self.dropped_row_count:
            text += f" Rows of facts left out because of their age: {self.dropped_row_count:,}."
        return text


def publish(
    paths: StorePaths,
    build: BuildResult,
    code: Fingerprint,
    raw: RawSummary,
    warehouse: duckdb.DuckDBPyConnection,
    *,
    timezone: str = "UTC",
    is_sample: bool = False,
    is_tested: bool = True,
    now: datetime | None = None,
) -> Published:
    """Add the tables about the build to the star, copy its file next to the store, and rename the copy into place.

    `warehouse` is an open connection to the warehouse with the star attached. Findings are published with the store.
    If a guard failed, nothing is published and the previous store stays. Rows of facts that are too old `now` by
    privacy.yml are not copied.
    """
    if not build.success:
        raise StoreError("A guard failed, so nothing was published.")
    import duckdb

    started = time.monotonic()
    now = now or datetime.now(UTC)
    published_at = now.astimezone(UTC).replace(tzinfo=None)
    rule = fact_retention.in_force(paths, now)
    paths.ensure()
    remove_leftovers(paths)
    folder = paths.home / f"{_PREFIX}{os.getpid()}"
    try:
        folder.mkdir(mode=FOLDER_MODE)
        fresh = folder / STORE_NAME
        with private_files(), star_cursor(warehouse) as connection:
            stamp = {
                **_stamp(build, code, raw, timezone=timezone, is_sample=is_sample, is_tested=is_tested),
                "published_at": published_at,
                "retention": rule.key,
            }
            left_out = fact_retention.left_out(connection, rule)
            dropped = fact_retention.rows(connection, left_out, published_at)
            counts = _complete(connection, paths, build, stamp, left_out, dropped)
            _copy(connection, paths.star, fresh, left_out)
        fresh.chmod(access.file_mode())
        _sync(fresh)
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
    return Published(
        paths.store,
        *counts,
        size_bytes=size,
        seconds=time.monotonic() - started,
        dropped_row_count=sum(one.row_count for one in left_out),
    )


def _stamp(
    build: BuildResult,
    code: Fingerprint,
    raw: RawSummary,
    *,
    timezone: str,
    is_sample: bool,
    is_tested: bool,
) -> dict[str, object]:
    """The columns of store_build that are known before copying."""
    found = versions()
    return {
        "last_batch_id": raw.last_batch_id,
        "last_batch_key": raw.batch_key,
        "chain_head": raw.chain_head,
        "privacy_fingerprint": raw.privacy_fingerprint,
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


def _complete(
    connection: duckdb.DuckDBPyConnection,
    paths: StorePaths,
    build: BuildResult,
    stamp: Mapping[str, object],
    left_out: Sequence[LeftOut],
    dropped: Sequence[Sequence[object]],
) -> tuple[int, int, int]:
    """Write the tables about the build, the macros and the descriptions; return the tables, views and rows of dbt."""
    kept = frozenset(build.descriptions)
    rows = _row_counts(connection, kept)
    views = _view_names(connection) & kept if kept else _view_names(connection)
    if not rows:
        raise StoreError("There is nothing to publish: the build created no table in schema main.")
    rows |= {one.table: rows[one.table] - one.row_count for one in left_out if one.table in rows}
    _drop_others(connection, {*rows, *views})
    _refuse_views_of_the_warehouse(connection)
    connection.execute("begin")
    connection.execute(_CREATE_STORE_BUILD)
    row = {
        **stamp,
        "set_aside_session_count": rows.get("v_set_aside_session", 0),
        "table_count": len(rows),
        "view_count": len(views),
        "row_count": sum(rows.values()),
        "dropped_row_count": sum(one.row_count for one in left_out),
    }
    connection.execute(
        f"insert into store_build ({', '.join(row)}) values ({', '.join('?' * len(row))})", list(row.values())
    )
    build_tables.write(
        connection,
        build,
        (datetime.now(UTC).replace(tzinfo=None), int(str(stamp["last_batch_id"]))),
        build_tables.earlier_ages(paths.store) if build.stale else {},
        {**rows, **dict.fromkeys(views), "store_build": 1},
        dropped,
    )
    connection.execute("commit")
    _create_macros(connection)
    _comment(connection, {**build.descriptions, "store_build": STORE_BUILD, **build_tables.DESCRIPTIONS})
    return len(rows), len(views), sum(rows.values())


def _row_counts(connection: duckdb.DuckDBPyConnection, models: frozenset[str]) -> dict[str, int]:
    """The row count of each published table made by a model of this build (of every table if no models are known)."""
    names = [
        name
        for (name,) in connection.execute(
            "select table_name from duckdb_tables() where database_name = current_database() and schema_name = 'main' "
            "order by table_name"
        ).fetchall()
        if (name in models if models else name not in _OWN)
    ]
    if not names:
        return {}
    counted = connection.execute(
        " union all ".join(f"select {literal(name)}, count(*) from {quoted(name)}" for name in names)
    ).fetchall()
    return dict(counted)


def _view_names(connection: duckdb.DuckDBPyConnection) -> set[str]:
    found = connection.execute(
        "select view_name from duckdb_views() where database_name = current_database() and schema_name = 'main' "
        "and not internal"
    ).fetchall()
    return {name for (name,) in found}


def _drop_others(connection: duckdb.DuckDBPyConnection, kept: set[str]) -> None:
    """Drop what no model of this build made: removed or renamed models, temporary tables of a killed build."""
    for name in _view_names(connection) - kept:
        connection.execute(f"drop view {quoted(name)}")
    for (name,) in connection.execute(
        "select table_name from duckdb_tables() where database_name = current_database() and schema_name = 'main'"
    ).fetchall():
        if name not in kept:
            connection.execute(f"drop table {quoted(name)}")


def _refuse_views_of_the_warehouse(connection: duckdb.DuckDBPyConnection) -> None:
    found = connection.execute(
        "select view_name from duckdb_views() where database_name = current_database() and regexp_matches(sql, ?)",
        [rf"\b{WAREHOUSE}\."],
    ).fetchone()
    if found:
        raise StoreError(
            f"The view {found[0]} cannot be published: it reads the warehouse, to which readers have no access.",
            "A published view may only read published tables and views.",
        )


def _copy(
    connection: duckdb.DuckDBPyConnection, star: Path, fresh: Path, left_out: Sequence[LeftOut]
) -> None:
    """Copy the star's file; if a third of it is free space, write the copy without that space.

    Rows to be left out are never written: if they were deleted from a copy, they would stay readable in its free
    blocks.
    """
    connection.execute(f"checkpoint {STAR}")
    found = connection.execute(
        "select free_blocks, total_blocks from pragma_database_size() where database_name = ?", [STAR]
    ).fetchone()
    free, total = found or (0, 0)
    if free <= total * _MOST_FREE_RATIO and not any(one.row_count for one in left_out):
        copy_file(star, fresh)
        return
    connection.execute(
        f"attach {literal(str(fresh))} as compacted (storage_version '{STORAGE_VERSION}', block_size {BLOCK_BYTES})"
    )
    connection.execute(f"copy from database {STAR} to compacted (schema)")
    conditions = {one.table: one.condition for one in left_out}
    tables = connection.execute(
        "select table_name from duckdb_tables() where database_name = ? and schema_name = 'main' order by table_oid",
        [STAR],
    ).fetchall()
    connection.execute("begin")  # a commit per table would take longer and leave more free space
    for (table,) in tables:
        name, dropped = quoted(table), conditions.get(table, "false")
        connection.execute(
            f"insert into compacted.main.{name} from {STAR}.main.{name} where ({dropped}) is not true"
        )
    connection.execute("commit")
    connection.execute("detach compacted")


def _create_macros(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the SQL macros of this package: the functions of a store beyond its tables and views.

    A macro is skipped if it reads a table that this build left out, or a column that a table of an earlier build does
    not have.
    """
    import duckdb

    for path in sorted(_MACROS.glob("*.sql")):
        for statement in connection.extract_statements(path.read_text(encoding="utf-8")):
            try:
                connection.execute(statement)
            except (duckdb.CatalogException, duckdb.BinderException) as error:
                logger.info("left out of %s: %s", path.name, str(error).splitlines()[0])
            except duckdb.Error as error:
                reason = str(error).strip().splitlines()[0]
                raise StoreError(f"The macros of {path.name} cannot be published: {reason}") from error


def _comment(connection: duckdb.DuckDBPyConnection, descriptions: Mapping[str, Description]) -> None:
    """Add dbt's descriptions to relations and columns that do not have them yet, in one transaction.

    dbt would run it statement by statement, at 17 ms and more per model.
    """
    known = connection.execute(
        """
        with relations as (
            select table_name, 'table' as kind, comment from duckdb_tables()
            where database_name = current_database() and schema_name = 'main'
            union all
            select view_name, 'view', comment from duckdb_views()
            where database_name = current_database() and schema_name = 'main' and not internal
        )
        select relations.table_name, relations.kind, relations.comment, columns.column_name, columns.comment
        from relations
        inner join duckdb_columns() as columns
            on columns.database_name = current_database() and columns.schema_name = 'main'
            and columns.table_name = relations.table_name
        """
    ).fetchall()
    statements = {}
    for relation, kind, comment, column, column_comment in known:
        description = descriptions.get(relation)
        if description is None:
            continue
        text = description.text.strip()
        if text and text != comment:
            statements[relation, None] = f"comment on {kind} {quoted(relation)} is {literal(text)}"
        text = description.columns.get(column, "").strip()
        if text and text != column_comment:
            statements[relation, column] = (
                f"comment on column {quoted(relation)}.{quoted(column)} is {literal(text)}"
            )
    if statements:
        connection.execute("begin")
        connection.execute(";\n".join([*statements.values(), "commit"]))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_leftovers(paths: StorePaths) -> None:
    """Remove what a killed publish left behind (the build lock is held: no other publish is running)."""
    for folder in paths.home.glob(f"{_PREFIX}*"):
        shutil.rmtree(folder, ignore_errors=True)
