"""Share from a home, in a process that kills itself at one of its statements.

    python -m tests.lake_kill HOME HOST TARGET DATA STATEMENT NUMBER DELAY_MS

It is killed so long after the start of the statement with that number, counted from 1, of those that contain a text; with
the text `never` it ends by itself. This runs without the command line, which would take most of the time.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import duckdb

from agent_store.lake import share
from agent_store.lake.target import parse
from agent_store.paths import StorePaths

PROJECT = Path(__file__).resolve().parents[1]


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(home: str, host: str, target: str, data: str, text: str, number: str, delay: str) -> None:
    """Share, and be killed."""
    execute = duckdb.DuckDBPyConnection.execute
    seen = 0

    def counting(connection: duckdb.DuckDBPyConnection, statement: Any, *rest: Any, **named: Any) -> Any:
        nonlocal seen
        if text in str(statement):
            seen += 1
            if seen == int(number):
                threading.Timer(int(delay) / 1000, _kill).start() if int(delay) else _kill()
        return execute(connection, statement, *rest, **named)

    duckdb.DuckDBPyConnection.execute = counting  # type: ignore[method-assign]
    share.share(StorePaths(Path(home)), PROJECT, parse(target, data), host=host)


if __name__ == "__main__":
    main(*sys.argv[1:])
