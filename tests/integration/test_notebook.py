"""The notebook `analyses/explore.py`, run without a browser against the store of the sample."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import PROJECT, clean_environment

NOTEBOOK = PROJECT / "analyses" / "explore.py"
QUESTIONS = ("cost_per_day", "causes", "sessions", "cache_misses", "usage", "outcomes", "checks")


def run(store: Path, **given: object) -> tuple[Any, dict[str, Any]]:
    """What its cells show and the names that they define, after a run that may not reach any network."""
    from runpy import run_path

    def refuse(*_: object) -> None:
        raise AssertionError("the notebook reaches for the network")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", refuse)
        patch.setenv("AGENT_STORE_HOME", str(store.parent))
        outputs, definitions = run_path(str(NOTEBOOK))["app"].run(defs=given)
    return outputs, dict(definitions)


@pytest.fixture(scope="module")
def answers(sample_store: Path) -> dict[str, Any]:
    outputs, definitions = run(sample_store)
    titles = [output for output in outputs if "<h2" in getattr(output, "text", "")]
    assert len(titles) == 6
    return definitions


def test_its_questions_are_answered_with_the_numbers_of_the_store(
    answers: dict[str, Any], sample_store: Path
) -> None:
    assert [name for name in QUESTIONS if not answers[name]] == []
    with duckdb.connect(str(sample_store), read_only=True) as store:
        days = dict(store.execute("select usage_date, cost_usd from v_cost_daily").fetchall())
        (tasks,) = store.execute(
            "select sum(task_count) from v_outcome_day where usage_date is not null"
        ).fetchone() or (0,)
        (extra,) = store.execute("select sum(extra_cost_usd) from v_cache_miss").fetchone() or (0,)
        dearest = store.execute("select max(cost_usd) from v_session_report").fetchone()
    shown: dict[object, float] = {}
    for row in answers["cost_per_day"]:
        shown[row["usage_date"]] = shown.get(row["usage_date"], 0) + row["cost_usd"]
    # A day without any priced call has no cause.
    known = {day: cost for day, cost in days.items() if day and cost}
    assert {day: cost for day, cost in shown.items() if cost} == pytest.approx(known)
    assert sum(row["task_count"] for row in answers["outcomes"]) == tasks
    assert sum(row["extra_cost_usd"] for row in answers["cache_misses"]) == pytest.approx(extra)
    assert (answers["sessions"][0]["cost_usd"],) == dearest


def test_a_period_leaves_out_what_was_before(answers: dict[str, Any], sample_store: Path) -> None:
    since = max(row["usage_date"] for row in answers["cost_per_day"])
    _, later = run(sample_store, since=since)
    assert {row["usage_date"] for row in later["cost_per_day"]} == {since}
    assert {row["started_at"].date() for row in later["sessions"]} == {since}
    assert 0 < len(later["outcomes"]) < len(answers["outcomes"])


def test_texts_of_logs_are_shown_as_text(answers: dict[str, Any]) -> None:
    rows = [{"title": "https://evil.example/x.png"}, {"title": "<img src=https://evil.example/y.png>"}]
    page = answers["shown"]("Which?", "select 1", rows).text
    assert "https://evil.example/x.png" in page
    assert "<img" not in page
    # It would load the first of them.
    assert "marimo-table" not in page


def test_without_a_store_it_says_what_to_do(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(NOTEBOOK)],
        env=clean_environment(tmp_path / "home"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "There is no published store" in done.stderr
    assert "Traceback" not in done.stderr
