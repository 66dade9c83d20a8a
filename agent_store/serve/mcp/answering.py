"""The answers of tools: the library's answer, turned into text."""

from __future__ import annotations

import inspect
import posixpath
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from agent_store.errors import StoreError
from agent_store.library.answer import Answer
from agent_store.record import query_log
from agent_store.serve.mcp import text
from agent_store.serve.mcp.tools import TOOLS, Tool, checked
from agent_store.show import catalog
from agent_store.show.text import visible

if TYPE_CHECKING:
    from agent_store.library import AgentStore
    from agent_store.paths import StorePaths
    from agent_store.serve.mcp.session import Asking

Began = Callable[[Callable[[], None]], None]
_SQL_SECONDS: Final = 10.0
_SQL_ROWS: Final = 200
_UNWRAPPED: Final = 1_000_000
_SQL_BYTES: Final = 2_000_000
_NEXT_BUILD: Final = "It is in the store after the next build."


class Answering:
    """Answers tool calls, from several threads."""

    def __init__(self, store: AgentStore, paths: StorePaths, disabled: frozenset[str] = frozenset()) -> None:
        """Open nothing yet."""
        self._store = store
        self._paths = paths
        self._disabled = disabled

    def tools(self) -> list[dict[str, Any]]:
        """The available tools, in the format of `tools/list`."""
        return [tool.listed() for name, tool in TOOLS.items() if name not in self._disabled]

    def answer(
        self, name: str, arguments: Mapping[str, Any], asking: Asking, began: Began = lambda _: None
    ) -> str:
        """The text of an answer. Raises StoreError if there is no such tool, or an argument is invalid.

        `began` receives a function that stops the call, if it can be stopped.
        """
        tool = TOOLS.get(name)
        if tool is None or name in self._disabled:
            raise StoreError(f"There is no tool {name}.")
        given = checked(tool, arguments)
        is_detailed = bool(given.pop("detail", False))
        limit = given.get("limit")
        look = text.Look(is_detailed or limit is not None, is_detailed, is_detailed)
        if tool.asks == "query":
            return self._query(given["sql"], limit or _SQL_ROWS, look, began)
        if tool.asks == "describe":
            return self._describe(given.get("table"), limit, look)
        given |= {name: getattr(asking, name) for name in tool.told}
        method = tool.asked_about(given.pop("about", None))
        self._check_arguments(tool, method, given)
        found, notes = self._found(tool, method, given, asking.project_path)
        if not isinstance(found, Answer):
            return f"Recorded as {found}. {_NEXT_BUILD}" if found else "Nothing was recorded."
        rows = [[row[column] for column in found.columns] for row in found]
        return text.table(found.columns, rows, found.total_count, text.source_of(found, *notes), look)

    def _check_arguments(self, tool: Tool, method: str, given: Mapping[str, Any]) -> None:
        """Raise StoreError for an argument that belongs to another answer of a tool."""
        if not tool.forms:
            return
        takes = inspect.signature(getattr(self._store, method)).parameters
        if others := [name for name in given if name not in takes]:
            raise StoreError(
                f"{tool.name} takes no {', '.join(others)} for this.",
                f"It takes: {', '.join(name for name in tool.parameters if name in takes)}",
            )

    def _found(
        self, tool: Tool, method: str, given: dict[str, Any], project: str | None
    ) -> tuple[Any, tuple[str, ...]]:
        """The library's answer. A relative path is relative to the project that the session works in.

        If there is nothing about it, the same path in another checkout is answered and marked as such, but not a bare
        file name, which every project may have.
        """
        ask = getattr(self._store, method)
        parameter = tool.path_parameter or ""
        path = given.get(parameter, "")
        if not path or not project or posixpath.isabs(path) or path[1:2] == ":" or path[0] in "~\\":
            return ask(**given), ()
        whole = posixpath.normpath(posixpath.join(project, path))
        found = ask(**{**given, parameter: whole})
        if not isinstance(found, Answer) or len(found) or "/" not in path.strip("./"):
            return found, ()
        return ask(**given), ("This project has no such file in the store: these rows are from other folders.",)

    def _query(self, sql: str, rows: int, look: text.Look, began: Began) -> str:
        """Rows of a model's own query, which runs in a separate process."""
        from agent_store.serve import sandbox

        with query_log.logged(self._paths, query_log.MCP, "query_store", sql) as running:
            with sandbox.asking(
                self._paths, sql, rows=rows, max_bytes=_SQL_BYTES,
                # One more than is shown tells that there is more.
                max_characters=text.LONGEST_CELL + 1, seconds=_SQL_SECONDS,
            ) as asked:  # fmt: skip
                began(asked.stop)
                try:
                    found = asked.found()
                except StoreError as error:
                    head, failed, reason = error.message.partition("failed: ")
                    # DuckDB's message contains the values that it could not read.
                    quoted = text.text(reason, text.LONGEST_CELL) if reason else ""
                    raise StoreError(head + failed + quoted, error.hint, error.exit_code) from error
            running.row_count = len(found.rows)
        as_of = datetime.fromisoformat(found.published_at) if found.published_at else None
        if not found.rows:
            return f"No rows. A{text.as_of(as_of)[1:]}. 0 of 0 rows"
        # The query has chosen its columns itself.
        whole = replace(look, is_whole=True)
        source = text.Source(as_of=as_of, has_more=found.is_cut)
        return text.table(found.columns, found.rows, len(found.rows), source, whole)

    def _describe(self, table: str | None, limit: int | None, look: text.Look) -> str:
        """A table with its columns and an example query, or the tables that match a word."""
        found = self._store.describe(table)
        if table and not found:
            found = self._store.describe(word=table)
        known = catalog.relations(found)
        if not known:
            return text.table([], [], 0, text.source_of(found), look)
        if known[0].columns:
            head = catalog.detail_text(replace(known[0], columns=()), _UNWRAPPED)
            rows = [line.strip() for line in catalog.column_lines(known[0].columns, _UNWRAPPED)]
        else:
            listed = known if table else [one for group in catalog.in_groups(known).values() for one in group]
            head, *rows = catalog.list_lines(listed, _UNWRAPPED)
        lines = [head, *(visible(row) for row in rows[:limit])]
        return text.fitted(lines, len(rows), text.source_of(found), look)
