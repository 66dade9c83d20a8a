"""Run a query on an open store, and show its rows as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agent_store.errors import StoreError
from agent_store.show.guard import refuse_changes
from agent_store.show.text import visible

if TYPE_CHECKING:
    import duckdb
    from rich.console import Console

DEFAULT_TABLE_LIMIT = 100
_NARROWEST_TEXT = 16
_UNBOUNDED = 10_000


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of a query; `is_cut` if there were more than the limit."""

    columns: Sequence[str]
    rows: Sequence[tuple[Any, ...]]
    is_cut: bool


@dataclass(frozen=True, slots=True)
class Found:
    """The rows of a query as shown to people: a cell is text, None for NULL; `is_cut` if there were more."""

    columns: list[str]
    is_number: list[bool]
    rows: list[list[str | None]]
    is_cut: bool
    published_at: str | None = None


def run(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    limit: int | None,
    parameters: Sequence[object] | Mapping[str, object] | None = None,
) -> Answer:
    """Run one query and fetch its rows, at most `limit`."""
    import duckdb

    refuse_changes(connection, sql)
    try:
        cursor = connection.execute(sql, parameters)
        columns = [column[0] for column in cursor.description or []]
        if limit is None:
            return Answer(columns, cursor.fetchall(), is_cut=False)
        rows = cursor.fetchmany(limit + 1)
    except duckdb.Error as error:
        raise StoreError(f"The query failed: {str(error).strip()}") from error
    return Answer(columns, rows[:limit], is_cut=len(rows) > limit)


def show_table(found: Found, console: Console) -> None:
    """A table for people; wide results are shown one column per line."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    columns = [visible(name) for name in found.columns]
    rows = [["–" if cell is None else visible(cell) for cell in row] for row in found.rows]
    is_number = found.is_number
    # Numbers and column names stay whole; longer texts may be folded, but not below this many characters.
    narrowest = sum(
        max(
            len(name),
            *(min(len(row[place]), _UNBOUNDED if is_number[place] else _NARROWEST_TEXT) for row in rows), 0,
        )
        for place, name in enumerate(columns)
    )  # fmt: skip
    if rows and narrowest + 3 * len(found.columns) > console.width:
        _show_records(columns, rows, console)
    else:
        table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
        for name, numeric in zip(columns, is_number, strict=True):
            longest = max((len(row[len(table.columns)]) for row in rows), default=0) if numeric else 0
            table.add_column(
                Text(name),
                justify="right" if numeric else "left",
                overflow="fold",
                min_width=max(len(name), longest),
            )
        for row in rows:
            table.add_row(*map(Text, row))
        console.print(table)
    count = len(found.rows)
    more = " shown; there are more (--limit)" if found.is_cut else ""
    console.print(f"{count:,} row{'' if count == 1 else 's'}{more}", style="dim")


def _show_records(columns: Sequence[str], rows: Sequence[Sequence[str]], console: Console) -> None:
    from rich.rule import Rule
    from rich.table import Table
    from rich.text import Text

    for number, row in enumerate(rows, 1):
        console.print(Rule(f"row {number:,}", align="left", style="dim"))
        record = Table.grid(padding=(0, 2))
        record.add_column(style="bold", no_wrap=True)
        record.add_column(overflow="fold")
        for name, value in zip(columns, row, strict=True):
            record.add_row(Text(name), Text(value))
        console.print(record)
