"""The process that answers for the server: only it opens the store.

It reads requests from standard input and writes answers to a separate pipe, one JSON object per line. Its standard
output is not used: the server's is for the protocol.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from threading import Lock, Timer
from typing import TYPE_CHECKING, Any, Final

import _duckdb

from agent_store.errors import StoreError, explain
from agent_store.library import AgentStore
from agent_store.paths import store_paths
from agent_store.record import query_log
from agent_store.serve.mcp import background, text
from agent_store.serve.mcp.answering import Answering
from agent_store.serve.mcp.session import asking
from agent_store.serve.mcp.tools import TOOLS

if TYPE_CHECKING:
    from agent_store.paths import StorePaths

# The engine alone replaces the DuckDB package, whose Python code takes 20 MB and as long to load as the engine itself.
sys.modules["duckdb"] = _duckdb

# Calls of one turn run in parallel.
THREADS: Final = 4
# Less than a model takes between two calls, more than the time between calls of one turn. Opening the store takes 40
# ms.
_REST_SECONDS: Final = 0.25
OLD_HOURS: Final = 24.0


class Worker:
    """Answers requests until the input ends."""

    def __init__(self, out: int) -> None:
        """Answers are written to the file descriptor `out`."""
        self._out = out
        self._lock = Lock()
        self._paths = store_paths()
        # Calls of a client run in parallel, and each is faster in one thread: its plan has many steps over small
        # tables.
        self._store = AgentStore(interface=query_log.MCP, threads=1)
        self._problem: StoreError | None = None
        disabled, hours = frozenset[str](), 0.0
        try:
            disabled, hours = _settings(self._paths)
        except StoreError as error:
            self._problem = error
        self._answering = Answering(self._store, self._paths, disabled)
        self._at_work = 0
        # Pending calls, with a function that stops each: None before it starts, or if it cannot be stopped.
        self._asked: dict[int, Callable[[], None] | None] = {}
        self._rest: Timer | None = None
        self._build = background.Builder(self._paths, hours)

    def run(self) -> None:
        """Send the list of tools, then answer."""
        self._write({"tools": self._answering.tools()})
        with ThreadPoolExecutor(THREADS) as threads:
            for line in sys.stdin.buffer:
                request = json.loads(line)
                if "cancel" in request:
                    self._cancel(request["cancel"])
                    continue
                with self._lock:
                    self._asked[request["id"]] = None
                threads.submit(self._answer, request)
            # The server has ended, so these are no longer needed.
            for number in list(self._asked):
                self._cancel(number)

    def _cancel(self, number: int) -> None:
        """Cancel a call: end its query, or do not start it."""
        with self._lock:
            stop = self._asked.pop(number, None)
        if stop is not None:
            stop()

    def _began(self, number: int, stop: Callable[[], None]) -> None:
        with self._lock:
            if number in self._asked:
                self._asked[number] = stop
                return
        stop()

    def _answer(self, request: dict[str, Any]) -> None:
        with self._lock:
            if request["id"] not in self._asked:
                return
            self._at_work += 1
            if self._rest is not None:
                self._rest.cancel()
        try:
            self._write(self._answer_to(request))
            self._build.start_if_old()
        finally:
            with self._lock:
                self._asked.pop(request["id"], None)
                self._at_work -= 1
                self._rest = Timer(_REST_SECONDS, self._let_go)
                self._rest.daemon = True
                self._rest.start()

    def _let_go(self) -> None:
        """Close the store while idle: it takes half of the memory. The next call reopens it."""
        with self._lock:
            if not self._at_work:
                self._store.close()
                with suppress(OSError, AttributeError):
                    ctypes.CDLL(None).malloc_trim(0)

    def _answer_to(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            if self._problem is not None:
                # Without settings it is unknown which tools are switched off, so none answers.
                _settings(self._paths)
                os._exit(0)  # they have been fixed: a new worker reads them
            who = asking(self._paths, request.get("tool_use_id"))
            said = self._answering.answer(
                request["tool"], request.get("arguments") or {}, who, partial(self._began, request["id"])
            )
        except Exception as error:  # any error is reported to the model
            known = explain(error, "This") or StoreError(
                f"{type(error).__name__}: {error}", "This is a defect of Agent Store."
            )
            said = text.failure(known.message, known.hint)
            return {"id": request["id"], "text": said, "is_error": True}
        return {"id": request["id"], "text": said}

    def _write(self, answer: dict[str, Any]) -> None:
        data = json.dumps(answer).encode() + b"\n"
        with self._lock:
            while data:
                data = data[os.write(self._out, data) :]


def _settings(paths: StorePaths) -> tuple[frozenset[str], float]:
    """The tools that are switched off, and after how many hours a build is old."""
    if not paths.settings.exists():
        # The default settings, without the time it takes to validate a file.
        return frozenset(), OLD_HOURS
    from agent_store.settings import read_settings

    found = read_settings(paths).mcp
    if unknown := sorted(set(found.disabled_tools) - set(TOOLS)):
        # A misspelled name would leave a tool on that should be off.
        raise StoreError(
            f"The settings {paths.settings} switch off unknown tools: {', '.join(unknown)}.",
            "The tools are listed in docs/mcp.md.",
        )
    return frozenset(found.disabled_tools), found.background_build_hours


if __name__ == "__main__":
    Worker(int(sys.argv[1])).run()
