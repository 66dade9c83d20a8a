"""The progress bar of landing and building: one, from the start, that says what is being done."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress

# Work that ends sooner shows nothing.
SHOWN_AFTER_SECONDS = 0.7


class Bar:
    """One bar for whatever is done now.

    Any thread may move it; it is made once, under a lock, and once stopped it stays away. It draws itself, so that work
    that tells nothing for a minute still shows what it is and for how long it has been at it.
    """

    def __init__(self, doing: str = "") -> None:
        """Nothing is shown, and rich is not imported, until the work has taken a moment."""
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
        """Show what is being done as soon as it has taken a moment."""
        if self._doing:
            self.doing(self._doing)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away, however the work ended."""
        self.stop()

    def doing(self, what: str) -> None:
        """Something else begins, of which it is not known how much there is."""
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
        """So much of it is done."""
        with self._lock:
            if self._stopped:
                return
            self._done, self._total, self._detail = done, total, detail
            self._draw()

    def hide(self) -> None:
        """Take the bar away while something is printed; what is done next shows it again."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._progress is not None:
                self._progress.stop()
                self._progress = None

    def stop(self) -> None:
        """Take the bar away for good."""
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

            # What is said on standard error meanwhile is printed above the bar; standard output is left alone.
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

        # A total of None cannot be set by update: what is not measured pulses.
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
    """Called by the ingester with the files and bytes done and to do.

    `stop` says that landing has ended and something is about to be printed; what comes next, if anything does, is shown
    once it has taken a moment.
    """

    def __init__(self, *then: str) -> None:
        """`then`: what is done after each stop, in turn."""
        super().__init__("Looking for new lines")
        self._then = list(then)

    def __call__(self, files_done: int, files_total: int, bytes_done: int, bytes_total: int) -> None:
        """Show how far it is."""
        with self._lock:
            if self._doing == "Looking for new lines":
                self.doing("Landing")
            self.moved(bytes_done, bytes_total, f"{files_done:,}/{files_total:,} files")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away for good."""
        self._then = []
        self.stop()

    def stop(self) -> None:
        """Landing, or what came after it, has ended."""
        with self._lock:
            self.hide()
            if self._then:
                self.doing(self._then.pop(0))
            else:
                super().stop()


class BuildBar(Bar):
    """Called when a model or a test has ended."""

    def __init__(self, shared: Bar | None = None) -> None:
        """`shared`: the bar that is there already; two would write over each other."""
        super().__init__("")
        self._shared: Bar = shared or self

    def __call__(self, name: str, done: int, total: int) -> None:
        """Show how far it is."""
        with self._shared._lock:
            if self._shared._doing != "Building":
                self._shared.doing("Building")
            self._shared.moved(done, total, name)
