"""What a policy needs from lines landed earlier: the folder of each session, and the calls that touched a file.

Project rules apply to folders, but many lines name none; the result of a tool may be landed later than its call.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from ingest.privacy import privacy
from ingest.privacy.fields import TRANSCRIPT_TABLE
from ingest.privacy.tombstones import parsed, session_of_file

if TYPE_CHECKING:
    import duckdb

_ROWS_AT_ONCE = 2_000


def learn(
    connection: duckdb.DuckDBPyConnection, sessions: Collection[str | None] | None = None
) -> dict[int, str | None]:
    """Pass facts from landed transcripts to the policy in force, for some sessions or all; returns the session of
    each file.
    """
    current = privacy.current()
    files = {
        file_id: session_of_file(kind, path)
        for file_id, kind, path in connection.execute(
            "select file_id, kind, path from raw.source_file"
        ).fetchall()
    }
    wanted = [
        file_id for file_id, session in files.items() if session and (sessions is None or session in sessions)
    ]
    text = "coalesce(repaired_line, line)"
    if current.policy.projects and wanted:
        found = connection.execute(
            rf"""
            select file_id, min_by({text}, line_number) from raw.{TRANSCRIPT_TABLE}
            where list_contains(?, file_id) and regexp_matches({text}, '"cwd":\s?"') group by file_id order by file_id
            """,
            [wanted],
        ).fetchall()
        for file_id, line in found:
            current.learn(parsed(line), files[file_id])
    if current.policy.dropped_files and sessions is not None and wanted:
        calls = connection.execute(
            f"select {text} from raw.{TRANSCRIPT_TABLE} "
            f"where list_contains(?, file_id) and contains({text}, '\"tool_use\"') order by file_id, line_number",
            [wanted],
        )
        while rows := calls.fetchmany(_ROWS_AT_ONCE):
            for (line,) in rows:
                current.learn(parsed(line), None)
    return files
