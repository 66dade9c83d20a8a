"""The progress bar of landing and building: a single one, shown from the start, that names the current step."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress

# No bar is shown for shorter work.
SHOWN_AFTER_SECONDS = 0.7


class Bar:
    """One bar for the current step.

    Any thread may move it; it is created once, under a lock, and does not come back after it was stopped. It redraws
    itself, so that a step without news for a minute still shows its name and elapsed time.
    """

    def __init__(self, doing: str = "") -> None:
        """Show nothing, and do not import rich, until the work has taken a moment."""
        self._lock = threading.RLock()
        self._progress: Progress | None = None
        self._task: int = 0
        self._doing = doing
        self._detail = ""
        self._done = 0
        self._total: int | None = None
        self._timer: threading.Timer | None = None
        self._stopped = False

    def __enter__(self) -> Self:
        """Show the step as soon as it has taken a moment."""
        if self._doing:
            self.doing(self._doing)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the bar, regardless of how the work ended."""
        self.stop()

    def doing(self, what: str) -> None:
        """Start a step of unknown length."""
        with self._lock:
            if self._stopped:
                return
            self._doing, self._detail, self._done, self._total = what, "", 0, None
            if self._progress is None and self._timer is None:
                self._timer = threading.Timer(SHOWN_AFTER_SECONDS, self._show)
                self._timer.daemon = True
                self._timer.start()
            self._draw()

    def moved(self, done: int, total: int, detail: str = "") -> None:
        """Show how much of the step is done."""
        with self._lock:
            if self._stopped:
                return
            self._done, self._total, self._detail = done, total, detail
            self._draw()

    def hide(self) -> None:
        """Hide the bar while something is printed; the next step shows it again."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._progress is not None:
                self._progress.stop()
                self._progress = None

    def stop(self) -> None:
        """Remove the bar for good."""
        with self._lock:
            self._stopped = True
            self.hide()

    def _show(self) -> None:
        with self._lock:
            self._timer = None
            if self._stopped or self._progress is not None:
                return
            from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

            from agent_store.show.text import safe_console

            # Text on standard error is printed above the bar meanwhile; standard output is left alone.
            self._progress = Progress(
                TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeElapsedColumn(),
                TextColumn("{task.fields[detail]}", markup=False),
                console=safe_console(stderr=True), transient=True, redirect_stdout=False,
            )  # fmt: skip
            self._task = int(
                self._progress.add_task(
                    self._doing, total=self._total, completed=self._done, detail=self._detail
                )
            )
            self._progress.start()

    def _draw(self) -> None:
        if self._progress is None:
            return
        from rich.progress import TaskID

        # `update` cannot set a total of None: a step of unknown length pulses.
        task = self._progress.tasks[0]
        if (task.total is None) != (self._total is None):
            self._progress.remove_task(TaskID(self._task))
            self._task = int(
                self._progress.add_task(
                    self._doing, total=self._total, completed=self._done, detail=self._detail
                )
            )
        self._progress.update(
            TaskID(self._task),
            description=self._doing,
            completed=self._done,
            total=self._total,
            detail=self._detail,
        )


class LandingBar(Bar):
    """Called by the ingester with files and bytes, done and in total.

    `stop` means that landing has ended and something is about to be printed; the next step, if any, is shown once it
    has taken a moment.
    """

    def __init__(self, *then: str) -> None:
        """`then`: the steps after each stop, in order."""
        super().__init__("Looking for new lines")
        self._then = list(then)

    def __call__(self, files_done: int, files_total: int, bytes_done: int, bytes_total: int) -> None:
        """Show the progress."""
        with self._lock:
            if self._doing == "Looking for new lines":
                self.doing("Landing")
            self.moved(bytes_done, bytes_total, f"{files_done:,}/{files_total:,} files")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the bar for good."""
        self._then = []
        self.stop()

    def stop(self) -> None:
        """Landing, or the step after it, has ended."""
        with self._lock:
            self.hide()
            if self._then:
                self.doing(self._then.pop(0))
            else:
                super().stop()


class BuildBar(Bar):
    """Called when a model or a test has finished."""

    def __init__(self, shared: Bar | None = None) -> None:
        """`shared`: an existing bar; two bars would overwrite each other."""
        super().__init__("")
        self._shared: Bar = shared or self

    def __call__(self, name: str, done: int, total: int) -> None:
        """Show the progress."""
        with self._shared._lock:
            if self._shared._doing != "Building":
                self._shared.doing("Building")
            self._shared.moved(done, total, name)
