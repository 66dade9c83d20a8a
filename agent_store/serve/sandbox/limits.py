"""The limits of a query."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a query process, in addition to the caller's limits on time and rows."""

    # Memory that DuckDB itself counts: for joins, sorts and groups.
    memory_megabytes: int = 512
    # Additional memory for the program itself and for what DuckDB does not count: one value may be this large.
    spare_megabytes: int = 1536
    threads: int = 2
    # A query that ignores an interrupt is killed this many seconds later.
    grace_seconds: float = 1.0
