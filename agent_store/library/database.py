"""The database named by a program: a copy of the published store that opens under any name."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from agent_store.build.warehouse import copy_file
from agent_store.errors import LOCKED, StoreError, cause_of, explain
from agent_store.paths import STAR
from agent_store.replacing import replacing
from agent_store.serve.export import known
from agent_store.sql import literal, quoted

if TYPE_CHECKING:
    import duckdb

    from agent_store.paths import StorePaths


def put(paths: StorePaths, target: Path) -> None:
    """Replace `target` with a copy of the published store, in one rename.

    Published views qualify their tables with the name of the store's file, which the copy does not have, so the copy's
    views do not. A database that is not our store is not replaced.
    """
    import duckdb

    if target.exists() and not is_store(target):
        raise StoreError(
            f"{target} is a database of another program, so it was not replaced.",
            "Name another file: AgentStore(db_path=…)",
        )
    try:
        with replacing(target) as fresh, ExitStack() as leftovers:
            leftovers.callback(fresh.with_name(f"{fresh.name}.wal").unlink, missing_ok=True)
            copy_file(paths.store, fresh)
            with duckdb.connect(str(fresh), config={"temp_directory": str(paths.home / "tmp")}) as connection:
                _rename_in_views(connection)
            known.note(paths, target)
    except (OSError, duckdb.Error) as error:
        raise (
            explain(error, f"Writing {target}")
            or StoreError(f"Writing {target} failed: {str(error).strip().splitlines()[0]}")
        ) from error


def is_store(path: Path) -> bool:
    """Whether a file is a published store, or a copy of one, or nothing yet."""
    import duckdb

    if not path.stat().st_size:
        return True
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            found = connection.execute(
                "select 1 from duckdb_tables() where table_name = 'store_build' and database_name = current_database()"
            ).fetchone()
    except duckdb.Error as error:
        if cause_of(error) == LOCKED:
            raise StoreError(
                f"{path} is open for writing in another program, so it was not updated.",
                "Close it there, then refresh again.",
            ) from error
        return False
    return found is not None


def _rename_in_views(connection: duckdb.DuckDBPyConnection) -> None:
    """Remove the name of the store from the tables in views."""
    import duckdb

    views = connection.execute(
        "select view_name, sql, comment from duckdb_views() where database_name = current_database() and not internal"
    ).fetchall()
    columns = connection.execute(
        "select table_name, column_name, comment from duckdb_columns() where database_name = current_database() "
        "and comment is not null and table_name in (select view_name from duckdb_views() where not internal)"
    ).fetchall()
    waiting = {
        name: sql.replace(f"{STAR}.main.", "").replace("CREATE VIEW", "CREATE OR REPLACE VIEW", 1)
        for name, sql, _ in views
    }
    # A view that reads a view with the old name waits for the next round.
    while waiting:
        failed = {}
        for name, sql in waiting.items():
            try:
                connection.execute(sql)
            except duckdb.BinderException:
                failed[name] = sql
        if len(failed) == len(waiting):
            raise StoreError(
                f"The view {min(failed)} cannot be copied: it reads something that is not in the store."
            )
        waiting = failed
    statements = [
        f"comment on view {quoted(name)} is {literal(comment)}"
        for name, _, comment in views
        if comment is not None
    ]
    statements += [
        f"comment on column {quoted(name)}.{quoted(column)} is {literal(comment)}"
        for name, column, comment in columns
    ]
    if statements:
        connection.execute(";\n".join(["begin", *statements, "commit"]))
