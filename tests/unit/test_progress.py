"""The progress bar: one, made once, gone when the work is."""

from __future__ import annotations

import threading
import time

import pytest
import rich.progress

from agent_store.build import progress
from agent_store.build.progress import Bar, BuildBar, LandingBar


class _Recorded(rich.progress.Progress):
    """Counts the bars that were made and are drawn."""

    made = 0
    live = 0

    def start(self) -> None:
        type(self).made += 1
        type(self).live += 1

    def stop(self) -> None:
        type(self).live -= 1


@pytest.fixture(autouse=True)
def recorded(monkeypatch: pytest.MonkeyPatch) -> type[_Recorded]:
    monkeypatch.setattr(progress, "SHOWN_AFTER_SECONDS", 0.01)
    monkeypatch.setattr(rich.progress, "Progress", _Recorded)
    _Recorded.made = _Recorded.live = 0
    return _Recorded


def _wait(bar: Bar, *, shown: bool) -> None:
    for _ in range(300):
        if (bar._progress is not None) == shown:
            return
        time.sleep(0.01)
    pytest.fail("the bar was not shown" if shown else "the bar stayed")


def _task(bar: Bar) -> rich.progress.Task:
    assert bar._progress is not None
    return bar._progress.tasks[0]


def test_work_that_tells_nothing_is_shown_all_the_same(recorded: type[_Recorded]) -> None:
    with Bar("Scanning") as bar:
        _wait(bar, shown=True)
        assert (_task(bar).description, _task(bar).total) == ("Scanning", None)
    assert recorded.live == 0


def test_two_threads_make_one_bar(recorded: type[_Recorded]) -> None:
    landing = LandingBar()
    with landing, BuildBar(landing) as bar:
        threads = [
            threading.Thread(target=lambda: [bar(f"model_{n}", n, 200) for n in range(200)]) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        _wait(landing, shown=True)
        bar("last", 200, 200)
        assert (_task(landing).description, _task(landing).completed) == ("Building", 200)
        assert (recorded.made, recorded.live) == (1, 1)
    assert recorded.live == 0


def test_after_landing_it_says_what_comes_next_and_nothing_is_drawn_while_a_message_is_printed(
    recorded: type[_Recorded],
) -> None:
    with LandingBar("Scanning", "Preparing") as bar:
        bar(1, 2, 10, 20)
        _wait(bar, shown=True)
        assert (_task(bar).description, _task(bar).completed, _task(bar).total) == ("Landing", 10, 20)
        bar.stop()
        assert recorded.live == 0
        _wait(bar, shown=True)
        assert _task(bar).description == "Scanning"
    bar(2, 2, 20, 20)
    time.sleep(0.05)
    assert (recorded.live, bar._progress) == (0, None), "once it is over it stays away"


def test_quick_work_shows_nothing(monkeypatch: pytest.MonkeyPatch, recorded: type[_Recorded]) -> None:
    monkeypatch.setattr(progress, "SHOWN_AFTER_SECONDS", 30)
    with LandingBar() as bar:
        bar(1, 1, 1, 1)
    assert recorded.made == 0
