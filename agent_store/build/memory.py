"""How much memory the queries of a build may take."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

VARIABLE: Final = "AGENT_STORE_MEMORY"
USUAL: Final = "1GB"
_MEGABYTE: Final = 1_000_000
_LEAST_MEGABYTES: Final = 1_000
_CONTAINER: Final = Path("/sys/fs/cgroup/memory.max")


def usual() -> str:
    """The user's setting, else one gigabyte: a build runs beside other work."""
    return os.environ.get(VARIABLE, "").strip() or USUAL


def at_most() -> str:
    """The amount for a model that needed more than usual: the user's setting, else half of the machine's memory."""
    if os.environ.get(VARIABLE, "").strip():
        return usual()
    size = of_machine()
    return f"{max(size // 2 // _MEGABYTE, _LEAST_MEGABYTES)}MB"


def of_machine() -> int:
    """The memory of this machine, or of this container, in bytes; 0 if that is not known."""
    size = 0
    with suppress(ValueError, OSError, AttributeError):
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(ValueError, OSError):  # a container may have less
        size = min(size, int(_CONTAINER.read_text(encoding="ascii")))
    return size


@contextmanager
def raised() -> Iterator[None]:
    """Context in which builds may take the maximum; dbt's profile reads it from the environment."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = at_most()
    try:
        yield
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before
