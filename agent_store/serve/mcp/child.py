"""The server's side of the worker: started when first needed, and again after it has ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager, suppress
from threading import Lock, Thread, Timer
from typing import Any, Final

from agent_store.errors import StoreError
from agent_store.paths import importing_environment

# Longer than a model's own query may take.
_SECONDS: Final = 60.0
_START_SECONDS: Final = 30.0
# Starting another one takes a third of a second.
_REST_SECONDS: Final = 60.0


class Child:
    """One worker at a time. Any number of threads may ask it."""

    def __init__(self, rest_seconds: float = _REST_SECONDS) -> None:
        """Start nothing yet. The worker ends after this many seconds without a call."""
        self._rest_seconds = rest_seconds
        self._lock = Lock()
        self._running: _Running | None = None
        self._calls = 0
        self._rest: Timer | None = None

    def start(self) -> None:
        """Start it now, so that it is ready for the first call."""
        self._worker()

    def tools(self) -> list[dict[str, Any]]:
        """The tools, in the format of `tools/list`. Raises StoreError if the worker cannot be started."""
        with self._asking():
            found = self._worker().tools
            try:
                tools: list[dict[str, Any]] = found.result(_START_SECONDS)["tools"]
            except FutureTimeoutError as error:
                raise StoreError("The answering process did not start in time.") from error
            return tools

    def ask(
        self, number: int, tool: str, arguments: Mapping[str, Any], tool_use_id: str | None
    ) -> tuple[str, bool]:
        """The text of an answer, and whether it is an error. No two calls have the same number."""
        with self._asking():
            running = self._worker()
            asked = running.ask(
                {"id": number, "tool": tool, "arguments": arguments, "tool_use_id": tool_use_id}
            )
            try:
                answer = asked.result(_SECONDS)
            except FutureTimeoutError:
                running.kill()
                return f"{tool} took more than {_SECONDS:.0f} seconds and was stopped.", True
            except StoreError as error:
                return error.message, True
            return answer["text"], bool(answer.get("is_error"))

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """One call. The worker ends some time after the last one, so that an idle session uses no memory for it."""
        with self._lock:
            self._calls += 1
            if self._rest is not None:
                self._rest.cancel()
        try:
            yield
        finally:
            with self._lock:
                self._calls -= 1
                self._rest = Timer(self._rest_seconds, self._let_go)
                self._rest.daemon = True
                self._rest.start()

    def _let_go(self) -> None:
        with self._lock:
            if not self._calls and self._running is not None:
                self._running.kill()
                self._running = None

    def cancel(self, number: int) -> None:
        """Cancel a call whose answer is no longer needed."""
        with self._lock:
            running = self._running
        if running is not None:
            running.cancel(number)

    def close(self) -> None:
        """End the worker."""
        with self._lock:
            if self._running is not None:
                self._running.kill()
                self._running = None

    def _worker(self) -> _Running:
        with self._lock:
            if self._running is None or not self._running.is_alive:
                self._running = _Running()
            return self._running


class _Running:
    """One process, and its pending answers."""

    def __init__(self) -> None:
        self.tools: Future[dict[str, Any]] = Future()
        self._waiting: dict[int, Future[dict[str, Any]]] = {}
        self._lock = Lock()
        self.is_alive = True
        read, write = os.pipe()
        self._process = subprocess.Popen(
            # -P: files in the session's folder are not imported.
            [sys.executable, "-P", "-m", "agent_store.serve.mcp.worker", str(write)],
            env=importing_environment(),
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, pass_fds=(write,), start_new_session=True,
        )  # fmt: skip
        os.close(write)
        Thread(target=self._listen, args=(read,), daemon=True).start()

    def ask(self, request: dict[str, Any]) -> Future[dict[str, Any]]:
        """Send a request; return a future for the answer."""
        asked: Future[dict[str, Any]] = Future()
        number = request["id"]
        try:
            line = json.dumps(request).encode() + b"\n"
        except (ValueError, RecursionError):
            asked.set_exception(
                StoreError("The arguments contain a number that is too long, or are nested too deeply.")
            )
            return asked
        with self._lock:
            self._waiting[number] = asked
            try:
                self._send(line)
            except OSError:
                del self._waiting[number]
                asked.set_exception(_ended())
        return asked

    def cancel(self, number: int) -> None:
        """Have the worker drop a request; its answer may still come."""
        with self._lock:
            asked = self._waiting.pop(number, None)
            if asked is None:
                return
            asked.set_exception(_ended())  # the waiting thread is free again
            with suppress(OSError):
                self._send(json.dumps({"cancel": number}).encode() + b"\n")

    def _send(self, line: bytes) -> None:
        if not self.is_alive or self._process.stdin is None:
            raise BrokenPipeError
        self._process.stdin.write(line)
        self._process.stdin.flush()

    def kill(self) -> None:
        """Kill it, with the processes it has started."""
        self.is_alive = False
        with suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _listen(self, read: int) -> None:
        with os.fdopen(read, "rb") as answers:
            for line in answers:
                answer = json.loads(line)
                if "tools" in answer:
                    self.tools.set_result(answer)
                    continue
                with self._lock:
                    asked = self._waiting.pop(answer["id"], None)
                if asked is not None:
                    asked.set_result(answer)
        with self._lock:
            self.is_alive = False
            waiting = [*self._waiting.values()]
            self._waiting.clear()
        if not self.tools.done():
            self.tools.set_exception(_ended())
        for asked in waiting:
            asked.set_exception(_ended())
        self._process.wait()


def _ended() -> StoreError:
    return StoreError("The answering process has ended. Ask again: a new one will start.")
