"""An example query for each published table and view, taken from `analyses/` or made from its columns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agent_store.show.catalog import Column, time_of

if TYPE_CHECKING:
    import duckdb

_REF = re.compile(r"\{\{\s*ref\('(\w+)'\)\s*\}\}")
_COLUMNS_SHOWN = 6
_ROWS_SHOWN = 10
# The columns that answers are sorted by, in this order; a fact is sorted by time, newest first.
_COSTS = ("cost_usd", "total_usd")


def examples(connection: duckdb.DuckDBPyConnection, project: Path) -> dict[str, str]:
    """The example of each table and view in the star that is the current database."""
    tables: dict[str, list[Column]] = {}
    for table, column, data_type in connection.execute(
        "select table_name, column_name, data_type from duckdb_columns() "
        "where database_name = current_database() and schema_name = 'main' order by table_name, column_index"
    ).fetchall():
        tables.setdefault(table, []).append(Column(column, data_type, ""))
    made = {table: _made(table, columns) for table, columns in tables.items()}
    return made | dict(_asked(project / "analyses", tables))


def _asked(folder: Path, tables: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """The questions in `analyses/` that read a single table, by that table, the shortest last."""
    found = []
    for file in sorted(folder.rglob("*.sql")):
        text = file.read_text(encoding="utf-8").strip()
        read = set(_REF.findall(text))
        sql = _REF.sub(r"\1", text)
        if len(read) == 1 and read <= tables.keys() and "{{" not in sql and "{%" not in sql:
            found.append((-len(sql), *read, sql))
    yield from ((table, sql) for _, table, sql in sorted(found))


def _made(table: str, columns: Sequence[Column]) -> str:
    """The first columns that people can read, newest or most expensive first."""
    names = [one.name for one in columns]
    at = time_of(columns)
    cost = next((name for name in (*_COSTS, *names) if name in names and name.endswith("_usd")), None)
    order = cost if cost and table.startswith("v_") else at.name if at else cost
    readable = [name for name in names if not name.startswith("_") and not name.endswith("_id")] or names
    shown = readable[:_COLUMNS_SHOWN]
    shown += [order] if order and order not in shown else []
    ordered = f"\norder by {order} desc nulls last" if order else ""
    return f"select {', '.join(shown)}\nfrom {table}{ordered}\nlimit {_ROWS_SHOWN}"
