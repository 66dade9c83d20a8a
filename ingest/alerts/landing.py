"""Lands the list of alerts; a mistake in it is landed as a reason beside the other entries, and stops nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ingest.files import read_regular
from ingest.text import content_digest, one_line
from ingest.warehouse import Changes, Row, utc_now

if TYPE_CHECKING:
    import duckdb

FILE_NAME: Final = "alerts.yml"
_MOST_BYTES: Final = 1024 * 1024
_NO_ALERT: Final[Row] = (None,) * 8


def changes(file: Path, connection: duckdb.DuckDBPyConnection | None) -> Changes:
    """The whole list, if it differs from the landed one."""
    found = Changes()
    try:
        text, reason = read_regular(file, _MOST_BYTES).decode("utf-8-sig"), ""
    except FileNotFoundError:
        text, reason = "", ""
    except (OSError, UnicodeDecodeError) as error:
        text, reason = "", f"cannot be read: {one_line(error)}"
    digest = content_digest(reason or text) if reason or text else ""
    if digest == _landed(connection):
        return found
    now = utc_now()
    # A row without an alert records that the list is empty: without any row nothing would be rebuilt.
    for number, columns, wrong in _rows(text, reason) or [(0, _NO_ALERT, None)]:
        found.add("alert", (str(file), digest, number, *columns, wrong, now))
        found.set_aside += wrong is not None
    found.emptied.append("alert")
    found.files_grown = 1
    return found


def _rows(text: str, reason: str) -> list[tuple[int, Row, str | None]]:
    return [(0, _NO_ALERT, reason)] if reason else list(_entries(text)) if text.strip() else []


def _entries(text: str) -> Iterator[tuple[int, Row, str | None]]:
    from ingest.alerts.entry import AlertsError, entries  # loads pydantic, so only for a list

    try:
        for number, entry in enumerate(entries(text), 1):
            if isinstance(entry, AlertsError):
                yield number, _NO_ALERT, str(entry)
            else:
                yield number, entry.columns(), None
    except AlertsError as error:
        yield 0, _NO_ALERT, str(error)


def _landed(connection: duckdb.DuckDBPyConnection | None) -> str:
    """The hash of the list landed last, or of an empty list if there was none."""
    row = connection.execute("select max(content_hash) from raw.alert").fetchone() if connection else None
    return str(row[0]) if row and row[0] is not None else ""
