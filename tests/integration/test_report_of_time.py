"""The report of some days: of all days it is the whole report, and days add up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from agent_store.report import Time, collect


@pytest.fixture
def store(sample_store: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published store of the sample, read-only."""
    with duckdb.connect(str(sample_store), read_only=True) as connection:
        yield connection


def test_the_report_of_all_days_is_the_whole_report(store: duckdb.DuckDBPyConnection) -> None:
    whole = collect(store, "x")
    assert whole.first_date and whole.last_date
    same = collect(store, "x", Time(whole.first_date, whole.last_date))
    assert same.days == whole.days
    assert same.total.cost_usd == pytest.approx(whole.total.cost_usd)
    assert [
        (line.name, line.response_count, line.total_tokens, line.session_count) for line in same.models
    ] == [(line.name, line.response_count, line.total_tokens, line.session_count) for line in whole.models]
    assert {line.name: pytest.approx(line.cost_usd) for line in same.projects} == {
        line.name: line.cost_usd for line in whole.projects
    }
    for ours, theirs in zip(same.sessions, whole.sessions, strict=True):
        assert (ours.session_id, ours.response_count, ours.tool_call_count) == (
            theirs.session_id, theirs.response_count, theirs.tool_call_count,
        )  # fmt: skip
        assert ours.prompt_count <= theirs.prompt_count, "a prompt nobody answered caused nothing"
    assert [line.model_name for line in same.cache] == [line.model_name for line in whole.cache]


def test_two_times_add_up_to_the_whole(store: duckdb.DuckDBPyConnection) -> None:
    whole = collect(store, "x")
    assert whole.first_date and whole.last_date
    middle = whole.first_date + (whole.last_date - whole.first_date) / 2
    before, after = (
        collect(store, "x", time) for time in (Time(until=middle), Time(since=middle + timedelta(days=1)))
    )
    assert before.total.response_count and after.total.response_count
    assert before.total.response_count + after.total.response_count == whole.total.response_count
    assert (before.total.cost_usd or 0) + (after.total.cost_usd or 0) == pytest.approx(whole.total.cost_usd)


def test_a_time_without_use_is_no_error(store: duckdb.DuckDBPyConnection) -> None:
    empty = collect(store, "x", Time(until=date(2001, 1, 1)))
    assert (empty.total.response_count, empty.days, empty.sessions) == (0, [], [])
