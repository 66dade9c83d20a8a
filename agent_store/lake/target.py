"""The place of a lake, as users name it: a Postgres database, a catalog file, or a folder."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from agent_store.errors import StoreError

if TYPE_CHECKING:
    import duckdb

    from agent_store.lake.shipment import Shipment

# The name that a lake is attached under while it is read.
LAKE: Final = "lake"
# Its table of what could not be read, if its kind has damage that costs only a part.
FINDINGS: Final = "lake_finding"
# Columns that the lake adds to each table: whose row it is, the month that its session began in, and, for rows of no
# session, a hash of the row.
HOST, MONTH, ROW = "_host", "_month", "_row"
LAKE_COLUMNS: Final = ((HOST, "varchar"), (MONTH, "date"), (ROW, "varchar"))
_POSTGRES: Final = re.compile(r"postgres(ql)?://", re.IGNORECASE)
# A password between user and host, or as a parameter.
_PASSWORD: Final = re.compile(r"(?<=://)(?P<user>[^/@:]*:)[^/]*@|(?<=[?&]password=)[^&]*", re.IGNORECASE)
SUFFIXES: Final = {".ducklake": "duckdb", ".duckdb": "duckdb", ".sqlite": "sqlite", ".db": "sqlite"}


@dataclass(frozen=True, slots=True)
class Shared:
    """What a share did. Rows and bytes are those that were written."""

    session_count: int
    gone_count: int
    row_count: int
    byte_count: int
    attempt_count: int = 1
    # What else the user should know or do.
    note: str = ""

    @property
    def is_unchanged(self) -> bool:
        """Whether the lake had everything already."""
        return not (self.session_count or self.gone_count or self.row_count)


class Lake(Protocol):
    """A lake: what one host put there, a shipment into it, and all of it to be read."""

    def stamps(self, host_id: str) -> dict[str, str]:
        """The stamp of each session that a host has shared."""
        ...

    def check(self) -> None:
        """Raise StoreError if nobody has shared anything there."""
        ...

    def write(self, shipment: Shipment) -> Shared:
        """Put a shipment into the lake, whole or not at all."""
        ...

    def hosts(self) -> dict[str, tuple[str, int]]:
        """The name of each host by its id, and how many sessions it has shared."""
        ...

    def remove(self, host_id: str) -> None:
        """Remove a host, and erase its rows."""
        ...

    def maintain(self) -> None:
        """Keep the lake small: merge small files, and remove what was replaced or left by killed shares."""
        ...

    def attach(self, connection: duckdb.DuckDBPyConnection) -> str:
        """Attach the lake as it is now, read-only, as the database `lake`; return the name of this state."""
        ...


@dataclass(frozen=True, slots=True)
class Target:
    """A place of a lake. `kind` is postgres, duckdb, sqlite (a catalog with Parquet files) or files (append-only)."""

    kind: str
    # A connection URL, a catalog file, or a folder.
    place: str
    # Where the Parquet files are; empty: next to the catalog, or as the catalog says.
    data: str = ""

    @property
    def shown(self) -> str:
        """The place without a password."""
        return _PASSWORD.sub(lambda found: f"{found['user']}…@" if found["user"] else "…", self.place)

    def opened(self, say: Callable[[str], None] = lambda _: None) -> AbstractContextManager[Lake]:
        """Open the lake. `say` tells of waiting for others. Raises StoreError if it cannot be opened."""
        if self.kind == "files":
            from agent_store.lake import append_only

            return append_only.opened(self)
        from agent_store.lake import ducklake

        return ducklake.opened(self, say)


def parse(text: str, data: str = "") -> Target:
    """The target that a user named. Raises StoreError if it is none."""
    named = text.strip()
    if _POSTGRES.match(named):
        return Target("postgres", named, data)
    if not named or "://" in named:
        raise StoreError(
            f"{text!r} is no place of a lake.",
            "Name a folder, a catalog file (lake.ducklake or lake.sqlite) or a Postgres database (postgresql://…).",
        )
    place = Path(named).expanduser().absolute()
    kind = SUFFIXES.get(place.suffix.lower())
    if kind is not None and not place.is_dir():
        return Target(kind, str(place), data)
    if place.exists() and not place.is_dir():
        raise StoreError(
            f"{place} is a file, and not the catalog of a lake by its name.",
            "Name a folder, or a catalog file: lake.ducklake or lake.sqlite.",
        )
    if data:
        raise StoreError(
            f"{place} is a folder, which holds its data itself.", "Leave out --data, or name a catalog file."
        )
    return Target("files", str(place))


def no_lake(target: Target) -> StoreError:
    """Nobody has shared anything at a place."""
    return StoreError(
        f"There is no lake at {target.shown}.", "Share into it first, from each host: agent-store share TARGET"
    )
