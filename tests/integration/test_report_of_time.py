"""Every number of the reports is that of a published view: over all time, and over some days of it."""

from __future__ import annotations

import dataclasses
import io
import re
import statistics
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from rich.console import Console

from agent_store.show import screen
from agent_store.show.ledger import BY, BY_TIME, explain, picture, rank
from agent_store.show.report import Scope, collect
from agent_store.show.words import dollars, percent
from tests.independent_count import ccusage_count

# What a number is called in a ranking, and in the views.
CALLS = {
    "cost_usd": "cost_usd", "request_count": "response_count", "session_count": "session_count",
    "total_tokens": "total_tokens", "output_tokens": "output_tokens", "unpriced_response_count": "unpriced_response_count",
}  # fmt: skip
CAUSES = {
    "cost_usd": "cost_usd", "request_count": "request_count", "session_count": "session_count",
    "total_tokens": "carried_tokens + output_tokens", "output_tokens": "output_tokens",
}  # fmt: skip
WORK = {**CAUSES, "work_cost_usd": "work_cost_usd"}
SESSION = {name: column for name, column in CALLS.items() if name != "session_count"}
VIEWS = {
    "day": ("v_cost_daily", "day_name", "null", CALLS),
    "month": ("v_cost_monthly", "month_name", "null", CALLS),
    "model": ("v_cost_by_model", "model_name", "provider", CALLS),
    "project": ("v_cost_by_project", "project_name", "project_path", CALLS),
    "branch": ("v_cost_by_branch", "git_branch", "project_name", CALLS),
    "session": ("v_session_report", "session_id", "title", SESSION),
    "agent": ("v_cost_by_agent", "agent_name", "agent_type", {**CALLS, "invocation_count": "run_count"}),
    "task-type": ("v_cost_by_task_type", "task_type", "null", {**CALLS, "invocation_count": "task_count"}),
    "skill": ("v_cost_by_skill", "skill_name", "null", {**WORK, "invocation_count": "invocation_count"}),
    "plugin": ("v_cost_by_plugin", "plugin_name", "null", {**WORK, "invocation_count": "skill_run_count"}),
    "tool": ("v_cost_by_tool", "tool_name", "null", {**CAUSES, "invocation_count": "tool_call_count"}),
    "mcp": ("v_cost_by_mcp_server", "mcp_server", "null", {**CAUSES, "invocation_count": "tool_call_count"}),
    "file": ("v_context_by_file", "file_path", "null", {"cost_usd": "cost_usd", "session_count": "session_count"}),
    "component": (
        "(from v_context_by_component where period = 'all')", "component_name", "component_type",
        {"cost_usd": "cost_usd", "session_count": "session_count", "output_tokens": "output_tokens"},
    ),
}  # fmt: skip
MIDDLE = date(2026, 10, 20)


