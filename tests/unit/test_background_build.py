"""A build in the background: where the store is old, and one at a time."""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent_store.paths import StorePaths
from agent_store.serve.mcp import background, worker
from agent_store.settings import McpSettings

PROGRAM = """#!/bin/sh
echo "$AGENT_STORE_HOME $@" > "{told}"
ps -o ni= -p $$ >> "{told}" 2>/dev/null
while [ ! -e "{go}" ]; do sleep 0.02; done
"""


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StorePaths:
    """A home, and a program in the place of the build that runs until it is told to end."""
    program = tmp_path / "python"
    program.write_text(PROGRAM.format(told=tmp_path / "told", go=tmp_path / "go"))
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    found = StorePaths(tmp_path / "home").ensure()
    built(found, hours_ago=30)
    return found


def built(paths: StorePaths, hours_ago: float) -> None:
    at = datetime.now(UTC).replace(tzinfo=None, microsecond=0) - timedelta(hours=hours_ago)
    kept = {"ended_at": at.isoformat(), "is_published": True, "problems": [], "advice": ""}
    (paths.build_dir / "last_build.json").write_text(json.dumps(kept))


def wait_for(file: Path) -> str:
    ends = time.monotonic() + 10
    while not (file.exists() and file.read_text()) and time.monotonic() < ends:
        time.sleep(0.02)
    return file.read_text()


def test_one_build_at_a_time_is_started_where_the_last_one_is_old(paths: StorePaths, tmp_path: Path) -> None:
    first, second = background.Builder(paths, 24), background.Builder(paths, 24)
    assert first.start_if_old()
    assert str(paths.home) in wait_for(tmp_path / "told")
    assert "agent_store.cli build --quiet" in (tmp_path / "told").read_text()
    assert not second.start_if_old(), "one is running"
    (tmp_path / "go").touch()
    ends = time.monotonic() + 10
    while not background.Builder(paths, 24).start_if_old() and time.monotonic() < ends:
        time.sleep(0.05)
    assert time.monotonic() < ends, "the lock is free when the build has ended"
    assert all(file.stat().st_mode & 0o077 == 0 for file in paths.logs.iterdir())


def test_it_has_the_lowest_priority(
    paths: StorePaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_to = []
    monkeypatch.setattr(os, "setpriority", lambda *given: set_to.append(given[-1]))
    assert background.Builder(paths, 24).start_if_old()
    assert set_to == [19]
    (tmp_path / "go").touch()


@pytest.mark.parametrize("hours", [0.5, 23])
def test_nothing_is_started_where_the_last_build_is_fresh(paths: StorePaths, hours: float) -> None:
    built(paths, hours)
    assert not background.Builder(paths, 24).start_if_old()


def test_nothing_is_started_where_nothing_was_built_or_it_is_off(paths: StorePaths) -> None:
    assert not background.Builder(paths, 0).start_if_old()
    (paths.build_dir / "last_build.json").unlink()
    assert not background.Builder(paths, 24).start_if_old()


def test_the_usual_age_is_that_of_the_settings() -> None:
    assert McpSettings().background_build_hours == worker.OLD_HOURS
