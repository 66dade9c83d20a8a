"""`agent-store query`: SQL on the published store, read-only, as a table, CSV or JSON."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import IO, TYPE_CHECKING, Any
from uuid import UUID

from agent_store.errors import StoreError
from agent_store.show.text import visible, visible_json

if TYPE_CHECKING:
    import duckdb
    from rich.console import Console

DEFAULT_TABLE_LIMIT = 100
_NARROWEST_TEXT = 16
_UNBOUNDED = 10_000
_SMALLEST_FIXED = 1e-4
_ONLY_QUESTIONS = "Ask the store with SELECT, FROM, DESCRIBE, SHOW or SUMMARIZE."
# Functions that change DuckDB, reach past the lock-down, or run a text as SQL, which could hold any of them.
_NOT_ASKED = frozenset(
    {"add_parquet_key", "arrow_scan", "arrow_scan_dumb", "checkpoint", "copy_database", "force_checkpoint",
     "import_database", "json_execute_serialized_sql", "pandas_scan", "python_map_function", "query", "query_table",
     "seq_scan", "truncate_duckdb_logs", "write_log"}
)  # fmt: skip
_WORD = re.compile(rb'"(?:[^"]|"")*"|[^\W\d][\w$]*')


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of a query; `is_cut` if there were more than the limit."""

    columns: Sequence[str]
    rows: Sequence[tuple[Any, ...]]
    is_cut: bool


def run(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    limit: int | None,
    parameters: Sequence[object] | Mapping[str, object] | None = None,
) -> Answer:
    """Run one query and fetch its rows, at most `limit`."""
    import duckdb

    _refuse_changes(connection, sql)
    try:
        cursor = connection.execute(sql, parameters)
        columns = [column[0] for column in cursor.description or []]
        if limit is None:
            return Answer(columns, cursor.fetchall(), is_cut=False)
        rows = cursor.fetchmany(limit + 1)
    except duckdb.Error as error:
        raise StoreError(f"The query failed: {str(error).strip()}") from error
    return Answer(columns, rows[:limit], is_cut=len(rows) > limit)


def _refuse_changes(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Refuse what changes DuckDB itself instead of asking the store: some of it ends the whole process."""
    import duckdb

    try:
        statements = connection.extract_statements(sql)
    except duckdb.Error:
        return  # it fails when it is run, with DuckDB's own words
    if any(one.type in (duckdb.StatementType.CALL, duckdb.StatementType.PRAGMA) for one in statements):
        raise StoreError("CALL and PRAGMA change DuckDB itself and are not run here.", _ONLY_QUESTIONS)
    text = sql.encode()
    starts = [start for start, _ in duckdb.tokenize(sql)]
    for start, following in pairwise(starts):
        word = _WORD.match(text, start)
        if word is None or text[following : following + 1] != b"(":
            continue
        name = word[0].decode("utf-8", "replace").strip('"').replace('""', '"').lower()
        if name in _NOT_ASKED or name.startswith(("enable_", "disable_", "verify_")):
            raise StoreError(f"The function {name} is not run here.", _ONLY_QUESTIONS)


def plain(value: object) -> Any:  # noqa: ANN401 - whatever JSON can hold
    """A value as JSON can hold it: times as ISO text, bytes as hex, what is no number as null, the rest as it is."""
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return float(value) if value.is_finite() else None
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, timedelta | UUID):
        return str(value)
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def write_csv(answer: Answer, out: IO[str], *, raw: bool = False) -> None:
    """CSV with a header; NULL is an empty field. What a terminal would obey is visible, unless it is wanted raw."""
    writer = csv.writer(out, lineterminator="\n")
    shown = str if raw else visible
    writer.writerow([shown(column) for column in answer.columns])
    writer.writerows(["" if value is None else shown(_text(value)) for value in row] for row in answer.rows)


def write_json(answer: Answer, out: IO[str], *, raw: bool = False) -> None:
    """A list of objects, one per row; the second column of a name is called name_2."""
    names = distinct_names(answer.columns)
    records = [dict(zip(names, map(plain, row), strict=True)) for row in answer.rows]
    text = json.dumps(records, ensure_ascii=False, indent=1, allow_nan=False)
    out.write(f"{text if raw else visible_json(text)}\n")


def distinct_names(names: Sequence[str]) -> list[str]:
    """Names of columns, no two alike: the second `cost` is `cost_2`."""
    taken, result = set(names), []
    seen: set[str] = set()
    for name in names:
        number, own = 2, name
        while own in seen or (own != name and own in taken):
            own, number = f"{name}_{number}", number + 1
        seen.add(own)
        result.append(own)
    return result


def _text(value: object) -> str:
    if isinstance(value, list | dict | tuple):
        return json.dumps(plain(value), ensure_ascii=False)
    return str(plain(value)) if isinstance(value, bytes | timedelta | UUID) else str(value)


def _shown(value: object) -> str:
    """As people read it: NULL is a dash, a number with a fraction has six digits of it at most."""
    if value is None:
        return "–"
    if isinstance(value, float) and math.isfinite(value):
        if value and abs(value) < _SMALLEST_FIXED:
            return f"{value:.3g}"
        return f"{value + 0.0:.6f}".rstrip("0").rstrip(".")
    return visible(_text(value))


def show_table(answer: Answer, console: Console) -> None:
    """A table for people; what is too wide for the console is shown one row below the other."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    columns = [visible(name) for name in answer.columns]
    rows = [[_shown(value) for value in row] for row in answer.rows]
    is_number = [
        any(isinstance(row[position], int | float | Decimal) for row in answer.rows[:20])
        for position in range(len(answer.columns))
    ]
    # Numbers and names of columns stay whole; longer texts may be folded, but not below this many characters.
    narrowest = sum(
        max(
            len(name),
            *(min(len(row[place]), _UNBOUNDED if is_number[place] else _NARROWEST_TEXT) for row in rows), 0,
        )
        for place, name in enumerate(columns)
    )  # fmt: skip
    if rows and narrowest + 3 * len(answer.columns) > console.width:
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
    count = len(answer.rows)
    more = " shown; there are more (--limit)" if answer.is_cut else ""
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
