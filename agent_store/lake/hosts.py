"""The hosts of a lake, as a table of its store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agent_store.build.results import Description
from agent_store.lake.reading import SCHEMA
from agent_store.sql import literal

if TYPE_CHECKING:
    import duckdb

TABLE: Final = "v_lake_host"
DESCRIPTION: Final = Description(
    "One row per host that shared into this lake. Only the store of a lake has it. Written by the build of the lake, "
    "not by dbt.",
    {
        "host_id": "Id of the host in the lake: its name and a hash.",
        "host_name": "Name of the host, as it was shared.",
        "shared_at": "When the host last shared, UTC.",
        "agent_store_version": "Version of Agent Store that shared.",
        "is_same_code": "True if the host's rows were made by the same models as this store. Rows of other versions are "
        "merged as they are: columns that a host does not have are NULL.",
        "timezone": "Time zone of days in the host's rows.",
        "session_count": "Sessions that the host shared.",
        "counted_session_count": "Of these, the sessions that count. The others are copies that another host has more "
        "lines of, or were set aside.",
        "copied_session_count": "Of these, the sessions that another host shared too.",
        "landed_line_count": "Lines that the host landed so far, including those set aside.",
        "set_aside_line_count": "Lines that the host set aside because they are not a JSON object.",
    },
)


def write(connection: duckdb.DuckDBPyConnection, tables_fingerprint: str) -> None:
    """Write the table into the star, from what the build read."""
    connection.execute(
        f"""
        create or replace table agent_store.main.{TABLE} as
        with sessions as (
            select
                shared.host_id,
                count(*) as session_count,
                count(counted.session_id) as counted_session_count,
                count(*) filter (where shared.host_count > 1) as copied_session_count
            from (
                select host_id, session_id, count(*) over (partition by session_id) as host_count
                from {SCHEMA}.shared_session
            ) as shared
            left join {SCHEMA}.counted_session as counted
                on counted.host_id = shared.host_id and counted.session_id = shared.session_id
            group by shared.host_id
        )
        select
            hosts.host_id,
            hosts.host_name,
            hosts.shared_at,
            hosts.agent_store_version,
            hosts.tables_fingerprint = {literal(tables_fingerprint)} as is_same_code,
            hosts.timezone,
            coalesce(sessions.session_count, 0) as session_count,
            coalesce(sessions.counted_session_count, 0) as counted_session_count,
            coalesce(sessions.copied_session_count, 0) as copied_session_count,
            hosts.landed_line_count,
            hosts.set_aside_line_count
        from {SCHEMA}.host as hosts
        left join sessions on sessions.host_id = hosts.host_id
        order by hosts.host_id
        """
    )
