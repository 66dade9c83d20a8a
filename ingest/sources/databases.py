"""The schema of a database file, as DDL statements."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from ingest.files import read_beginning
from ingest.text import one_line


def schema_of(path: Path) -> tuple[str, str | None]:
    """The statements that create the schema of a SQLite or DuckDB file, in a fixed order, and its version."""
    head, _ = read_beginning(path, 16)
    if head.startswith(b"SQLite format 3"):
        with closing(
            sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=2)
        ) as connection:
            rows = connection.execute(
                "select sql from sqlite_master where sql is not null and name not like 'sqlite_%' order by type desc, name"
            ).fetchall()
            version = connection.execute("pragma user_version").fetchone()
        return ";\n".join(str(sql) for (sql,) in rows) + ";", str(version[0]) if version else None
    import duckdb

    try:
        opened_duckdb = duckdb.connect(str(path), read_only=True)
    except duckdb.Error as error:
        raise RuntimeError(one_line(error)) from error
    with closing(opened_duckdb) as found:
        statements = found.execute(
            "select sql from (select 0 as place, schema_name, table_name as name, sql from duckdb_tables() "
            "where not internal union all select 1, schema_name, view_name, sql from duckdb_views() where not internal) "
            "where sql is not null order by place, schema_name, name"
        ).fetchall()
    return "\n".join(str(sql).rstrip(";") + ";" for (sql,) in statements), None
