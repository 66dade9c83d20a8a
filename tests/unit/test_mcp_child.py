"""The worker as the server sees it: it ends when nobody asks, and nobody who asks notices."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from agent_store.serve.mcp.child import Child
from agent_store.serve.mcp.tools import TOOLS

NUMBERS = count(1)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without a store: each question is answered by saying so."""
    monkeypatch.setenv("AGENT_STORE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def child(home: Path) -> Iterator[Child]:
    """One whose worker ends almost at once."""
    found = Child(rest_seconds=0.05)
    yield found
    found.close()


def asked(child: Child) -> str:
    text, is_error = child.ask(next(NUMBERS), "get_usage_stats", {}, None)
    assert is_error
    return text


def is_running(child: Child) -> bool:
    return child._running is not None


def test_the_worker_ends_when_nobody_asks_and_another_one_answers(child: Child) -> None:
    assert len(child.tools()) == len(TOOLS)
    for _ in range(2):
        assert "no published store" in asked(child)
        ends = time.monotonic() + 10
        while is_running(child) and time.monotonic() < ends:
            time.sleep(0.02)
        assert not is_running(child)


def test_nobody_who_asks_meets_a_worker_that_has_just_ended(child: Child) -> None:
    def ask(place: int) -> set[str]:
        found = set()
        for turn in range(4):
            found.add(asked(child))
            time.sleep(0.01 * ((place + turn) % 8))
        return found

    with ThreadPoolExecutor(4) as threads:
        answers = set().union(*threads.map(ask, range(4)))
    assert all("no published store" in text for text in answers), answers


def test_a_worker_that_rests_for_long_is_there_at_once(home: Path) -> None:
    child = Child()
    try:
        asked(child)
        running = child._running
        time.sleep(0.2)
        asked(child)
        assert child._running is running
    finally:
        child.close()
