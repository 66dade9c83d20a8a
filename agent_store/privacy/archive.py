"""Archives of expired sessions: Parquet files with their rows of raw and of the star, one folder for each time.

Nothing in this package reads them. Data forgotten later is removed from them too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from agent_store.paths import FOLDER_MODE, private_files
from agent_store.replacing import remove_leftovers, replacing
from agent_store.sql import literal, quoted
from ingest.privacy import privacy
from ingest.privacy.fields import LINE_TABLES
from ingest.privacy.tombstones import FORGOTTEN, SESSION, session_of_file
from ingest.purge import RAW_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    import duckdb

    from agent_store.paths import StorePaths

_OPTIONS: Final = "format parquet, compression zstd"
_ROWS_AT_ONCE: Final = 2_000


def folders(paths: StorePaths) -> list[Path]:
    """The archives of a home, the oldest first."""
    return sorted(folder for folder in paths.archive.glob("*/") if any(folder.glob("*.parquet")))


def folder_of(paths: StorePaths, expired_at: datetime) -> Path:
    """The folder of sessions that expire at a time."""
    return paths.archive / f"{expired_at:%Y-%m-%dT%H%M%SZ}"


def write(connection: duckdb.DuckDBPyConnection, star: str, sessions: Sequence[str], folder: Path) -> None:
    """Write the rows of sessions from each table of the star, which is attached under a name."""
    for one in (folder.parent, folder):
        one.mkdir(mode=FOLDER_MODE, exist_ok=True)
    connection.execute("create or replace temp table expiring_session as select unnest(?::varchar[]) as session_id", [
        list(sessions)
    ])  # fmt: skip
    tables = connection.execute(
        "select tables.table_name from duckdb_tables() as tables inner join duckdb_columns() as columns "
        "using (database_name, schema_name, table_name) "
        "where database_name = ? and schema_name = 'main' and column_name = 'session_id' order by 1",
        [star],
    ).fetchall()
    with private_files():
        for (table,) in tables:
            rows = (
                f"from {quoted(star)}.main.{quoted(table)} as t "
                "semi join expiring_session on expiring_session.session_id = t.session_id"
            )
            found = connection.execute(f"select count(*) {rows}").fetchone()
            if found and found[0]:
                target = literal(str(folder / f"{table}.parquet"))
                connection.execute(f"copy (select t.* {rows}) to {target} ({_OPTIONS})")


def lines(paths: StorePaths, table: str) -> Iterator[tuple[str | None, str]]:
    """The archived rows of a table of lines: the session of the file, and the line."""
    import duckdb

    for folder in folders(paths):
        file = folder / f"{RAW_PREFIX}{table}.parquet"
        if file.exists():
            with duckdb.connect() as connection:
                connection.execute("set autoinstall_known_extensions = false")
                sql = f"select kind, path, coalesce(repaired_line, line) from read_parquet({literal(str(file))})"
                for kind, path, text in _rows(connection, sql):
                    if text:
                        yield session_of_file(kind, path), text


def erase_forgotten(paths: StorePaths) -> None:
    """Remove forgotten data from all archives, under the current policy; delete files without rows."""
    import duckdb

    remove_leftovers(*folders(paths))
    for folder in folders(paths):
        for file in sorted(folder.glob("*.parquet")):
            with duckdb.connect() as connection:
                connection.execute("set autoinstall_known_extensions = false")
                _erase(connection, file)
        if not any(folder.iterdir()):
            folder.rmdir()


def _erase(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    source = f"read_parquet({literal(str(file))}, file_row_number = true)"
    gone = list(_gone_rows(connection, file, source))
    if not gone:
        return
    connection.execute("create or replace temp table gone as select unnest(?::bigint[]) as row", [gone])
    kept = f"from {source} where file_row_number not in (select row from gone)"
    found = connection.execute(f"select count(*) {kept}").fetchone()
    if not found or not found[0]:
        file.unlink()
        return
    with replacing(file) as fresh, private_files():
        connection.execute(
            f"copy (select * exclude (file_row_number) {kept}) to {literal(str(fresh))} ({_OPTIONS})"
        )


def _gone_rows(connection: duckdb.DuckDBPyConnection, file: Path, source: str) -> Iterator[int]:
    """The forgotten rows of a file."""
    tombstones = privacy.current().policy.forgotten
    if not file.name.startswith(RAW_PREFIX):
        for row, session in _rows(connection, f"select file_row_number, session_id from {source}"):
            if tombstones.has(SESSION, session):
                yield row
        return
    table = file.stem.removeprefix(RAW_PREFIX)
    text = "coalesce(repaired_line, line)" if table in LINE_TABLES else "null"
    for row, kind, path, line in _rows(
        connection, f"select file_row_number, kind, path, {text} from {source}"
    ):
        if tombstones.has(SESSION, session_of_file(kind, path)) or (
            line is not None and tombstones.why_line(line, table) == FORGOTTEN
        ):
            yield row


def _rows(connection: duckdb.DuckDBPyConnection, sql: str) -> Iterator[tuple[Any, ...]]:
    cursor = connection.cursor().execute(sql)
    while rows := cursor.fetchmany(_ROWS_AT_ONCE):
        yield from rows
