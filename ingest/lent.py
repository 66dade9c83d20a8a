"""A warehouse that this process has open already: who lands or scans borrows that connection.

DuckDB gives a file to one process, and within it to one configuration. dbt has the warehouse open while its
`on-run-start` hook lands.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

_LENT: dict[Path, duckdb.DuckDBPyConnection] = {}


@contextmanager
def lend(warehouse: Path, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Lend an open connection to everything inside that opens this warehouse."""
    _LENT[warehouse.absolute()] = connection
    # A commit goes straight into the file instead of uncompressed into the log first.
    connection.execute("set wal_autocheckpoint = '1KB'")
    try:
        yield
    finally:
        del _LENT[warehouse.absolute()]
        connection.execute("reset wal_autocheckpoint")


def borrow(warehouse: Path) -> duckdb.DuckDBPyConnection | None:
    """A connection of its own to a lent warehouse, in the same instance of DuckDB; None where none is lent.

    Close it when done: the lender keeps its own.
    """
    lender = _LENT.get(warehouse.absolute())
    if lender is None:
        return None
    cursor = lender.cursor()
    cursor.execute("set TimeZone = 'UTC'")
    return cursor
