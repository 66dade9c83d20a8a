"""The caller's side: starts a query process, reads its answer as untrusted bytes, and ends it in time.

Neither DuckDB nor the store is opened here. Each query has its own process, so threads may query at the same time.
"""

from __future__ import annotations

import importlib.util
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from agent_store import access
from agent_store.errors import StoreError, explain
from agent_store.serve.sandbox import frames
from agent_store.serve.sandbox.limits import Limits
from agent_store.serve.sandbox.stopped import out_of_time
from agent_store.show.query import Found
from agent_store.show.text import visible, visible_json
from agent_store.store import no_store

if TYPE_CHECKING:
    from agent_store.paths import StorePaths

# The engine alone replaces the DuckDB package, whose Python code takes as long to load as the engine itself.
_CHILD = (
    "import sys; sys.path += sys.argv[2:]; import _duckdb; sys.modules['duckdb'] = _duckdb; "
    "from agent_store.serve.sandbox.child import main; main(int(sys.argv[1]))"
)
# The packages that the child may import; the last ones only if queries can make vectors.
_PACKAGES = ("duckdb", "pytz", "wordllama", "numpy", "tokenizers", "safetensors")
# Where the system looks for libraries: the only environment variables that the child gets.
_ENVIRONMENT = (
    "PATH",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "DYLD_FALLBACK_LIBRARY_PATH",
    "NIX_LD",
    "NIX_LD_LIBRARY_PATH",
)
_ONE_THREAD = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "RAYON_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
_MOST_AT_ONCE = 1 << 16
# The size of a frame in addition to counted rows, and the maximum size of an error.
_MORE_BYTES = 1 << 16
_SHOWN_AS = {"csv": visible, "json": visible_json}


def ask(
    paths: StorePaths,
    sql: str,
    *,
    rows: int | None,
    max_bytes: int,
    seconds: float,
    parameters: Sequence[object] | Mapping[str, object] | None = None,
    limits: Limits | None = None,
) -> Found:
    """Run one SELECT, EXPLAIN, DESCRIBE, SUMMARIZE or SHOW on the published store; return its rows as shown to people.

    The result has at most `rows` rows (None for all) and `max_bytes` bytes; `is_cut` means that there are more.
    Parameters are JSON values, with times as text. Raises StoreError if the query is refused, fails, or is stopped
    after `seconds` or at the memory limit in `limits`.
    """
    with asking(
        paths, sql, rows=rows, max_bytes=max_bytes, seconds=seconds, parameters=parameters, limits=limits
    ) as asked:
        return asked.found()


@contextmanager
def asking(
    paths: StorePaths,
    sql: str,
    *,
    rows: int | None,
    seconds: float,
    max_bytes: int = 0,
    max_characters: int | None = None,
    form: str = "table",
    parameters: Sequence[object] | Mapping[str, object] | None = None,
    limits: Limits | None = None,
) -> Iterator[Asked]:
    """Start a query without waiting; read the answer with `found`, or with `copy` if `form` is csv or json.

    `max_characters` cuts each value of a table, so that one long text does not take the room of many rows.
    """
    access.secure(paths)
    if not paths.store.is_file():
        raise no_store(paths)
    limits = limits or Limits()
    started = time.monotonic()
    request = json.dumps(
        {
            "store": str(paths.store), "sql": sql, "parameters": parameters, "form": form, "rows": rows,
            "max_bytes": max_bytes, "max_characters": max_characters,
            "seconds": seconds, "deadline": started + seconds,
            "memory_megabytes": limits.memory_megabytes, "spare_megabytes": limits.spare_megabytes,
            "threads": limits.threads, "grace_seconds": limits.grace_seconds,
        },
        default=str,
    )  # fmt: skip
    try:
        answer, child_end = os.pipe()
        try:
            process = subprocess.Popen(
                # Isolated and without site: no user code runs in it, and it starts faster.
                [sys.executable, "-I", "-S", "-c", _CHILD, str(child_end), *_folders()],
                env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ} | _ONE_THREAD,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(child_end,),
                start_new_session=True,
            )
        except BaseException:
            os.close(answer)
            raise
        finally:
            os.close(child_end)
    except OSError as error:
        raise (
            explain(error, "Starting the query") or StoreError(f"The query cannot be started: {error}.")
        ) from error
    try:
        yield Asked(process, answer, request.encode(), started, seconds, max_bytes, rows, limits)
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        os.close(answer)
        if process.stdin is not None:
            with suppress(OSError):
                process.stdin.close()


