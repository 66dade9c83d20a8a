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
    """An empty file beside `target`, for its owner only, which takes the target's place at the end in one rename.

    Where anything inside fails, the target stays as it was and nothing is left beside it.
    """
    fresh = target.with_name(f".{target.name}-{os.getpid()}")
    try:
        # One that a killed process of this number left. A link that somebody put there is not written through.
        fresh.unlink(missing_ok=True)
        os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        yield fresh
        fresh.replace(target)
    finally:
        with suppress(OSError):
            fresh.unlink()


def remove_leftovers(*folders: Path) -> None:
    """Remove the fresh files that killed processes have left in some folders."""
    for folder in folders:
        for file in folder.glob(".*"):
            named = _FRESH.fullmatch(file.name)
            if named and file.is_file() and not _is_running(int(named[1])):
                with suppress(OSError):
                    file.unlink()


def _is_running(process: int) -> bool:
    """Whether there is a process of that number, as far as this system tells without harm."""
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return process != os.getpid()
