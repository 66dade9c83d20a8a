"""One build at a time: dbt, landing and publishing hold the same lock."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from agent_store.build import damage, warehouse
from agent_store.errors import StoreError
from agent_store.paths import StorePaths, private_files
from agent_store.record.hooks.hook import BRIEFS
from agent_store.replacing import remove_leftovers

if TYPE_CHECKING:
    from filelock import BaseFileLock

_POLL_SECONDS = 0.1
_SAY_AFTER_SECONDS = 1.0


def take(
    paths: StorePaths, on_wait: Callable[[str], None] | None = None, *, lands: bool = True
) -> tuple[BaseFileLock, float]:
    """Take the build lock; return it with the seconds waited. `lands`: for landed logs, which the home of a lake has not.

    It is a kernel lock, released whenever its process ends. Raises StoreError if the lock cannot be created, if the
    home is that of a lake's store, or if the warehouse is damaged (which is then moved aside).
    """
    from filelock import FileLock, Timeout

    if lands:
        refuse_lake(paths)
    paths.ensure()
    if paths.lock.exists() and not paths.lock.is_file():
        raise StoreError(f"The lock {paths.lock} is not a regular file.", "Move it away, then try again.")
    lock = FileLock(paths.lock, mode=0o600, thread_local=False, poll_interval=_POLL_SECONDS)
    started = time.monotonic()
    try:
        try:
            lock.acquire(timeout=_SAY_AFTER_SECONDS)
        except Timeout:
            if on_wait is not None:
                on_wait(f"Another build is running ({_holder(paths)}); waiting for it to finish …")
            lock.acquire(timeout=-1)
    except OSError as error:
        raise StoreError(
            f"The lock {paths.lock} cannot be opened: {error.strerror or error}.",
            "Agent Store does not create such a file: move it away, then try again.",
        ) from error
    waited = time.monotonic() - started
    try:
        _say_who(paths)
        remove_leftovers(paths.home, paths.build_dir, paths.keys, paths.target, paths.home / BRIEFS)
        damage.refuse(paths)
        if paths.purge_journal.exists():
            from agent_store.privacy import purge

            purge.resume(paths)
        warehouse.prepare(paths)
    except BaseException:
        lock.release()
        raise
    return lock, waited


def refuse_lake(paths: StorePaths) -> None:
    """Raise StoreError if a home has the store of a lake: the logs of this machine must not get in between."""
    if paths.lake_mark.exists():
        raise StoreError(
            f"{paths.home} has the store of a lake, which is built from what hosts share.",
            "Do this in the home of the host, share it, then build again: agent-store lake build TARGET --into FOLDER",
        )


@contextmanager
def build_lock(
    paths: StorePaths, on_wait: Callable[[str], None] | None = None, *, lands: bool = True
) -> Iterator[float]:
    """Hold the build lock; yield the seconds waited for another build."""
    lock, waited = take(paths, on_wait, lands=lands)
    try:
        yield waited
    finally:
        lock.release()


def _say_who(paths: StorePaths) -> None:
    # Not in the lock file itself, because every process that tries to take the lock empties it.
    with suppress(OSError), private_files():
        note = f"process {os.getpid()}, since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
        paths.lock_holder.write_text(note, encoding="utf-8")


def _holder(paths: StorePaths) -> str:
    try:
        return paths.lock_holder.read_text(encoding="utf-8", errors="replace").strip() or "unknown process"
    except OSError:
        return "unknown process"
