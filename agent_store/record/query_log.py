"""The query log: who asked the store what, through which interface, and how long it took. It neither fails nor slows
down a query."""

from __future__ import annotations

import getpass
import json
import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from hashlib import md5
from itertools import count
from typing import TYPE_CHECKING

from agent_store.record import spool

if TYPE_CHECKING:
    from agent_store.paths import StorePaths

VARIABLE = "AGENT_STORE_QUERY_LOG"
LIBRARY = "library"
MCP = "mcp"
CLI = "cli"
_OFF = frozenset({"0", "false", "no", "off"})
# A longer text is cut; its hash covers the whole text.
_MOST_CHARACTERS = 20_000
_SEQUENCE = count(1)


def is_on() -> bool:
    """Whether queries are recorded: AGENT_STORE_QUERY_LOG=0 turns it off."""
    return os.environ.get(VARIABLE, "").strip().lower() not in _OFF


@cache
def login_name() -> str | None:
    """The user's login name."""
    with suppress(Exception):
        return getpass.getuser()
    return None


def _plain(value: object) -> object:
    """A value that JSON supports, or else its text."""
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, str | int | None) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value)


@dataclass(slots=True)
class Query:
    """A running query; its caller sets the number of rows."""

    row_count: int | None = None


@contextmanager
def logged(
    paths: StorePaths,
    interface: str,
    tool: str,
    sql: str,
    *,
    parameters: object = None,
    user_id: str | None = None,
) -> Iterator[Query]:
    """Record the query that runs inside, even if it fails."""
    running = Query()
    started = time.perf_counter()
    error = None
    try:
        yield running
    except BaseException as failed:
        error = str(failed) or type(failed).__name__
        raise
    finally:
        taken = (time.perf_counter() - started) * 1000
        with suppress(Exception):
            _record(
                paths,
                {
                    "interface": interface, "tool": tool, "sql": sql, "row_count": running.row_count,
                    "metadata": {"parameters": _plain(parameters)} if parameters else None,
                    "duration_ms": round(taken, 3), "error": error, "user_id": user_id,
                },
            )  # fmt: skip


def _record(paths: StorePaths, fields: dict[str, object]) -> None:
    if not is_on() or not paths.home.is_dir():
        return
    sql = str(fields["sql"])
    fields["sql"] = sql[:_MOST_CHARACTERS]
    fields["sql_hash"] = md5(sql.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()
    fields["user_id"] = fields["user_id"] or login_name()
    # With json, which callers have already imported, not with a Writer: a query must not wait for an import.
    payload = json.dumps({name: value for name, value in fields.items() if value is not None}, default=str)
    line = spool.envelope("query", payload.encode(), sequence=next(_SEQUENCE))
    spool.append(str(paths.spool), spool.QUERIES, line)
