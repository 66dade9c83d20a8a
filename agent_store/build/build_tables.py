"""The tables in which a store describes its build: failed checks, the age of each table, dropped rows.

The publisher writes them next to dbt's tables, because their content is known only after the last test.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from agent_store.build import fact_retention
from agent_store.build.examples import examples
from agent_store.build.results import BuildResult, Description
from agent_store.paths import project_dir

if TYPE_CHECKING:
    import duckdb

FAILED_CHECK = "v_failed_check"
STORE_TABLE = "v_store_table"

DESCRIPTIONS = {
    FAILED_CHECK: Description(
        "One row per failed check of a data test: rows that break a rule of the store. Do not rely on the rows named "
        "here; the rest of the store is valid. An empty table means that every check "
        "passed. Written by the publisher, not by dbt.",
        {
            "test_name": "The data test, as dbt names it.",
            "check_name": "Name of the check within the test. Empty if the test has only one.",
            "table_name": "The table under test. NULL for a test that compares several.",
            "description": "The rule that the check enforces.",
            "is_guard": "True for a guard: it prevents publishing unless the sessions it names can be set aside.",
            "failing_row_count": "Rows that fail the check. NULL if the test itself could not run.",
            "session_count": "Distinct sessions of these rows. 0 if they name none.",
            "session_id": "The session of one of these rows. NULL if they name none.",
            "source_path": "The transcript behind that row, relative to its root. NULL if they name none.",
            "source_line": "Line of that transcript: agent-store line PATH LINE shows it.",
            "examples": "Up to five failing rows, one per line, or the message of a test that could not run.",
        },
    ),
    STORE_TABLE: Description(
        "One row per published table or view: when its rows were built and whether they are of this build. "
        "Written by the publisher, not by dbt.",
        {
            "table_name": "The table or view.",
            "table_type": "table or view.",
            "built_at": "End of the build that made its rows, UTC. NULL if no build has made it yet; it is empty then.",
            "last_batch_id": "The last landing batch that its rows include. NULL where built_at is.",
            "is_stale": "True if the last build could not make it, so that it has the rows of an earlier build.",
            "stale_because": "Why it is stale. NULL if it is not.",
            "row_count": "Rows of a table. NULL for a view.",
            "example": "An example query.",
        },
    ),
    fact_retention.TABLE: fact_retention.DESCRIPTION,
}

_SCHEMA = f"""
create or replace table {FAILED_CHECK} (
    test_name varchar not null, check_name varchar not null, table_name varchar, description varchar,
    is_guard boolean not null, failing_row_count bigint, session_count bigint not null, session_id varchar,
    source_path varchar, source_line bigint, examples varchar
);
create or replace table {STORE_TABLE} (
    table_name varchar not null, table_type varchar not null, built_at timestamp, last_batch_id bigint,
    is_stale boolean not null, stale_because varchar, row_count bigint, example varchar
);
{fact_retention.SCHEMA}"""
Age = tuple[datetime | None, int | None]


def earlier_ages(store: Path) -> dict[str, Age]:
    """When the tables of the store being replaced were built, and up to which batch.

    Empty if there is no store, or one without this table.
    """
    import duckdb

    if not store.is_file():
        return {}
    try:
        with duckdb.connect(str(store), read_only=True) as connection:
            rows = connection.execute(
                f"select table_name, built_at, last_batch_id from {STORE_TABLE}"
            ).fetchall()
    except duckdb.Error:
        return {}
    return {name: (built_at, batch_id) for name, built_at, batch_id in rows}


def write(
    connection: duckdb.DuckDBPyConnection,
    build: BuildResult,
    now: Age,
    earlier: Mapping[str, Age],
    row_counts: Mapping[str, int | None],
    dropped: Sequence[Sequence[object]] = (),
) -> None:
    """Write these tables into the new store.

    `row_counts` maps its other tables to their rows, and its views to None; `dropped` has the rows of v_retention.
    """
    for statement in connection.extract_statements(_SCHEMA):
        connection.execute(statement)
    checks = [
        [
            failure.name, check.name, failure.table or None, check.description or None, failure.is_guard,
            check.failing_rows, len(check.session_ids), check.session_id, check.source_path, check.source_line,
            "\n".join(check.examples) or None,
        ]
        for failure in build.warnings
        for check in failure.checks
    ]  # fmt: skip
    checks += [
        [
            failure.name, "", failure.table or None, failure.description or None, failure.is_guard,
            failure.failing_rows, 0, None, None, None, failure.message or None,
        ]
        for failure in build.warnings
        if not failure.checks
    ]  # fmt: skip
    if checks:
        connection.executemany(f"insert into {FAILED_CHECK} values ({', '.join('?' * 11)})", checks)
    if dropped:
        connection.executemany(f"insert into {fact_retention.TABLE} values ({', '.join('?' * 8)})", dropped)
    example_of = examples(connection, project_dir())
    known = {
        **row_counts,
        FAILED_CHECK: len(checks),
        STORE_TABLE: len(row_counts) + len(DESCRIPTIONS),
        fact_retention.TABLE: len(dropped),
    }
    connection.executemany(
        f"insert into {STORE_TABLE} values (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            [
                name,
                "view" if count is None else "table",
                *(earlier.get(name, (None, None)) if name in build.stale else now),
                name in build.stale,
                build.stale.get(name),
                count,
                example_of.get(name),
            ]
            for name, count in sorted(known.items())
        ],
    )
