"""The rows that the published store leaves out: rows of facts older than privacy.yml allows.

The star keeps all rows, because the landed lines are kept: with a longer retention the next build publishes them again.
Tables that dbt made from these rows are published whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from agent_store.build.results import Description
from agent_store.paths import WAREHOUSE, StorePaths
from agent_store.show.catalog import Column, time_of
from agent_store.sql import literal, quoted

if TYPE_CHECKING:
    import duckdb

TABLE = "v_retention"
DESCRIPTION = Description(
    "One row per table and time at which rows of it were dropped because of their age (privacy.yml). Each build "
    "records the facts of retention.facts with the rows that this store leaves out of them, and each removal of old "
    "sessions stays recorded. An empty table means that everything is kept. Written by the publisher, not by "
    "dbt.",
    {
        "table_name": "The table whose rows were dropped: a published fact, or a table of landed lines.",
        "kept_days": "Retention in days (privacy.yml) when they were dropped.",
        "dropped_before": "Rows older than this were dropped, UTC. NULL for a fact whose rows cannot be dropped by "
        "age, because it is a view or has no time.",
        "dropped_at": "When they were dropped, UTC. For a fact, when this store was published.",
        "row_count": "Number of dropped rows.",
        "session_count": "Number of sessions removed with them. NULL for a fact.",
        "is_restorable": "True if the landed lines still have the rows: with a longer retention the next build "
        "restores them. False for removed sessions.",
        "archive": "The folder they were archived in. NULL if nothing was archived.",
    },
)
SCHEMA = f"""
create or replace table {TABLE} (
    table_name varchar not null, kept_days bigint not null, dropped_before timestamp, dropped_at timestamp not null,
    row_count bigint not null, session_count bigint, is_restorable boolean not null, archive varchar
);
"""


@dataclass(frozen=True, slots=True)
class Rule:
    """Days for which rows of facts are published, counted back from midnight UTC of a given day."""

    days: Mapping[str, int]
    midnight: datetime

    @property
    def key(self) -> str:
        """Identifies the rule and its day; empty if everything is published."""
        kept = ", ".join(f"{fact} {days}" for fact, days in sorted(self.days.items()))
        return f"{self.midnight:%Y-%m-%d}: {kept}" if kept else ""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """The rows left out of a fact; none if it has no time."""

    table: str
    days: int
    before: datetime | None = None
    # True for a row that is left out, false or NULL for one that is published.
    condition: str = "false"
    row_count: int = 0


def in_force(paths: StorePaths, now: datetime | None = None) -> Rule:
    """The rule of privacy.yml as of today. Raises StoreError if the file is invalid."""
    midnight = datetime.combine((now or datetime.now(UTC)).astimezone(UTC).date(), time())
    if not paths.privacy.exists():  # pydantic would take a tenth of a build with nothing new
        return Rule({}, midnight)
    from agent_store.privacy.policy import read_policy

    return Rule(read_policy(paths).retention.facts, midnight)


def left_out(connection: duckdb.DuckDBPyConnection, rule: Rule) -> list[LeftOut]:
    """The rows that the rule leaves out of the facts of a star."""
    return [_left_out(connection, rule, fact) for fact in sorted(rule.days) if _exists(connection, fact)]


def _exists(connection: duckdb.DuckDBPyConnection, relation: str) -> bool:
    found = connection.execute(
        "select count(*) from duckdb_columns() "
        "where database_name = current_database() and schema_name = 'main' and table_name = ?",
        [relation],
    ).fetchone()
    return bool(found and found[0])


def _left_out(connection: duckdb.DuckDBPyConnection, rule: Rule, fact: str) -> LeftOut:
    days = rule.days[fact]
    columns = connection.execute(
        "select column_name, data_type from duckdb_columns() "
        "inner join duckdb_tables() using (database_name, schema_name, table_name) "
        "where database_name = current_database() and schema_name = 'main' and table_name = ? order by column_index",
        [fact],
    ).fetchall()
    at = time_of(Column(name, data_type, "") for name, data_type in columns)
    if at is None:
        return LeftOut(fact, days)
    before = rule.midnight - timedelta(days=days)
    condition = f"{quoted(at.name)} < timestamp {literal(before.isoformat(' '))}"
    counted = connection.execute(f"select count(*) from {quoted(fact)} where {condition}").fetchone()
    return LeftOut(fact, days, before, condition, counted[0] if counted else 0)


def rows(
    connection: duckdb.DuckDBPyConnection, facts: Sequence[LeftOut], now: datetime
) -> list[tuple[object, ...]]:
    """The rows of the table: rows left out of facts now, and sessions that were removed from the warehouse."""
    found: list[tuple[object, ...]] = [
        (one.table, one.days, one.before, now, one.row_count, None, True, None) for one in facts
    ]
    known = connection.execute(
        "select count(*) from duckdb_tables() where database_name = ? and schema_name = 'raw' and table_name = 'expiry'",
        [WAREHOUSE],
    ).fetchone()
    if known and known[0]:
        found += connection.execute(
            "select table_name, kept_days, expired_before, expired_at, row_count, session_count, false, archive "
            f"from {WAREHOUSE}.raw.expiry order by expired_at, table_name"
        ).fetchall()
    return found
