"""What the published store leaves out: rows of facts that are older than privacy.yml keeps them.

The star keeps all rows, since the landed lines are kept: a longer time brings rows back with the next build. Tables that
dbt made of these rows are published whole.
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
    "One row per table and time at which rows of it were dropped because they were older than privacy.yml keeps them. Each "
    "build records the facts of retention.facts with what this store leaves out of them now, and each removal of old "
    "sessions stays recorded. No row means that neither has happened: everything is kept. Written by the publisher, not by "
    "dbt.",
    {
        "table_name": "The table that rows were dropped from: a published fact, or a table of landed lines.",
        "kept_days": "For how many days privacy.yml kept them.",
        "dropped_before": "Rows from before this moment were dropped, UTC. NULL for a fact that no row can be left out of: "
        "it is a view, or its rows have no time.",
        "dropped_at": "When they were dropped, UTC. For a fact: when this store was published.",
        "row_count": "Rows that were dropped.",
        "session_count": "Sessions that they belonged to. NULL for a fact.",
        "is_restorable": "True where the landed lines still have the rows: a longer time brings them back with the next "
        "build. False for removed sessions.",
        "archive": "The folder that they were archived in. NULL where nothing was archived.",
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
    """For how many days rows of facts are published, counted back from midnight UTC of a day."""

    days: Mapping[str, int]
    midnight: datetime

    @property
    def key(self) -> str:
        """Names the rule and its day; empty where everything is published."""
        kept = ", ".join(f"{fact} {days}" for fact, days in sorted(self.days.items()))
        return f"{self.midnight:%Y-%m-%d}: {kept}" if kept else ""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What is left out of a fact. Without a time it is nothing."""

    table: str
    days: int
    before: datetime | None = None
    # True for a row that is left out, false or NULL for one that is published.
    condition: str = "false"
    row_count: int = 0


def in_force(paths: StorePaths, now: datetime | None = None) -> Rule:
    """The rule of privacy.yml as of today. StoreError where the file is wrong."""
    midnight = datetime.combine((now or datetime.now(UTC)).astimezone(UTC).date(), time())
    if not paths.privacy.exists():  # pydantic would take a tenth of a build with nothing new
        return Rule({}, midnight)
    from agent_store.privacy.policy import read_policy

    return Rule(read_policy(paths).retention.facts, midnight)


def left_out(connection: duckdb.DuckDBPyConnection, rule: Rule) -> list[LeftOut]:
    """What the rule leaves out of the facts that a star has."""
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
    """The rows of the table: what is left out of facts now, and the sessions that were removed from the warehouse."""
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
