"""The reader: answers questions from the published store, and detects when it has been replaced."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakSet

from agent_store.errors import StoreError
from agent_store.library.answer import Answer
from agent_store.show import query as queries
from agent_store.show.values import distinct_names
from agent_store.store import open_store

if TYPE_CHECKING:
    import duckdb

    from agent_store.library.answers import Question
    from agent_store.paths import StorePaths

_COUNT = "_count_of_all"
_T = TypeVar("_T")
_READERS: WeakSet[Reader] = WeakSet()


@dataclass(frozen=True, slots=True)
class _Open:
    """An open store: its file, and the process that opened it."""

    connection: duckdb.DuckDBPyConnection
    stack: ExitStack
    file: tuple[int, int, int]
    published_at: datetime | None
    newest_at: datetime | None
    # What `read_once` has read.
    known: dict[object, Any] = field(default_factory=dict)


class Reader:
    """One read-only store, opened once. Each question has its own connection, so no thread waits for another."""

    def __init__(self, paths: StorePaths, threads: int | None = None) -> None:
        """Open nothing before the first question. `threads` is how many threads one question may use."""
        self._paths = paths
        self._threads = threads
        self._open: _Open | None = None
        self._lock = RLock()
        _READERS.add(self)

    def leave_to_parent(self) -> None:
        """In a forked child: the connection, and the lock that another thread may have held, belong to the parent."""
        if self._open is not None:
            # Never freed: DuckDB would look for the parent's threads, and abort the process because they do not exist.
            for held in (self._open, self._open.connection, self._open.stack):
                ctypes.pythonapi.Py_IncRef(ctypes.py_object(held))
        self._lock = RLock()
        self._open = None

    def ask(self, question: Question, parameters: Mapping[str, object], limit: int | None) -> Answer:
        """Answer a question of the table, with at most `limit` rows, or all if it is None."""
        # Order and limit are in the same select, so the count covers all rows and the result has the first ones.
        sql = (
            f'select *, count(*) over () as "{_COUNT}" from ({question.sql}) as answer '
            f"order by {question.order} limit $row_limit"
        )
        with self._connection() as (connection, store):
            columns, rows = _run(connection, sql, {**parameters, "row_limit": limit})
        total = rows[0][-1] if rows else 0
        names = columns[:-1]
        return Answer(
            [dict(zip(names, row[:-1], strict=True)) for row in rows],
            names, total, question.views, question.estimated, store.published_at, store.newest_at,
        )  # fmt: skip

    def query(
        self, sql: str, parameters: Sequence[object] | Mapping[str, object] | None, limit: int | None
    ) -> Answer:
        """Answer the user's own query."""
        with self._connection() as (connection, store):
            found = queries.run(connection, sql, limit, parameters)
        names = distinct_names(found.columns)
        rows = [dict(zip(names, row, strict=True)) for row in found.rows]
        return Answer(rows, names, len(rows) + found.is_cut, as_of=store.published_at)

    def value(self, sql: str, parameters: Mapping[str, object] | None = None) -> Any:  # noqa: ANN401 - what it gives
        """The first value of the first row; None if there is none."""
        with self._connection() as (connection, _):
            _, rows = _run(connection, sql, parameters or {})
        return rows[0][0] if rows else None

    def read_once(self, key: object, ask: Callable[[duckdb.DuckDBPyConnection], _T]) -> _T:
        """What a function reads from the store; kept under the key until the store is replaced."""
        with self._connection() as (connection, store):
            if key not in store.known:
                store.known[key] = ask(connection)
            found: _T = store.known[key]
            return found

    @property
    def published_at(self) -> datetime | None:
        """When the current store was published (UTC)."""
        with self._lock:
            return self._store().published_at

    @contextmanager
    def _connection(self) -> Iterator[tuple[duckdb.DuckDBPyConnection, _Open]]:
        """A connection for one question: its settings and temporary objects end with it."""
        with self._lock:
            store = self._store()
            connection = store.connection.cursor()
        try:
            connection.execute("use agent_store")
            yield connection, store
        finally:
            connection.close()

    def _store(self) -> _Open:
        """The current published store; the lock must be held."""
        now = _file(self._paths)
        if self._open is not None and self._open.file == now:
            return self._open
        self.close()
        stack = ExitStack()
        connection = stack.enter_context(open_store(self._paths, threads=self._threads))
        published_at = _moment(connection, "select published_at from store_build")
        newest_at = _moment(connection, "select newest_action_at()")
        self._open = _Open(connection, stack, now, published_at, newest_at)
        return self._open

    def close(self) -> None:
        """Close the store; the next question opens it again."""
        with self._lock:
            if self._open is not None:
                self._open.stack.close()
            self._open = None


def _file(paths: StorePaths) -> tuple[int, int, int]:
    """A value that distinguishes a published store from the one that replaced it."""
    try:
        stat = paths.store.stat()
    except OSError:
        return (0, 0, 0)
    return (stat.st_ino, stat.st_mtime_ns, stat.st_size)


def _moment(connection: duckdb.DuckDBPyConnection, sql: str) -> datetime | None:
    with suppress(Exception):
        row = connection.execute(sql).fetchone()
        return row[0] if row else None
    return None


def _run(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, object]
) -> tuple[list[str], list[tuple[Any, ...]]]:
    import duckdb

    try:
        cursor = connection.execute(sql, dict(parameters))
        return [column[0] for column in cursor.description or []], cursor.fetchall()
    except duckdb.Error as error:
        raise StoreError(
            f"The store could not answer: {str(error).strip().splitlines()[0]}",
            "It may have been built by another version of Agent Store: rebuild it (agent-store build).",
        ) from error


def _after_fork() -> None:
    for reader in list(_READERS):
        reader.leave_to_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
