"""The process that answers for the server: it alone opens the store.

It reads requests from standard input and writes answers to a pipe of its own, a JSON object a line. Its standard output is
nobody's: the server's is the protocol.
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

# Calls of one turn run side by side.
THREADS: Final = 4
# Less than a model takes between two calls, more than lies between calls of one turn. To open the store takes 40 ms.
_REST_SECONDS: Final = 0.25
OLD_HOURS: Final = 24.0


class Worker:
    """Answers requests until there are none any more."""

    def __init__(self, out: int) -> None:
        """Answers are written to the file descriptor `out`."""
        self._out = out
        self._lock = Lock()
        self._paths = store_paths()
        # Calls of a client run side by side, and each is quicker in one thread: its plan has many steps over small tables.
        self._store = AgentStore(interface=query_log.MCP, threads=1)
        self._problem: StoreError | None = None
        disabled, hours = frozenset[str](), 0.0
        try:
            disabled, hours = _settings(self._paths)
        except StoreError as error:
            self._problem = error
        self._answering = Answering(self._store, self._paths, disabled)
        self._at_work = 0
        # What is asked and not answered yet, with how to stop it: None before it has begun, or where it cannot be stopped.
        self._asked: dict[int, Callable[[], None] | None] = {}
        self._rest: Timer | None = None
        self._build = background.Builder(self._paths, hours)

    def run(self) -> None:
        """Say which tools there are, then answer."""
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
            # The server has ended: nobody waits for these.
            for number in list(self._asked):
                self._cancel(number)

    def _cancel(self, number: int) -> None:
        """Nobody waits for this answer: a query is ended, and what has not begun does not begin."""
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
        """Close the store while nobody asks: what it holds in memory is half of all. The next call opens it again."""
        with self._lock:
            if not self._at_work:
                self._store.close()
                with suppress(OSError, AttributeError):
                    ctypes.CDLL(None).malloc_trim(0)

    def _answer_to(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            if self._problem is not None:
                # Which tools are switched off is not known: none answers.
                _settings(self._paths)
                os._exit(0)  # they have been corrected: another worker reads them
            who = asking(self._paths, request.get("tool_use_id"))
            said = self._answering.answer(
                request["tool"], request.get("arguments") or {}, who, partial(self._began, request["id"])
            )
        except Exception as error:  # whatever it is, the model is told
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
        # What the settings say where there are none, without the time that it takes to check them.
        return frozenset(), OLD_HOURS
    from agent_store.settings import read_settings

    found = read_settings(paths).mcp
    if unknown := sorted(set(found.disabled_tools) - set(TOOLS)):
        # A name that is misspelled would leave a tool on that is meant to be off.
        raise StoreError(
            f"The settings {paths.settings} switch off what is no tool: {', '.join(unknown)}.",
            "The tools are listed in docs/mcp.md.",
        )
    return frozenset(found.disabled_tools), found.background_build_hours


if __name__ == "__main__":
    Worker(int(sys.argv[1])).run()
