"""The report of some days: of all days it is the whole report, and days add up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from agent_store.show.ledger import BY, BY_TIME, rank
from agent_store.show.report import Scope, collect
from tests.independent_count import ccusage_count


@pytest.fixture
def store(sample_store: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published store of the sample, read-only."""
    with duckdb.connect(str(sample_store), read_only=True) as connection:
        yield connection


def test_the_report_of_all_days_is_the_whole_report(store: duckdb.DuckDBPyConnection) -> None:
    whole = collect(store, "x")
    assert whole.first_date and whole.last_date
    same = collect(store, "x", Scope(whole.first_date, whole.last_date))
    assert same.days == whole.days
    assert same.total.cost_usd == pytest.approx(whole.total.cost_usd)
    assert [
        (line.name, line.response_count, line.total_tokens, line.session_count) for line in same.models
    ] == [(line.name, line.response_count, line.total_tokens, line.session_count) for line in whole.models]
    assert {line.name: pytest.approx(line.cost_usd) for line in same.projects} == {
        line.name: line.cost_usd for line in whole.projects
    }
    for ours, theirs in zip(same.sessions, whole.sessions, strict=True):
        assert (ours.session_id, ours.response_count, ours.total_tokens) == (
            theirs.session_id, theirs.response_count, theirs.total_tokens,
        )  # fmt: skip
    assert [line.model_name for line in same.cache] == [line.model_name for line in whole.cache]


def test_two_times_add_up_to_the_whole(store: duckdb.DuckDBPyConnection) -> None:
    whole = collect(store, "x")
    assert whole.first_date and whole.last_date
    middle = whole.first_date + (whole.last_date - whole.first_date) / 2
    before, after = (
        collect(store, "x", time) for time in (Scope(until=middle), Scope(since=middle + timedelta(days=1)))
    )
    assert before.total.response_count and after.total.response_count
    assert before.total.response_count + after.total.response_count == whole.total.response_count
    assert (before.total.cost_usd or 0) + (after.total.cost_usd or 0) == pytest.approx(whole.total.cost_usd)


def test_a_time_without_use_is_no_error(store: duckdb.DuckDBPyConnection) -> None:
    empty = collect(store, "x", Scope(until=date(2001, 1, 1)))
    assert (empty.total.response_count, empty.days, empty.sessions) == (0, [], [])


def test_every_kind_of_cost_adds_up_over_two_times_and_to_its_mart(store: duckdb.DuckDBPyConnection) -> None:
    """Cost by anything is the same sum over all time, over two halves of it, and in the view of its name."""
    middle = date(2026, 10, 20)
    for by in BY:
        whole = rank(store, by)
        parts = [
            rank(store, by, Scope(until=middle)),
            rank(store, by, Scope(since=middle + timedelta(days=1))),
        ]
        assert whole.causes and all(part.causes for part in parts), by
        assert sum(cause.cost_usd or 0 for part in parts for cause in part.causes) == pytest.approx(
            sum(cause.cost_usd or 0 for cause in whole.causes)
        ), by
    marts = {
        "model": ("v_cost_by_model", "model_name"), "project": ("v_cost_by_project", "project_name"),
        "branch": ("v_cost_by_branch", "git_branch"), "session": ("v_session_report", "session_id"),
        "skill": ("v_cost_by_skill", "skill_name"), "tool": ("v_cost_by_tool", "tool_name"),
        "mcp": ("v_cost_by_mcp_server", "mcp_server"), "task-type": ("v_cost_by_task_type", "task_type"),
        "file": ("v_context_by_file", "file_path"),
    }  # fmt: skip
    assert set(BY) - set(marts) == {*BY_TIME, "agent", "component"}
    for by, (mart, name) in marts.items():
        counts = {cause.name: cause.session_count for cause in rank(store, by).causes}
        if by in {"model", "tool", "mcp"}:
            asked = f"select coalesce({name}, 'unknown'), session_count from {mart}"
            differing = {
                name for name, count in store.execute(asked).fetchall() if count and counts[name] != count
            }
            assert not differing, by
        shown: dict[str, float] = {}
        for cause in rank(store, by).causes:
            shown[cause.name] = shown.get(cause.name, 0) + (cause.cost_usd or 0)
        theirs = dict(
            store.execute(
                f"select coalesce({name}, 'unknown'), coalesce(sum(cost_usd), 0) from {mart} group by all"
            ).fetchall()
        )
        different = {key for key in shown | theirs if abs(shown.get(key, 0) - theirs.get(key, 0)) > 1e-6}
        assert not different, by


@pytest.mark.parametrize("comparison", ["session", "daily"])
def test_the_report_compares_with_both_reports_of_ccusage(
    store: duckdb.DuckDBPyConnection, project_dir: Path, comparison: str
) -> None:
    found = {line.name: line for line in collect(store, "x").comparisons}[f"ccusage {comparison}"]
    theirs = ccusage_count([project_dir / "sample" / "home"], report=comparison).cost_usd
    assert found.their_usd == pytest.approx(theirs, abs=1e-9)
    assert found.our_usd == pytest.approx(collect(store, "x").total.cost_usd)
