"""A warehouse that is not a DuckDB file: emptied, overwritten with zeros, truncated. It is moved aside, never
deleted."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agent_store.errors import StoreError

if TYPE_CHECKING:
    from agent_store.paths import StorePaths

# The beginning of a DuckDB file: a checksum, the magic bytes, and three header blocks.
_NAME: Final = b"DUCK"
_NAME_STARTS: Final = 8
_HEADER_BYTES: Final = 3 * 4096


def is_damaged(warehouse: Path) -> bool:
    """Whether the file exists and cannot be DuckDB's."""
    try:
        with warehouse.open("rb") as file:
            start = file.read(_HEADER_BYTES)
    except OSError:
        return False
    return len(start) < _HEADER_BYTES or start[_NAME_STARTS : _NAME_STARTS + len(_NAME)] != _NAME


def refuse(paths: StorePaths) -> None:
    """Move a damaged warehouse aside and report it; the build lock must be held. The next run starts from scratch."""
    if not paths.warehouse.is_file() or not is_damaged(paths.warehouse):
        return
    size = paths.warehouse.stat().st_size
    aside = paths.warehouse.with_name(f"{paths.warehouse.name}.damaged-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}")
    paths.warehouse.rename(aside)
    log = paths.warehouse.with_name(f"{paths.warehouse.name}.wal")
    if log.exists():
        log.rename(aside.with_name(f"{aside.name}.wal"))
    raise StoreError(
        f"The warehouse {paths.warehouse} is damaged ({'it is empty' if not size else 'it is not a DuckDB file'}) "
        f"and was moved to {aside}. The published store is unchanged.",
        "Restore a backup, or run agent-store build again: it starts from scratch with the transcripts that still "
        "exist. Data that only the warehouse had may still be in the file that was moved.",
    )