@cache
def _folders() -> list[str]:
    """The folders of the packages that the child needs, regardless of how they were installed; nothing else is
    searched."""
    folders = [str(Path(__file__).resolve().parents[3])]
    for name in _PACKAGES:
        found = importlib.util.find_spec(name)
        if found is not None and found.origin:
            folders.append(str(Path(found.origin).parents[1]))
    return list(dict.fromkeys(folders))


class Asked:
    """A running query, whose answer is read once."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        answer: int,
        request: bytes,
        started: float,
        seconds: float,
        max_bytes: int,
        rows: int | None,
        limits: Limits,
    ) -> None:
        """Take over a started process; the request is sent as fast as it reads it."""
        self._process = process
        self._answer = answer
        self._request = memoryview(request)
        self._deadline = started + seconds
        self._seconds = seconds
        self._max_bytes = max_bytes
        self._rows = rows
        self._limits = limits
        self._received = bytearray()
        self._send()

    @property
    def pid(self) -> int:
        """The process of the query."""
        return self._process.pid

    def stop(self) -> None:
        """End the query from another thread: its answer is then an error."""
        self._process.kill()

    def found(self) -> Found:
        """The answer as a table."""
        told: dict[str, Any] | None = None
        rows: list[list[str | None]] = []
        left = self._max_bytes + _MORE_BYTES
        for kind, payload in self._frames():
            left -= len(payload)
            value = _parsed(payload)
            if left < 0:
                raise _no_answer()
            if kind == frames.COLUMNS and told is None:
                told = _checked_columns(value)
            elif kind == frames.ROWS and told is not None:
                rows += _checked_rows(value, len(told["columns"]))
            elif kind == frames.END and told is not None:
                if self._rows is not None and len(rows) > self._rows:
                    raise _no_answer()
                _, is_cut = _checked_end(value)
                return Found(told["columns"], told["is_number"], rows, is_cut, told["published_at"])
            else:
                raise _no_answer()
        raise _no_answer()

    def copy(self, out: IO[str], form: str, *, raw: bool = False) -> tuple[int, bool]:
        """Copy the answer, CSV or JSON, as it arrives; return the number of rows, and whether there are more.

        Control characters are written as codes, unless raw output is wanted.
        """
        shown = str if raw else _SHOWN_AS[form]
        for kind, payload in self._frames():
            if kind == frames.END:
                return _checked_end(_parsed(payload))
            if kind != frames.TEXT:
                raise _no_answer()
            before = time.monotonic()
            out.write(shown(payload.decode("utf-8", "replace")))
            # The reader's time does not count as query time.
            self._deadline += time.monotonic() - before
        raise _no_answer()

    def _frames(self) -> Iterator[tuple[bytes, bytes]]:
        """The frames of the answer; raises the error if one contains it."""
        while True:
            self._receive(frames.HEAD_BYTES)
            kind, length = frames.read_head(self._received)
            most = frames.MOST_BYTES_OF_TEXT if kind == frames.TEXT else self._max_bytes + _MORE_BYTES
            if kind not in frames.KINDS or length > most:
                raise _no_answer()
            self._receive(frames.HEAD_BYTES + length)
            payload = bytes(self._received[frames.HEAD_BYTES : frames.HEAD_BYTES + length])
            del self._received[: frames.HEAD_BYTES + length]
            if kind == frames.ERROR:
                raise _told_error(_parsed(payload))
            yield kind, payload

    def _receive(self, count: int) -> None:
        """Wait until this many bytes have arrived; the request is sent meanwhile."""
        while len(self._received) < count:
            self._wait()
            data = os.read(self._answer, _MOST_AT_ONCE)
            if not data:
                raise self._ended()
            self._received += data

    def _wait(self) -> None:
        """Wait for the child to write, at most until its deadline."""
        while True:
            left = self._deadline + self._limits.grace_seconds - time.monotonic()
            if left <= 0:
                raise out_of_time(self._seconds)
            waiting = select.poll()
            waiting.register(self._answer, select.POLLIN)
            if self._request and self._process.stdin is not None:
                waiting.register(self._process.stdin, select.POLLOUT)
            ready = [descriptor for descriptor, _ in waiting.poll(left * 1000)]
            if self._answer in ready:
                return
            if ready:
                self._send()

    def _send(self) -> None:
        """Send as much of the request as the child accepts now; close the pipe after the end."""
        stdin = self._process.stdin
        if stdin is None:
            return
        os.set_blocking(stdin.fileno(), False)
        with suppress(BlockingIOError):
            try:
                while self._request:
                    self._request = self._request[os.write(stdin.fileno(), self._request) :]
            except BrokenPipeError:  # its answer will show how it ended
                self._request = memoryview(b"")
            stdin.close()

    def _ended(self) -> StoreError:
        """The error for a process that ended without an answer."""
        try:
            code = self._process.wait(
                max(0.0, self._deadline + self._limits.grace_seconds - time.monotonic())
            )
        except subprocess.TimeoutExpired:  # it has closed its pipe and keeps running
            return out_of_time(self._seconds)
        is_late = time.monotonic() >= self._deadline
        if code == -signal.SIGXCPU or (code == -signal.SIGKILL and is_late):
            return out_of_time(self._seconds)
        if code >= 0:
            return StoreError(
                f"The query process exited with {code} before it answered.",
                "Try again; if it keeps failing: agent-store doctor.",
            )
        return StoreError(
            f"The query process was killed by {_name_of_signal(-code)} before it answered.",
            "The query may have broken DuckDB, or the machine may be out of memory. The store is unchanged.",
        )


def _no_answer() -> StoreError:
    return StoreError("The query process returned an invalid answer.", "Please report the query.")


def _name_of_signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _parsed(payload: bytes) -> object:
    try:
        return json.loads(payload)
    except (ValueError, RecursionError):
        raise _no_answer() from None


def _checked_columns(told: object) -> dict[str, Any]:
    if not isinstance(told, dict):
        raise _no_answer()
    columns, is_number, published_at = map(told.get, ("columns", "is_number", "published_at"))
    if (
        not isinstance(columns, list)
        or not isinstance(is_number, list)
        or len(columns) != len(is_number)
        or not all(isinstance(name, str) for name in columns)
        or not all(isinstance(one, bool) for one in is_number)
        or not isinstance(published_at, str | None)
    ):
        raise _no_answer()
    return {
        "columns": [visible(name) for name in columns],
        "is_number": is_number,
        "published_at": None if published_at is None else visible(published_at),
    }


def _checked_rows(rows: object, width: int) -> Iterator[list[str | None]]:
    if not isinstance(rows, list):
        raise _no_answer()
    for row in rows:
        if (
            not isinstance(row, list)
            or len(row) != width
            or not all(isinstance(cell, str | None) for cell in row)
        ):
            raise _no_answer()
        yield [None if cell is None else visible(cell) for cell in row]


def _checked_end(told: object) -> tuple[int, bool]:
    if (
        not isinstance(told, dict)
        or type(told.get("rows")) is not int
        or type(told.get("is_cut")) is not bool
    ):
        raise _no_answer()
    return told["rows"], told["is_cut"]


def _told_error(told: object) -> StoreError:
    if not isinstance(told, dict):
        return _no_answer()
    message, hint, code = map(told.get, ("message", "hint", "exit_code"))
    if not isinstance(message, str) or not isinstance(hint, str) or type(code) is not int:
        return _no_answer()
    return StoreError(message, hint, code)