@pytest.fixture
def store(sample_store: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published store of the sample, read-only."""
    with duckdb.connect(str(sample_store), read_only=True) as connection:
        yield connection


def _rows(store: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    cursor = store.execute(sql)
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _same(ours: dict[Any, dict[str, Any]], theirs: dict[Any, dict[str, Any]], where: str) -> None:
    """The same rows with the same numbers; a dollar that is not known is not known in both."""
    assert set(ours) == set(theirs), where
    for key, numbers in theirs.items():
        for name, number in numbers.items():
            assert ours[key][name] == (None if number is None else pytest.approx(number)), (where, key, name)


def _ranked(store: duckdb.DuckDBPyConnection, by: str, scope: Scope | None = None) -> dict[Any, Any]:
    return {
        (cause.name, cause.detail): {name: getattr(cause, name) for name in (*CALLS, "work_cost_usd", "invocation_count")}
        for cause in rank(store, by, scope).causes
    }  # fmt: skip


def _check_ranking_is_its_view(store: duckdb.DuckDBPyConnection, by: str) -> None:
    view, name, detail, numbers = VIEWS[by]
    columns = ", ".join(f"{column} as {number}" for number, column in numbers.items())
    # A session that sent no request has nothing to rank.
    having = "where session_id in (select session_id from fact_api_call)" if by == "session" else ""
    theirs = {
        (row.pop("name"), row.pop("detail")): row
        for row in _rows(
            store,
            f"select coalesce({name}, 'unknown') as name, coalesce({detail}, '') as detail, {columns} from {view} {having}",
        )
    }
    _same(_ranked(store, by), theirs, by)


def _check_ranking_of_days(store: duckdb.DuckDBPyConnection, by: str, scope: Scope) -> None:
    """What the rows of those days in v_cost add up to."""
    name = {
        "day": "cast(usage_date as varchar)", "week": "cast(date_trunc('week', usage_date)::date as varchar)",
        "month": "strftime(usage_date, '%Y-%m')", "project": "project_name",
    }.get(by, "name")  # fmt: skip
    detail = "null" if by in BY_TIME else "min(project_path)" if by == "project" else "detail"
    kind = "session" if by in {*BY_TIME, "project"} else by
    grouping = "1" if by in {*BY_TIME, "project"} else "1, 2"
    theirs = {
        (row.pop("name"), row.pop("detail")): row
        for row in _rows(
            store,
            f"""
            select coalesce({name}, 'unknown') as name, coalesce({detail}, '') as detail, sum(cost_usd) as cost_usd,
                sum(request_count) as request_count, count(distinct session_id) as session_count,
                sum(total_tokens) as total_tokens, sum(output_tokens) as output_tokens,
                sum(unpriced_response_count) as unpriced_response_count, sum(work_cost_usd) as work_cost_usd,
                sum(invocation_count) as invocation_count
            from v_cost
            where kind = '{kind}' and usage_date between '{scope.since or date.min}' and '{scope.until or date.max}'
            group by {grouping}
            """,
        )
    }
    _same(_ranked(store, by, scope), theirs, f"{by} {scope}")


def _check_report(store: duckdb.DuckDBPyConnection) -> None:
    """Each part of `report --json` is the view that the documentation names for it."""
    report = collect(store, "x").as_json()
    total = _rows(
        store,
        "select sum(cost_usd) as cost_usd, sum(response_count) as response_count, sum(total_tokens) as total_tokens, "
        "sum(unpriced_response_count) as unpriced_response_count, "
        "(select count(distinct session_id) from fact_api_call) as session_count from v_cost_daily",
    )
    _same({"all": report["total"]}, {"all": total[0]}, "total")
    for part, view, name, detail in (
        ("days", "v_cost_daily", "day_name", "null"),
        ("models", "v_cost_by_model", "model_name", "provider"),
        ("projects", "v_cost_by_project", "project_name", "project_path"),
    ):
        theirs = _rows(
            store,
            f"select coalesce({name}, 'unknown') as name, coalesce({detail}, '') as detail, cost_usd, response_count, "
            f"total_tokens, session_count, unpriced_response_count from {view}",
        )
        _same(
            {line["name"]: line for line in report[part]},
            {row["name"]: {k: v for k, v in row.items() if k not in {"name", "detail"}} for row in theirs},
            part,
        )
    sessions = _rows(
        store,
        "select session_id, cost_usd, prompt_count, response_count, tool_call_count, total_tokens from v_session_report "
        "where session_id in (select session_id from fact_api_call)",
    )
    _same(
        {line["session_id"]: line for line in report["sessions"]},
        {row.pop("session_id"): row for row in sessions},
        "sessions",
    )
    cache = _rows(
        store,
        "select model_name, sum(cache_read_tokens) as cache_read_tokens, sum(cache_write_tokens) as cache_write_tokens, "
        "sum(uncached_input_tokens) as uncached_input_tokens, sum(cache_miss_count) as miss_count, "
        "sum(miss_extra_cost_usd) as miss_extra_usd, sum(saved_usd) as saved_usd from v_cache_health group by model_name "
        "having sum(cache_read_tokens + cache_write_tokens) > 0",
    )
    undated = store.execute("select count(*) from v_cost where usage_date is null").fetchone()
    if undated == (0,):  # v_cache_health is about days
        _same(
            {line["model_name"]: line for line in report["cache"]},
            {row.pop("model_name"): row for row in cache},
            "cache",
        )
    misses = _rows(
        store,
        "select count(*) as count, coalesce(sum(rebilled_cost_usd), 0) as rebilled_usd, "
        "coalesce(sum(extra_cost_usd), 0) as extra_usd from fact_cache_miss",
    )
    _same({"all": report["misses"]}, {"all": misses[0]}, "misses")
    days = {row["usage_date"] for row in _rows(store, "from v_cost_daily") if row["usage_date"]}
    assert (report["day_count"], report["first_date"], report["last_date"]) == (
        len(days),
        min(days),
        max(days),
    )
    for finding in report["findings"]:
        assert store.execute(f"select count(*) from {finding['view']}").fetchone() == (finding["count"],)
    assert {row["comparison"]: row["our_usd"] for row in _rows(store, "from v_reconciliation_total")} == {
        line["name"]: line["our_usd"] for line in report["comparisons"]
    }
    # The causes in words are those of the sessions.
    for line in report["comparisons"]:
        by_cause = dict(
            store.execute(
                "select replace(cause, '_', ' '), sum(difference_usd) from v_reconciliation "
                "where comparison = ? group by 1",
                [line["name"]],
            ).fetchall()
        )
        told = dict(part.rsplit(" ", 1) for part in (line["causes"] or "").split(", ") if part)
        assert told == {
            cause: f"{'-' if usd < 0 else ''}${abs(usd):,.2f}" for cause, usd in by_cause.items() if abs(usd) >= 0.005
        }
    assert sum(line["cost_usd"] for line in report["causes"]) == pytest.approx(report["total"]["cost_usd"])
    by_group = _rows(
        store,
        "select cause_group, sum(cost_usd) as cost_usd, sum(estimated_cost_usd) as estimated_cost_usd, "
        "count(distinct session_id) as session_count from v_cost_cause group by all",
    )
    _same(
        {line["cause_group"]: line for line in report["causes"]},
        {row.pop("cause_group"): row for row in by_group},
        "causes",
    )
    estimated = sum(line["estimated_cost_usd"] for line in report["causes"])
    measured = 1 - estimated / report["total"]["cost_usd"]
    assert all(line["measured_ratio"] == pytest.approx(measured) for line in report["causes"])
    (missed,) = [line["cost_usd"] for line in report["causes"] if line["cause_group"] == "Cache misses"]
    assert missed == pytest.approx(report["misses"]["extra_usd"]), "said twice on the screen"
    for part, view in (("optimizations", "v_optimization"), ("advice", "v_session_advice")):
        amount = "total_usd" if part == "optimizations" else "cost_usd"
        theirs = {
            (row["optimization_type"], row["subject"], row.get("session_id")): row
            for row in _rows(store, f"from {view}")
        }
        assert len(report[part]) == len(theirs)
        for line in report[part]:
            row = theirs[line["optimization_type"], line["subject"], line.get("session_id")]
            assert all(line[name] == row[name] for name in ("suggestion", amount)), line
    build = _rows(store, "from store_build")[0]
    assert all(report[name] == build[name] for name in ("table_count", "row_count", "view_count"))
    for line in report["pace"]:
        spent = _rows(
            store,
            f"select coalesce(sum(response_count), 0) as response_count from v_cost_daily where usage_date "
            f"between '{line['started_on']}' and '{report['today']}'",
        )
        assert line["response_count"] == spent[0]["response_count"], line["period"]


def _check_screen(store: duckdb.DuckDBPyConnection) -> None:
    """Each amount of the first screen is one of a view or macro, as it is there."""
    found = collect(store, "x")
    console = Console(width=100, record=True, file=io.StringIO(), highlight=False)
    screen.render(found, console)
    text = console.export_text()
    assert len(text.splitlines()) <= screen.LINES
    day = store.execute("select max(usage_date) from v_cost where usage_date <= ?", [found.today]).fetchone()
    assert day
    sources = [
        *(f"select unnest([cost_usd, rest_cost_usd, miss_extra_cost_usd]) from cost_by('{kind}')"
          for kind in ("all", "project", "model", "session")),
        "select unnest([cost_usd, rest_cost_usd]) from cost_causes()",
        f"select unnest([cost_usd, usual_usd]) from spending_pace(date '{found.today}')",
        f"select unnest([cost_usd, usual_usd]) from spending_pace(date '{day[0]}')",
        f"select unnest([cost_usd, usual_usd]) from spending_changes(date '{day[0]}')",
        "select dollars_per_month from v_optimization", "select cost_usd from v_session_advice",
    ]  # fmt: skip
    known = {dollars(amount) for sql in sources for (amount,) in store.execute(sql).fetchall()}
    amounts = set(re.findall(r"<?\$[\d,.]*\d", text))
    assert len(amounts) > 10
    assert amounts <= known
    ratios = {
        percent(ratio)
        for sql in ("select unnest([cost_ratio, measured_ratio]) from cost_causes()",)
        for (ratio,) in store.execute(sql).fetchall()
    }
    assert set(re.findall(r"[\d.]+ %", text)) <= ratios


def _check_explanation(store: duckdb.DuckDBPyConnection) -> None:
    """Of the most expensive session with a miss: what is not shown is what the rows below add up to."""
    row = store.execute(
        "select session_id from v_session_report semi join fact_cache_miss using (session_id) "
        "order by cost_usd desc limit 1"
    ).fetchone()
    assert row
    found = explain(store, row[0])
    ranked = _ranked(store, "session")
    ((_, numbers),) = [item for item in ranked.items() if item[0][0] == row[0]]
    assert (found.cost_usd, found.request_count) == (numbers["cost_usd"], numbers["request_count"])
    assert sum(share.cost_usd for share in found.shares) == pytest.approx(found.cost_usd)
    assert sum(share.cost_ratio or 0 for share in found.shares) == pytest.approx(1)
    assert found.shares[0].rest_usd[3] == pytest.approx(sum(share.cost_usd for share in found.shares[1:]))
    assert sum(task.cost_usd or 0 for task in found.tasks) == pytest.approx(found.cost_usd)
    assert len(found.misses) == found.miss_count
    assert sum(miss.extra_cost_usd for miss in found.misses) == pytest.approx(found.miss_extra_cost_usd)
    rest = sum(miss.missed_tokens for miss in found.misses[1:])
    assert (found.misses[0].rest_tokens or 0) == rest
    drawn = picture(store, row[0])
    for moment in drawn.moments:
        assert sum(moment.tokens.values()) == sum(band.tokens for band in moment.bands.values())
        assert sum(moment.tokens.values()) == moment.context_tokens
    assert max(moment.context_tokens for moment in drawn.moments) in {
        moment.context_tokens for moment in drawn.moments if moment.is_peak
    }


def _rounded(value: Any) -> Any:
    """The value without the last digits of its dollars, which depend on the order in which they are added up."""
    if isinstance(value, float):
        return round(value, 12)
    if dataclasses.is_dataclass(value):
        return tuple(_rounded(getattr(value, field.name)) for field in dataclasses.fields(value))
    return [_rounded(part) for part in value] if isinstance(value, list | tuple) else value


def _check_all_days_are_everything(store: duckdb.DuckDBPyConnection) -> None:
    whole = collect(store, "x")
    assert whole.first_date and whole.last_date
    same = collect(store, "x", Scope(whole.first_date, whole.last_date))
    for part in ("total", "days", "models", "projects", "causes", "cache"):
        assert _rounded(getattr(same, part)) == _rounded(getattr(whole, part)), part
    assert _rounded(
        [(line.session_id, line.cost_usd, line.started_at) for line in same.sessions]
    ) == _rounded([(line.session_id, line.cost_usd, line.started_at) for line in whole.sessions])
    for by in BY:
        days = rank(store, by, Scope(whole.first_date, whole.last_date))
        assert _rounded(days.causes) == _rounded(rank(store, by).causes), by


@pytest.mark.parametrize("by", [by for by in BY if by != "week"])
def test_every_number_of_a_ranking_is_its_view(store: duckdb.DuckDBPyConnection, by: str) -> None:
    _check_ranking_is_its_view(store, by)


@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize(
    "scope", [Scope(until=MIDDLE), Scope(MIDDLE + timedelta(days=1)), Scope(date(2026, 10, 5), date(2026, 10, 9))], ids=str
)  # fmt: skip
def test_every_number_of_some_days_is_that_of_their_rows(
    store: duckdb.DuckDBPyConnection, by: str, scope: Scope
) -> None:
    _check_ranking_of_days(store, by, scope)


def test_every_number_of_the_report_is_in_its_view(store: duckdb.DuckDBPyConnection) -> None:
    _check_report(store)


def test_every_number_of_the_first_screen_is_in_a_view(store: duckdb.DuckDBPyConnection) -> None:
    _check_screen(store)


def test_changes_are_those_of_a_usual_week(store: duckdb.DuckDBPyConnection) -> None:
    """What a name cost in the last twelve weeks with use before, those without it as 0."""
    day = date(2026, 10, 14)
    spent = _rows(
        store,
        "select usage_date, project_name as name, coalesce(cost_usd, 0) as cost_usd from v_cost "
        "where kind = 'session' and usage_date is not null",
    )
    weeks: dict[date, dict[str, float]] = {}
    for row in spent:
        week = weeks.setdefault(row["usage_date"] - timedelta(days=row["usage_date"].weekday()), {})
        week[row["name"]] = week.get(row["name"], 0.0) + row["cost_usd"]
    monday = date(2026, 10, 12)
    earlier = sorted(week for week in weeks if week < monday)[-12:]
    changes = _rows(store, f"from spending_changes(date '{day}') where kind = 'project'")
    assert changes
    for change in changes:
        usual = statistics.median(weeks[week].get(change["name"], 0.0) for week in earlier)
        assert change["usual_usd"] == pytest.approx(usual)
        named = [row for row in spent if row["name"] == change["name"]]
        now = sum(row["cost_usd"] for row in named if monday <= row["usage_date"] <= day)
        assert change["cost_usd"] == pytest.approx(now)
        assert change["difference_usd"] == pytest.approx(change["cost_usd"] - change["usual_usd"])
    differences = [abs(change["difference_usd"]) for change in sorted(changes, key=lambda row: row["change_rank"])]
    assert differences == sorted(differences, reverse=True)


def test_what_an_explanation_leaves_out_is_the_sum_of_it(store: duckdb.DuckDBPyConnection) -> None:
    _check_explanation(store)


def test_all_days_are_everything(store: duckdb.DuckDBPyConnection) -> None:
    assert store.execute("select count(*) from v_cost where usage_date is null").fetchone() == (0,)
    _check_all_days_are_everything(store)


@pytest.mark.corpus
def test_the_reports_of_the_corpus_are_its_views(corpus_store: Path) -> None:
    with duckdb.connect(str(corpus_store), read_only=True) as store:
        found = collect(store, "x")
        assert found.first_date and found.last_date
        half = Scope(found.first_date, found.first_date + (found.last_date - found.first_date) / 2)
        for by in BY:
            if by != "week":
                _check_ranking_is_its_view(store, by)
            _check_ranking_of_days(store, by, half)
        _check_report(store)
        _check_screen(store)
        _check_explanation(store)


def test_every_kind_has_a_view_and_two_times_add_up_to_the_whole(store: duckdb.DuckDBPyConnection) -> None:
    assert set(VIEWS) | {"week"} == set(BY)
    for by in BY:
        whole = rank(store, by)
        parts = [
            rank(store, by, Scope(until=MIDDLE)),
            rank(store, by, Scope(since=MIDDLE + timedelta(days=1))),
        ]
        assert whole.causes and all(part.causes for part in parts), by
        for number in ("cost_usd", "request_count", "total_tokens"):
            assert sum(
                getattr(cause, number) or 0 for part in parts for cause in part.causes
            ) == pytest.approx(sum(getattr(cause, number) or 0 for cause in whole.causes)), (by, number)


def test_a_time_without_use_is_no_error(store: duckdb.DuckDBPyConnection) -> None:
    empty = collect(store, "x", Scope(until=date(2001, 1, 1)))
    assert (empty.total.response_count, empty.days, empty.sessions) == (0, [], [])


@pytest.mark.parametrize("comparison", ["session", "daily"])
def test_the_report_compares_with_both_reports_of_ccusage(
    store: duckdb.DuckDBPyConnection, project_dir: Path, comparison: str
) -> None:
    found = {line.name: line for line in collect(store, "x").comparisons}[f"ccusage {comparison}"]
    theirs = ccusage_count([project_dir / "sample" / "home"], report=comparison).cost_usd
    assert found.their_usd == pytest.approx(theirs, abs=1e-9)
    assert found.our_usd == pytest.approx(collect(store, "x").total.cost_usd)
