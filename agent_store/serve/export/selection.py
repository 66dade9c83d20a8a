"""The exported part of a table, as SQL: each column with the type it is written as, starting at a given time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from agent_store.errors import StoreError
from agent_store.serve.export.column_types import column_type, finite
from agent_store.show.catalog import Relation, read, unknown
from agent_store.sql import quoted

if TYPE_CHECKING:
    import duckdb

PARQUET = "parquet"
CSV = "csv"
JSON = "json"


def exportable(connection: duckdb.DuckDBPyConnection, names: Iterable[str] | None) -> list[Relation]:
    """Published tables and views by name, or all of them for None. Raises StoreError for an unknown name."""
    found = {one.name: one for one in read(connection)}
    known = {name: one for name, one in found.items() if one.kind != "function"}
    wanted = dict.fromkeys(known if names is None else (name.strip().lower() for name in names))
    for name in wanted:
        if name in found and name not in known:
            raise StoreError(
                f"{name} is a function: its result depends on its arguments.",
                f'Query it: agent-store query --format csv "from {name}(…)"',
            )
        if name not in known:
            raise unknown(name, known)
    return [known[name] for name in sorted(wanted)]


def select(relation: Relation, form: str, *, is_since: bool = False) -> str:
    """The rows of a table as exported. With `is_since`, only those whose time is not before the parameter `$since`."""
    changed = []
    for column in relation.columns:
        name, given = quoted(column.name), column.data_type or ""
        written = column_type(given).written
        expression = name
        if form == PARQUET and written != given:
            expression = f"cast({name} as {written})"
        elif form == JSON:
            expression = finite(name, given)
        if expression != name:
            changed.append(f"{expression} as {name}")
    replaced = f" replace ({', '.join(changed)})" if changed else ""
    sql = f"select *{replaced} from {quoted(relation.name)}"
    if not is_since:
        return sql
    at = relation.time_column
    if at is None:
        raise StoreError(
            f"{relation.name} has no time column, so it cannot be exported with `since`.",
            "Remove `since`.",
        )
    # A date counts as a whole day.
    since = "cast($since as timestamp)"
    return f"{sql} where {quoted(at.name)} >= {since if at.data_type != 'DATE' else f'cast({since} as date)'}"
