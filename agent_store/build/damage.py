"""A warehouse that is none: emptied, overwritten with zeros, cut off. It is moved aside, never deleted."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agent_store.errors import StoreError

if TYPE_CHECKING:
    from agent_store.paths import StorePaths

# What DuckDB writes first: a checksum, its name, and headers of three blocks.
_NAME: Final = b"DUCK"
_NAME_STARTS: Final = 8
_HEADER_BYTES: Final = 3 * 4096


def is_damaged(warehouse: Path) -> bool:
    """Whether a file is there that DuckDB cannot have left."""
    try:
        with warehouse.open("rb") as file:
            start = file.read(_HEADER_BYTES)
    except OSError:
        return False
    return len(start) < _HEADER_BYTES or start[_NAME_STARTS : _NAME_STARTS + len(_NAME)] != _NAME


def refuse(paths: StorePaths) -> None:
    """Move a damaged warehouse aside and say so; the lock of the build must be held. The next run starts anew."""
    if not paths.warehouse.is_file() or not is_damaged(paths.warehouse):
        return
    size = paths.warehouse.stat().st_size
    aside = paths.warehouse.with_name(f"{paths.warehouse.name}.damaged-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}")
    paths.warehouse.rename(aside)
    log = paths.warehouse.with_name(f"{paths.warehouse.name}.wal")
    if log.exists():
        log.rename(aside.with_name(f"{aside.name}.wal"))
    raise StoreError(
        f"The warehouse {paths.warehouse} was damaged ({'it was empty' if not size else 'it is no DuckDB file'}) "
        f"and has been moved to {aside}. The published store is as it was.",
        "Put a backup in its place, or run agent-store build again: it starts anew from the transcripts that are "
        "still there. What only the warehouse held is in the file that was moved, if anywhere.",
    )
