"""Which SQL is allowed: queries that do not change DuckDB."""

from __future__ import annotations

import re
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING

from agent_store.errors import StoreError

if TYPE_CHECKING:
    import duckdb

ONLY_QUESTIONS = "Ask the store with SELECT, FROM, DESCRIBE, SHOW or SUMMARIZE."
# Functions that change DuckDB, bypass the lock-down, or run a text as SQL, which could contain any of them.
_NOT_ASKED = frozenset(
    {"add_parquet_key", "arrow_scan", "arrow_scan_dumb", "checkpoint", "copy_database", "force_checkpoint",
     "import_database", "json_execute_serialized_sql", "pandas_scan", "python_map_function", "query", "query_table",
     "seq_scan", "truncate_duckdb_logs", "write_log"}
)  # fmt: skip
_STATEMENT = "Ask with one SELECT, FROM, EXPLAIN, DESCRIBE, SUMMARIZE or SHOW."
_PIVOT = (
    "Name the columns: PIVOT t ON kind IN ('a', 'b') USING sum(x). Or without PIVOT: "
    "SELECT sum(x) FILTER (WHERE kind = 'a') AS a, …"
)
_WORD = re.compile(rb'"(?:[^"]|"")*"|[^\W\d][\w$]*')


def refuse_changes(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Refuse statements that change DuckDB itself instead of querying the store: some of them end the whole process."""
    import duckdb

    try:
        statements = connection.extract_statements(sql)
    except duckdb.Error:
        return  # it fails when it runs, with DuckDB's own message
    if any(one.type in (duckdb.StatementType.CALL, duckdb.StatementType.PRAGMA) for one in statements):
        raise StoreError("CALL and PRAGMA change DuckDB itself and are not allowed here.", ONLY_QUESTIONS)
    text = sql.encode()
    starts = [start for start, _ in duckdb.tokenize(sql)]
    for start, following in pairwise(starts):
        word = _WORD.match(text, start)
        if word is None or text[following : following + 1] != b"(":
            continue
        name = word[0].decode("utf-8", "replace").strip('"').replace('""', '"').lower()
        if name in _NOT_ASKED or name.startswith(("enable_", "disable_", "verify_")):
            raise StoreError(f"The function {name} is not allowed here.", ONLY_QUESTIONS)


def only_question(connection: duckdb.DuckDBPyConnection, sql: str) -> duckdb.Statement:
    """The single statement of the SQL, which may only query."""
    import duckdb

    if "\0" in sql:  # DuckDB would read no further
        raise StoreError("The SQL contains a NUL character.", _STATEMENT)
    statements = connection.extract_statements(sql)
    refuse_changes(connection, sql)
    kinds = [one.type for one in statements]
    if not statements:
        raise StoreError("There is no statement in the SQL.", _STATEMENT)
    if len(statements) > 1:
        # Statements that DuckDB itself derived from another have no text.
        if not all(one.query for one in statements) and "pivot" in sql.lower():
            raise StoreError(
                "PIVOT without IN is several statements, because it first makes a type from the values. Only one is "
                "allowed here.",
                _PIVOT,
            )
        raise StoreError(f"These are {len(statements)} statements; only one is allowed at a time.", _STATEMENT)
    explained = _explained(connection, sql) if kinds == [duckdb.StatementType.EXPLAIN] else kinds
    if explained != [duckdb.StatementType.SELECT]:
        (kind, *_) = explained or kinds
        raise StoreError(f"{kind.name.replace('_', ' ')} is not allowed here.", _STATEMENT)
    return statements[0]


def _explained(connection: duckdb.DuckDBPyConnection, sql: str) -> list[duckdb.StatementType]:
    """The kinds of statement after EXPLAIN: the first remainder of the SQL that parses as a statement."""
    import duckdb

    text = sql.encode()
    # Its own words and options in parentheses come first.
    for start, _ in duckdb.tokenize(sql)[1:]:
        with suppress(duckdb.Error):
            if found := connection.extract_statements(text[start:].decode()):
                return [one.type for one in found]
    return []
