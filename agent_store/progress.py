"""The progress bars of landing and building: shown only on a terminal, and only when the work is long."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress

SHOWN_AFTER_SECONDS = 0.7


class BuildBar:
    """Called when a model or a test has ended."""

    def __init__(self) -> None:
        """Nothing is shown until the first node has ended."""
        self._progress: Progress | None = None

    def __call__(self, name: str, done: int, total: int) -> None:
        """Show how far it is."""
        from rich.progress import TaskID

        if self._progress is None:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            self._progress = Progress(
                TextColumn("Building"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
                TextColumn("{task.fields[node]}", markup=False),
                console=Console(stderr=True), transient=True,
            )  # fmt: skip
            self._progress.add_task("building", total=total, node=name)
            self._progress.start()
        self._progress.update(TaskID(0), completed=done, total=total, node=name)

    def stop(self) -> None:
        """Take the bar away."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


class LandingBar:
    """Called by the ingester with the files and bytes done and to do."""

    def __init__(self) -> None:
        """Nothing is shown, and rich is not imported, until the work has taken a moment."""
        self._started = time.monotonic()
        self._progress: Progress | None = None
        self._task: int = 0
        self._stopped = False

    def __enter__(self) -> Self:
        """Start the clock."""
        self._started = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away, however the work ended."""
        self.stop()

    def __call__(self, files_done: int, files_total: int, bytes_done: int, bytes_total: int) -> None:
        """Show how far it is."""
        if self._stopped or time.monotonic() - self._started < SHOWN_AFTER_SECONDS:
            return
        if self._progress is None:
            from rich.console import Console
            from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

            self._progress = Progress(
                TextColumn("Landing"), BarColumn(), DownloadColumn(), TimeRemainingColumn(),
                TextColumn("{task.fields[files]}"),
                console=Console(stderr=True), transient=True,
            )  # fmt: skip
            self._task = int(self._progress.add_task("landing", total=bytes_total, files=""))
            self._progress.start()
        from rich.progress import TaskID

        self._progress.update(
            TaskID(self._task),
            completed=bytes_done,
            total=bytes_total,
            files=f"{files_done:,}/{files_total:,} files",
        )

    def stop(self) -> None:
        """Take the bar away for good."""
        self._stopped = True
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
