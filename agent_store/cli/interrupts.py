"""Ctrl-C, remembered."""

from __future__ import annotations

import signal
import threading
from types import FrameType


class Interrupts:
    """Remembers Ctrl-C: DuckDB may turn the exception into another one, or swallow it."""

    def __init__(self) -> None:
        self.seen = False

    def watch(self) -> None:
        """Start watching (only the main thread of a process can)."""
        self.seen = False
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, self._handle)

    def check(self) -> None:
        """Stop here if Ctrl-C was pressed and got lost."""
        if self.seen:
            raise KeyboardInterrupt

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.seen = True
        signal.default_int_handler(number, frame)


interrupts = Interrupts()
