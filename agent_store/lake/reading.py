"""A lake as dbt reads it: attached to the warehouse of its build, with the sessions that count.

A session that several hosts have counts once, from the host that has most of its lines: the others have an earlier state
of the same transcript. If they have as many, the host counts that has the latest line, then the one with the fewest
responses in it, then the first by its id.

A fork contains the lines of the session that it was forked from. Its host leaves them out if it has that session too, and
so has fewer responses than a host that has the fork only. If only another host has it, both have the same responses, and
the shorter of the two sessions is set aside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agent_store.errors import StoreError
from agent_store.lake.target import FINDINGS, LAKE, LAKE_COLUMNS, parse

if TYPE_CHECKING:
    import duckdb

SCHEMA: Final = "merging"
# The reason why a session is set aside, in `test_name` of v_set_aside_session.
FORK: Final = "fork_across_hosts"
_RESPONSES: Final = "fact_api_call"
_LENGTHS: Final = f"""
insert into {SCHEMA}.session_length
select _host, session_id, count(*)
from {LAKE}.main.{_RESPONSES}
group by _host, session_id
"""
_COUNTED: Final = f"""
create or replace table {SCHEMA}.counted_session as
select
    sessions.host_id,
    sessions.session_id
from {SCHEMA}.shared_session as sessions
anti join {SCHEMA}.uncounted_session as uncounted on uncounted.session_id = sessions.session_id
left join {SCHEMA}.session_length as lengths
    on lengths.host_id = sessions.host_id and lengths.session_id = sessions.session_id
qualify row_number() over (
    partition by sessions.session_id
    order by
        sessions.line_count desc,
        sessions.last_line_at desc nulls last,
        coalesce(lengths.response_count, 0),
        sessions.host_id
) = 1
"""

# Sessions with responses that a longer session on another host has too. Relays reuse ids of messages, but not at the same
# millisecond.
_FORKS: Final = f"""
insert or ignore into {SCHEMA}.uncounted_session
with responses as (
    select distinct calls._host as host_id, calls.session_id, calls.message_id, calls.called_at
    from {LAKE}.main.{_RESPONSES} as calls
    semi join {SCHEMA}.counted_session as counted
        on counted.host_id = calls._host and counted.session_id = calls.session_id
    where calls.message_id is not null
),
shared as (
    select message_id, called_at
    from responses
    group by message_id, called_at
    having count(distinct host_id) > 1
),
ranked as (
    select
        responses.*,
        first_value(responses.session_id) over (
            partition by responses.message_id, responses.called_at
            order by lengths.response_count desc, responses.session_id
        ) as kept_session_id
    from responses
    semi join shared on shared.message_id = responses.message_id and shared.called_at = responses.called_at
    inner join {SCHEMA}.session_length as lengths
        on lengths.host_id = responses.host_id and lengths.session_id = responses.session_id
)
select
    session_id,
    '{FORK}',
    concat(
        'It has ', count(*), ' responses of session ', min(kept_session_id), ', which only another host has. Copy the '
        'transcript of that session to the host of this one, build and share there: then its own responses count.'
    )
from ranked
where session_id <> kept_session_id
group by session_id
"""


def attach(connection: duckdb.DuckDBPyConnection, place: str, data: str = "") -> None:
    """Attach the lake to the connection of a build as the database `lake`, and choose the host of each session."""
    import duckdb

    target = parse(place, data)
    with target.opened() as lake:
        lake.attach(connection)
    try:
        _note(connection)
    except duckdb.Error as error:
        # dbt opens the database again in each of its threads, and would find the lake attached.
        connection.execute(f"detach {LAKE}")
        raise StoreError(f"The lake {target.shown} cannot be read: {str(error).splitlines()[0]}") from error


def _note(connection: duckdb.DuckDBPyConnection) -> None:
    """Note what the attached lake has, and choose the host of each session."""
    prepare(connection)
    # Kept for the time after dbt, when others may have shared more.
    connection.execute(f"create or replace table {SCHEMA}.host as from {LAKE}.main.lake_host")
    connection.execute(f"create or replace table {SCHEMA}.shared_session as from {LAKE}.main.lake_session")
    if columns(connection, FINDINGS):
        connection.execute(f"insert into {SCHEMA}.finding from {LAKE}.main.{FINDINGS}")
    count_sessions(connection)


def count_sessions(connection: duckdb.DuckDBPyConnection) -> None:
    """Choose the host of each session, and set forks aside whose original only another host has."""
    connection.execute(
        f"create or replace table {SCHEMA}.session_length (host_id varchar, session_id varchar, response_count bigint)"
    )
    has_responses = {"message_id", "called_at"} <= set(columns(connection, _RESPONSES))
    if has_responses:
        connection.execute(_LENGTHS)
    connection.execute(_COUNTED)
    if has_responses:
        connection.execute(_FORKS)
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
