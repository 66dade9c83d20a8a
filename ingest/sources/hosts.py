"""The queue for a host: a limited number of requests at a time, and a pause between two."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class Host:
    """The queue for one host."""

    places: threading.Semaphore
    lock: threading.Lock = field(default_factory=threading.Lock)
    free_at: float = 0.0


class OutOfTimeError(Exception):
    """The time for one target is up."""


class InLine:
    """A place in the queue for a host: a limited number at a time, and a pause between two."""

    def __init__(self, line: Host, pause: float, end: float) -> None:
        self.line = line
        self.pause = pause
        self.end = end

    def __enter__(self) -> None:
        if not self.line.places.acquire(timeout=max(self.end - time.monotonic(), 0.01)):
            raise OutOfTimeError("no turn at the host within the time limit")
        with self.line.lock:
            now = time.monotonic()
            start = max(now, self.line.free_at)
            self.line.free_at = start + self.pause
        if start >= self.end:
            self.line.places.release()
            raise OutOfTimeError("no turn at the host within the time limit")
        time.sleep(max(start - now, 0))

    def __exit__(self, *_: object) -> None:
        self.line.places.release()
