"""A lake as dbt reads it: attached to the warehouse of its build, with the sessions that count.

A session that several hosts have counts once, from the host that has most of its lines: the others have an earlier state
of the same transcript. If they have as many, the host counts that has the latest line, then the first by its id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agent_store.lake.target import FINDINGS, LAKE, LAKE_COLUMNS, parse

if TYPE_CHECKING:
    import duckdb

SCHEMA: Final = "merging"
_COUNTED: Final = f"""
create or replace table {SCHEMA}.counted_session as
select
    sessions.host_id,
    sessions.session_id
from {SCHEMA}.shared_session as sessions
anti join {SCHEMA}.uncounted_session as uncounted on uncounted.session_id = sessions.session_id
qualify row_number() over (
    partition by sessions.session_id
    order by sessions.line_count desc, sessions.last_line_at desc nulls last, sessions.host_id
) = 1
"""


def attach(connection: duckdb.DuckDBPyConnection, place: str, data: str = "") -> None:
    """Attach the lake to the connection of a build as the database `lake`, and choose the host of each session."""
    with parse(place, data).opened() as lake:
        lake.attach(connection)
    prepare(connection)
    # Kept for the time after dbt, when others may have shared more.
    connection.execute(f"create or replace table {SCHEMA}.host as from {LAKE}.main.lake_host")
    connection.execute(f"create or replace table {SCHEMA}.shared_session as from {LAKE}.main.lake_session")
    if columns(connection, FINDINGS):
        connection.execute(f"insert into {SCHEMA}.finding from {LAKE}.main.{FINDINGS}")
    count_sessions(connection)


def count_sessions(connection: duckdb.DuckDBPyConnection) -> None:
    """Choose the host of each session."""
    connection.execute(_COUNTED)


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables that merging reads, where they are missing: the aliases of users, and sessions left out."""
    connection.execute(f"create schema if not exists {SCHEMA}")
    connection.execute(
        f"create table if not exists {SCHEMA}.user_alias (user_id varchar primary key, user_name varchar not null)"
    )
    connection.execute(
        f"create table if not exists {SCHEMA}.uncounted_session "
        "(session_id varchar primary key, test_name varchar not null, reason varchar not null)"
    )
    connection.execute(f"create or replace table {SCHEMA}.finding (finding varchar not null)")


def columns(connection: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    """The columns of a table of the lake. Models in several threads may ask at once."""
    with connection.cursor() as cursor:
        found = cursor.execute(
            "select column_name from duckdb_columns() where database_name = ? and table_name = ? order by column_index",
            [LAKE, table],
        ).fetchall()
    return [name for (name,) in found if name not in dict(LAKE_COLUMNS)]


def findings(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """What of a lake is damaged and was not read by the build."""
    return [text for (text,) in connection.execute(f"select finding from {SCHEMA}.finding").fetchall()]
