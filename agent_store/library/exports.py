"""Exports: a published table, or an answer, as a Parquet, CSV or JSON file."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from agent_store.errors import StoreError, explain
from agent_store.replacing import replacing
from agent_store.sql import literal, quoted
from agent_store.store import open_store

if TYPE_CHECKING:
    from agent_store.paths import StorePaths

PARQUET = "format parquet, compression zstd"
CSV = "format csv, header true"
# One object a line; what is no number is null.
JSON = "format json"
_SUGGESTIONS = 3


def export_table(paths: StorePaths, target: Path, table: str, form: str, since: str | None) -> int:
    """Write a published table or view to a file, with its types; how many rows it has.

    With `since`, only rows whose time (the first column of the table that is one) is not before it.
    """
    with open_store(paths) as connection:
        names = [
            name
            for (name,) in connection.execute(
                "select table_name from duckdb_tables() where database_name = 'agent_store' and schema_name = 'main' "
                "union all select view_name from duckdb_views() "
                "where database_name = 'agent_store' and schema_name = 'main' and not internal"
            ).fetchall()
        ]
        if table not in names:
            close = difflib.get_close_matches(table, names, n=_SUGGESTIONS)
            raise StoreError(
                f"The store has no table {table!r}.",
                f"Did you mean {', '.join(close)}?" if close else "describe() lists what it has.",
            )
        moment = connection.execute(
            "select column_name from duckdb_columns() where database_name = 'agent_store' and schema_name = 'main' "
            "and table_name = ? and data_type in ('TIMESTAMP', 'DATE') order by data_type = 'DATE', column_index limit 1",
            [table],
        ).fetchone()
        # JSON has no word for what is no number.
        fractions = [
            quoted(name)
            for (name,) in connection.execute(
                "select column_name from duckdb_columns() where database_name = 'agent_store' and schema_name = 'main' "
                "and table_name = ? and data_type in ('DOUBLE', 'FLOAT')",
                [table],
            ).fetchall()
            if form == JSON
        ]
    finite = ", ".join(f"case when isfinite({name}) then {name} end as {name}" for name in fractions)
    sql = f"select *{f' replace ({finite})' if finite else ''} from {quoted(table)}"
    if since is None:
        return export_query(paths, target, sql, form)
    if moment is None:
        raise StoreError(
            f"{table} has no column of times: it cannot be exported since one.", "Leave `since` out."
        )
    return export_query(
        paths, target, f"{sql} where {quoted(moment[0])} >= cast($since as timestamp)", form, {"since": since}
    )


def export_query(
    paths: StorePaths, target: Path, sql: str, form: str, parameters: Mapping[str, object] | None = None
) -> int:
    """Write what a query of ours gives to a file, in one rename; how many rows it has."""
    import duckdb

    target = target.expanduser().absolute()
    try:
        with replacing(target) as fresh, open_store(paths, may_write=fresh) as connection:
            row = connection.execute(
                f"copy ({sql}) to {literal(str(fresh))} ({form}, use_tmp_file false)", dict(parameters or {})
            ).fetchone()
    except (OSError, duckdb.Error) as error:
        raise (
            explain(error, f"Writing {target}")
            or StoreError(f"Writing {target} failed: {str(error).strip().splitlines()[0]}")
        ) from error
    return int(row[0]) if row else 0
