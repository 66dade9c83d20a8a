"""Sessions set aside: a guard found them wrong, so staging leaves their lines out until the code changes.

Their lines stay in raw. The list is a separate table, so that landed rows are not rewritten.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.warehouse import borrow, ensure_schema, has_table, utc_now

if TYPE_CHECKING:
    import duckdb


def set_aside(warehouse: Path, sessions: Mapping[str, tuple[str, str]]) -> int:
    """Add sessions to the list: session id → (test, reason). Returns the number of new ones.

    The caller must hold the build lock. Raises duckdb.Error if the warehouse cannot be written.
    """
    import duckdb

    ensure_schema(warehouse)
    with borrow(warehouse) or duckdb.connect(str(warehouse)) as connection:
        known = {
            row[0] for row in connection.execute("select session_id from raw.set_aside_session").fetchall()
        }
        fresh = {session: why for session, why in sessions.items() if session not in known}
        if not fresh:
            return 0
        lines = _lines(connection, list(fresh))
        now = utc_now()
        connection.executemany(
            "insert into raw.set_aside_session values (?, ?, ?, ?, ?, ?)",
            [
                [session, test, reason, *lines.get(session, (0, None)), now]
                for session, (test, reason) in sorted(fresh.items())
            ],
        )
    return len(fresh)


def _lines(connection: duckdb.DuckDBPyConnection, sessions: list[str]) -> dict[str, tuple[int, str | None]]:
    """The number of lines that the sessions have in staging, and the file with most of them."""
    if not has_table(connection, "stg_transcripts__line", "staging"):
        return {}
    found = connection.execute(
        """
        select lines.session_id, count(*), mode(files.path)
        from staging.stg_transcripts__line as lines
        left join raw.source_file as files on files.file_id = lines.file_id
        where list_contains(?, lines.session_id)
        group by lines.session_id
        """,
        [sessions],
    ).fetchall()
    return {session: (count, path) for session, count, path in found}


def try_again(warehouse: Path) -> int:
    """Empty the list: the next build from raw includes these sessions again. Returns how many there were."""
    import duckdb

    if not warehouse.is_file():
        return 0
    with borrow(warehouse) or duckdb.connect(str(warehouse)) as connection:
        if not has_table(connection, "set_aside_session"):
            return 0
        removed = connection.execute("delete from raw.set_aside_session").fetchone()
    return int(removed[0]) if removed else 0
