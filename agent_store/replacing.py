"""Files that are written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


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
