"""The query process: it opens the store, drops its privileges, runs one statement and writes the answer."""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from agent_store.errors import StoreError
from agent_store.serve.sandbox import frames
from agent_store.serve.sandbox.stopped import out_of_memory, out_of_time
from agent_store.show import values
from agent_store.show.guard import only_question
from agent_store.store import open_file

if TYPE_CHECKING:
    import duckdb

_MEGABYTE = 1 << 20
_ROWS_AT_ONCE = 256
_AGAIN_SECONDS = 0.05
_MOST_OF_MESSAGE = 2000
_CPU_SECONDS_MORE = 2
# DuckDB calls it an internal error if memory that it does not count itself cannot be had.
_NO_MEMORY = "INTERNAL Error: Memory allocation failure"
_NUMBERS: Final = (
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT",
    "FLOAT", "DOUBLE", "BIGNUM",
)  # fmt: skip
_AS_TEXT = {"csv": values.csv_text, "json": values.json_text}


def main(descriptor: int) -> NoReturn:
    """Answer the request on standard input with frames on the pipe, and exit without cleanup."""
    pipe = _Pipe(descriptor)
    try:
        _answer(json.loads(sys.stdin.buffer.read()), pipe)
    except BrokenPipeError:
        os._exit(0)  # the answer is no longer needed
    except BaseException as error:  # any error is reported to the caller
        told = _told(error, pipe)
        with suppress(OSError):
            pipe.write(frames.ERROR, json.dumps(told).encode())
    os._exit(0)


class _Pipe:
    """The pipe of the answer. The reader's time does not count as query time."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.seconds = 0.0
        self.memory = 0
        self._deadline = float("inf")
        self._waits_since: float | None = None

    def set_deadline(self, deadline: float) -> None:
        self._deadline = deadline

    @property
    def left(self) -> float:
        """Seconds until the query is stopped."""
        return self._deadline - (self._waits_since or time.monotonic())

    def is_left_within(self, seconds: float) -> bool:
        """Wait this long; return whether the reader has closed the pipe, which ends the wait."""
        waiting = select.poll()
        waiting.register(self._descriptor, 0)
        return bool(waiting.poll(seconds * 1000))

    def write(self, kind: bytes, payload: bytes) -> None:
        """Write a frame; wait as long as the reader takes."""
        self._waits_since = time.monotonic()
        for data in (frames.head(kind, len(payload)), payload):
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        self._deadline += time.monotonic() - self._waits_since
        self._waits_since = None


def _answer(request: dict[str, Any], pipe: _Pipe) -> None:
    pipe.seconds, pipe.memory = request["seconds"], request["memory_megabytes"]
    pipe.set_deadline(request["deadline"])
    _give_up_rights(request)
    sql = request["sql"]
    settings = {
        "memory_limit": f"{pipe.memory}MiB",
        "threads": str(request["threads"]),
        "temp_directory": "",
        "max_temp_directory_size": "0KB",
        "allow_persistent_secrets": "false",
        "allow_community_extensions": "false",
        "python_enable_replacements": "false",
    }
    with open_file(Path(request["store"]), settings, with_vectors="embed_query" in sql.lower()) as connection:
        threading.Thread(
            target=_stop_at_deadline, args=(connection, pipe, request["grace_seconds"]), daemon=True
        ).start()
        published_at = _published_at(connection)
        cursor = connection.execute(only_question(connection, sql), request["parameters"])
        columns = [(str(name), _is_number(str(kind))) for name, kind, *_ in cursor.description or []]
        names = [name for name, _ in columns]
        rows = _Rows(cursor, request["rows"], pipe)
        if request["form"] == "table":
            told = {
                "columns": names,
                "is_number": [number for _, number in columns],
                "published_at": published_at,
            }
            _write_cells(told, rows, request["max_bytes"], request["max_characters"], pipe)
        else:
            _write_text(_AS_TEXT[request["form"]](names, rows), pipe)
        pipe.write(frames.END, json.dumps({"rows": rows.count, "is_cut": rows.is_cut}).encode())
        os._exit(0)


def _give_up_rights(request: dict[str, Any]) -> None:
    """Have the system limit this process; where it has no such limits (macOS), DuckDB's own limit and the deadline
    remain."""
    sys.dont_write_bytecode = True
    cpu = int(request["seconds"] * request["threads"]) + _CPU_SECONDS_MORE
    for what, most in (
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, (request["memory_megabytes"] + request["spare_megabytes"]) * _MEGABYTE),
    ):
        with suppress(OSError, ValueError):
            resource.setrlimit(what, (most, most))


def _stop_at_deadline(connection: duckdb.DuckDBPyConnection, pipe: _Pipe, grace: float) -> None:
    """Interrupt the query when its time is up; kill the process if it does not react, or if the reader is gone."""
    while True:
        left = pipe.left
        if left <= -grace:
            os.kill(os.getpid(), signal.SIGKILL)
        if left <= 0:
            connection.interrupt()
        if pipe.is_left_within(max(left, _AGAIN_SECONDS)):
            os.kill(os.getpid(), signal.SIGKILL)


def _published_at(connection: duckdb.DuckDBPyConnection) -> str | None:
    with suppress(Exception):
        rows = connection.execute("select published_at from store_build").fetchall()
        return values.exact(rows[0][0]) if rows else None
    return None


def _is_number(kind: str) -> bool:
    return kind in _NUMBERS or kind.startswith("DECIMAL(")


class _Rows:
    """The rows of the answer, up to a maximum; afterwards it knows how many there were, and whether there are more."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, most: int | None, pipe: _Pipe) -> None:
        self._cursor = cursor
        self._most = most
        self._pipe = pipe
        self.count = 0
        self.is_cut = False

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        while rows := self._cursor.fetchmany(self._next_count):
            for row in rows:
                if self.count == self._most:
                    self.is_cut = True
                    return
                if self._pipe.left <= 0:
                    raise TimeoutError
                self.count += 1
                yield row

    @property
    def _next_count(self) -> int:
        """At most the wanted rows, plus one that shows that there are more."""
        return _ROWS_AT_ONCE if self._most is None else min(_ROWS_AT_ONCE, self._most - self.count + 1)

    def leave_out_last(self) -> None:
        self.count -= 1
        self.is_cut = True


