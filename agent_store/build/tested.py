"""Which rows have been tested, so that a build of a few new sessions tests those and not the whole history again.

dbt runs every data test over all rows. Here a test is narrowed to what new batches touched: each mark of the macro
`only_touched` in its SQL is replaced by the macro's condition. A test that failed runs over all rows until it passes,
so that its findings are not lost.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from agent_store.paths import StorePaths
from agent_store.replacing import replacing

if TYPE_CHECKING:
    import duckdb

    from agent_store.build.compiled import CompiledTest

_TOUCHED = re.compile(r"true /\* touched: (.*?) \*/", re.DOTALL)
_ONLY_WHOLE = "/* only of the whole */"
# Up to this many sessions are listed one by one, which lets a scan skip the rows of all others.
_NAMED_SESSIONS = 200


@dataclass(frozen=True, slots=True)
class Tested:
    """The last batch whose rows were tested, its time, which distinguishes warehouses, and the tests that failed."""

    batch_id: int
    batch_time: str
    unpassed: frozenset[str] = frozenset()


def _file(paths: StorePaths) -> Path:
    return paths.build_dir / "tested.json"


def forget(paths: StorePaths) -> None:
    """Forget what was tested: rows are about to change, and after a killed build all of them must be tested."""
    _file(paths).unlink(missing_ok=True)


def write(
    paths: StorePaths, connection: duckdb.DuckDBPyConnection, code: str, unpassed: Iterable[str]
) -> None:
    """Record that the rows of all batches have been tested, and which tests failed or were skipped."""
    row = connection.execute(
        "select max(batch_id), cast(arg_max(started_at, batch_id) as varchar) from raw.batch"
    ).fetchone()
    if row is None or row[0] is None:
        return
    note = {"code": code, "batch_id": row[0], "batch_time": row[1], "unpassed": sorted(unpassed)}
    with replacing(_file(paths)) as fresh:
        fresh.write_text(json.dumps(note), encoding="utf-8")


def read(paths: StorePaths, connection: duckdb.DuckDBPyConnection, code: str) -> Tested | None:
    """What exactly these tests tested in exactly this warehouse; None if nothing was."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        found = json.loads(_file(paths).read_text(encoding="utf-8"))
        known = connection.execute(
            "select cast(started_at as varchar) from raw.batch where batch_id = ?", [found["batch_id"]]
        ).fetchone()
        if found["code"] == code and known is not None and known[0] == found["batch_time"]:
            return Tested(int(found["batch_id"]), found["batch_time"], frozenset(found["unpassed"]))
    return None


def narrowed(
    tests: Sequence[CompiledTest], tested: Tested, connection: duckdb.DuckDBPyConnection
) -> list[CompiledTest]:
    """The tests narrowed to what was touched since; without those that need all rows."""
    has_marks = any(_TOUCHED.search(test.sql) for test in tests)
    sessions = _touched_sessions(connection, tested.batch_id) if has_marks else ""
    return [
        test
        if test.name in tested.unpassed
        else replace(test, sql=_narrow(test.sql, sessions, tested.batch_id))
        for test in tests
        if test.name in tested.unpassed or _ONLY_WHOLE not in test.sql
    ]


def _narrow(sql: str, sessions: str, batch_id: int) -> str:
    return _TOUCHED.sub(
        lambda found: found[1].replace("{sessions}", sessions).replace("{batch}", str(batch_id)), sql
    )


def _touched_sessions(connection: duckdb.DuckDBPyConnection, batch_id: int) -> str:
    """The touched sessions, as the right side of `in`."""
    touched = "select session_id from intermediate.int_session_batch where _batch_id > ?"
    found = connection.execute(f"{touched} limit {_NAMED_SESSIONS + 1}", [batch_id]).fetchall()
    if len(found) > _NAMED_SESSIONS:
        return f"({touched.replace('?', str(batch_id))})"
    named = ", ".join("'" + str(session).replace("'", "''") + "'" for (session,) in found)
    return f"({named or 'null'})"
