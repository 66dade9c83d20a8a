"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_FRESH: Final = re.compile(r"[.].+-(\d+)")


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield an empty file next to `target`, readable only by its owner, which replaces the target at the end in one
    rename.

    If anything inside fails, the target is unchanged and nothing is left next to it.
    """
    fresh = target.with_name(f".{target.name}-{os.getpid()}")
    try:
        # Left by a killed process with this id. If it is a link that someone made, it is not written through.
        fresh.unlink(missing_ok=True)
        os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        yield fresh
        fresh.replace(target)
    finally:
        with suppress(OSError):
            fresh.unlink()


def remove_leftovers(*folders: Path) -> None:
    """Remove the unfinished files that killed processes left in some folders."""
    for folder in folders:
        for file in folder.glob(".*"):
            named = _FRESH.fullmatch(file.name)
            if named and file.is_file() and not is_running(int(named[1])):
                with suppress(OSError):
                    file.unlink()


def is_running(process: int) -> bool:
    """Whether there is a process with that id, if this system can tell without side effects."""
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return process != os.getpid()