def _write_cells(
    told: dict[str, Any], rows: _Rows, most: int, most_characters: int | None, pipe: _Pipe
) -> None:
    """Write the columns, then as many rows as fit into this many bytes; of each value the first characters."""
    head = json.dumps(told).encode()
    left = most - len(head)
    if left <= 0:
        raise StoreError(
            f"The names of {len(told['columns']):,} columns are too long for an answer.",
            "Name fewer columns, or give them short names: AS.",
        )
    pipe.write(frames.COLUMNS, head)
    batch: list[bytes] = []
    size = 0
    for row in rows:
        texts = (values.shown(value) for value in row)
        cells = json.dumps([text and text[:most_characters] for text in texts], ensure_ascii=False).encode()
        left -= len(cells) + 2  # including separators
        if left < 0:
            rows.leave_out_last()
            if not rows.count:
                raise StoreError(
                    f"The first row alone is longer than the limit of {most:,} bytes per answer.",
                    "Name fewer columns, or cut long texts: left(text, 1000).",
                )
            break
        batch.append(cells)
        size += len(cells)
        if size > frames.USUAL_BYTES:
            _write_batch(batch, pipe)
            batch, size = [], 0
    _write_batch(batch, pipe)


def _write_batch(batch: Sequence[bytes], pipe: _Pipe) -> None:
    pipe.write(frames.ROWS, b"[" + b",".join(batch) + b"]")


def _write_text(pieces: Iterable[str], pipe: _Pipe) -> None:
    """Write text in frames of the usual size."""
    waiting: list[str] = []
    size = 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size > frames.USUAL_BYTES:
            _write_pieces("".join(waiting), pipe)
            waiting, size = [], 0
    _write_pieces("".join(waiting), pipe)


def _write_pieces(text: str, pipe: _Pipe) -> None:
    for start in range(0, len(text), frames.USUAL_BYTES):
        pipe.write(frames.TEXT, text[start : start + frames.USUAL_BYTES].encode())


def _told(error: BaseException, pipe: _Pipe) -> dict[str, Any]:
    """The error, for people."""
    import duckdb

    known = error if isinstance(error, StoreError) else None
    if isinstance(error, TimeoutError) or (isinstance(error, duckdb.InterruptException) and pipe.left <= 0):
        known = out_of_time(pipe.seconds)
    elif isinstance(error, MemoryError | duckdb.OutOfMemoryException) or str(error).startswith(_NO_MEMORY):
        known = out_of_memory(pipe.memory)
    elif isinstance(error, RecursionError):
        known = StoreError("The query failed: it is nested too deeply.", "Nest less.")
    elif known is None:
        reason = str(error).strip().split("\n\nStack Trace", 1)[0] or type(error).__name__
        known = StoreError(f"The query failed: {reason}")
    return {"message": known.message[:_MOST_OF_MESSAGE], "hint": known.hint, "exit_code": known.exit_code}
