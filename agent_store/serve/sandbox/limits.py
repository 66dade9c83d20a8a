"""What a query may use."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What the process of a query may use beside the time and the rows that who asks allows it."""

    # Of what DuckDB counts itself: tables that are joined, sorted, grouped.
    memory_megabytes: int = 512
    # Beyond that, for the programs themselves and for what DuckDB does not count: one value may be as large as this.
    spare_megabytes: int = 1536
    threads: int = 2
    # What does not heed an interrupt is killed so many seconds after it.
    grace_seconds: float = 1.0
