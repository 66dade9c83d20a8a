"""A writer of records that a program can rely on: it never raises, and never waits for a build."""

from __future__ import annotations

import itertools
import json
import logging
from collections.abc import Mapping
from typing import Any

from agent_store.paths import StorePaths
from agent_store.record import spool
from agent_store.record.home import spool_for

logger = logging.getLogger(__name__)


class Writer:
    """Appends records of one kind of writer (see `spool`) to the spool of a home. Threads may share it."""

    def __init__(self, paths: StorePaths, name: str) -> None:
        """Nothing is made or opened before the first record."""
        self.paths = paths
        self.name = name
        self.failed_count = 0
        self._folder: str | None = None
        self._sequence = itertools.count(1)

    def write(self, kind: str, payload: Mapping[str, Any], session_id: str | None = None) -> bool:
        """Append a record; returns whether it was. The first that is lost is logged, the others are counted."""
        try:
            data = json.dumps(payload, separators=(",", ":"), default=str).encode()
            if len(data) > spool.MOST_BYTES:
                data = b'{"dropped_bytes":%d}' % len(data)
            line = spool.envelope(kind, data, session_id, sequence=next(self._sequence))
            if self._folder is None:
                self._folder = spool_for(self.paths)
            spool.append(self._folder, self.name, line)
        except Exception as error:
            self.failed_count += 1
            if self.failed_count == 1:
                logger.warning(
                    "Agent Store cannot record to %s (%s: %s). Everything else goes on; what cannot be recorded is lost.",
                    self.paths.spool, type(error).__name__, error,
                )  # fmt: skip
            return False
        return True
