"""A build that a question starts if the store is old: one at a time, at the lowest priority, in a separate process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Final

from agent_store.errors import StoreError
from agent_store.paths import FOLDER_MODE, HOME_VARIABLE, importing_environment

if TYPE_CHECKING:
    from agent_store.paths import StorePaths

_LOCK: Final = "background.lock"
_LOG: Final = "background_build.log"
_LOWEST: Final = 19
# The age is not checked more often than this.
_EVERY_SECONDS: Final = 300.0


class Builder:
    """Starts builds of one home."""

    def __init__(self, paths: StorePaths, hours: float) -> None:
        """Check nothing yet. A build is old after this many hours; 0: never."""
        self._paths = paths
        self._hours = hours
        self._lock = Lock()
        self._next_look = 0.0

    def start_if_old(self) -> bool:
        """Start a build if the last one is old; return whether one was started.

        It never waits, and fails silently, because the question has already been answered.
        """
        with self._lock:
            if time.monotonic() < self._next_look:
                return False
            self._next_look = time.monotonic() + _EVERY_SECONDS
        with suppress(OSError, ValueError, StoreError, ImportError):
            return self._is_old() and self._start()
        return False

    def _is_old(self) -> bool:
        from agent_store.build import last_build

        last = last_build.read(self._paths)
        # If nothing was ever built, the user has not asked for a store.
        if not self._hours or last is None:
            return False
        return (datetime.now(UTC).replace(tzinfo=None) - last.ended_at).total_seconds() > self._hours * 3600

    def _start(self) -> bool:
        import fcntl

        folder = self._paths.build_dir
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        self._paths.logs.mkdir(mode=FOLDER_MODE, exist_ok=True)
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            # The build inherits the lock, which is released when the build ends in any way.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            log = os.open(self._paths.logs / _LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "agent_store.cli", "build", "--quiet"],
                    env={**importing_environment(), HOME_VARIABLE: str(self._paths.home)},
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(lock,), start_new_session=True,
                )  # fmt: skip
            finally:
                os.close(log)
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, process.pid, _LOWEST)
        except BlockingIOError:
            return False
        finally:
            os.close(lock)
        return True
