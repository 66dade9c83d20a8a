"""The report: its numbers, and that it fits."""

from __future__ import annotations

import ast
import io
import json
import re
from datetime import date, datetime
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import pytest
from mini import COST, MEASURES
from rich.console import Console

from agent_store.build import publish
from agent_store.errors import StoreError
from agent_store.show import ledger, screen, suggestions
from agent_store.show import report as reports
from agent_store.show.report import Scope, collect, find_projects, render_full, store_today
from agent_store.show.text import safe_console
from agent_store.show.values import plain
from agent_store.show.words import age, bar, bytes_in_words, dollars, percent, short_number

MACROS = [Path(publish.__file__).with_name("sql_macros") / name for name in ("cost.sql", "health.sql")]
NOTHING_FOUND = (
    "v_failed_check", "v_set_aside_session", "v_unknown_line_type", "v_set_aside_value", "v_unfinished_output",
    "v_vanished_session",
)  # fmt: skip
TODAY = date(2026, 3, 12)


def _calls(*rows: tuple[str, str, str, str | None, float | None]) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(
        "create table fact_api_call (session_id varchar, model_name varchar, project_name varchar,"
        " called_at timestamp,"
        " cost_usd double, input_tokens bigint, output_tokens bigint, cache_read_tokens bigint,"
        " cache_write_tokens bigint)"
    )
    for row in rows:
        connection.execute("insert into fact_api_call values (?, ?, ?, ?, ?, 100, 200, 3000, 400)", list(row))
    connection.execute("create view v_cost as " + COST.format(calls="fact_api_call"))
    connection.execute(
        "create view v_session_report as select session_id, 'Title of [b]' || session_id as title, "
        "project_name, "
        "min(called_at) as started_at, 1 as prompt_count, 2 as tool_call_count, "
        + MEASURES.replace("count(distinct session_id) as session_count,", "")
        + " from fact_api_call group by session_id, project_name"
    )
    connection.execute(
        "create table v_optimization as select *, timestamp '2026-03-10' as last_seen_at from (values"
        " ('cache_expired_1h', 'claude-opus-4-5', 'Start a new session', '3 misses', 9.5::double, 12::double, null),"
        " ('unused_skill', 'shop:release', 'Switch it off', 'never used', 0.5, 1, null),"
        " ('denied_call', 'make', 'Allow it', '3 times', null, null, 2::double))"
        " as t (optimization_type, subject, suggestion, evidence, dollars_per_month, total_usd, minutes_per_month)"
    )
    connection.execute(
        "create table v_session_advice as select * from (values"
        " ('s1', 'reread_file', '/shop/a.py', 'No need to read it again', 2, 900, 0.75::double, 1))"
        " as t (session_id, optimization_type, subject, suggestion, occurrence_count, tokens, cost_usd, cost_rank)"
    )
    connection.execute(
        "create view v_cost_cause as select cast(called_at as date) as usage_date, session_id, 'System prompt and tools'"
        " as cause_group, cost_usd, case session_id when 's2' then cost_usd else 0 end as estimated_cost_usd"
        " from fact_api_call where cost_usd is not null"
    )
    connection.execute("create table store_build as select 'UTC' as timezone, false as is_sample where false")
    connection.execute(
        "create view dim_model as select distinct model_name as model_id, model_name from fact_api_call"
    )
    connection.execute(
        "create view v_unpriced_model as select model_name, count(*) as response_count,"
        " 'no_price_for_speed' as unpriced_reason, 'fast' as speed from fact_api_call"
        " where cost_usd is null group by model_name"
    )
    connection.execute("create view v_set_aside_line as select 1 as x from fact_api_call limit 2")
    for name in NOTHING_FOUND:
        connection.execute(f"create view {name} as select 1 as x where false")
    for path in MACROS:
        for statement in connection.extract_statements(path.read_text(encoding="utf-8")):
            connection.execute(statement)
    return connection


MANY = (
    ("s1", "claude-opus-4-5", "alpha", "2026-02-01 10:00", 12.5),
    ("s1", "claude-opus-4-5", "alpha", "2026-03-01 10:00", 0.75),
    (
        "s2",
        "claude-haiku-4-5",
        "a-project-with-a-very-long-name-that-nobody-would-type-twice",
        "2026-03-10 10:00",
        0.004,
    ),
    ("s3", "claude-unknown-9", "alpha", "2026-03-12 10:00", None),
)


def _text(connection: duckdb.DuckDBPyConnection, width: int) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    render_full(collect(connection, "/home/x/.agent-store/agent_store.duckdb", today=TODAY), console)
    return console.export_text()


def _screen(
    connection: duckdb.DuckDBPyConnection, width: int, scope: Scope | None = None, limit: int | None = None
) -> str:
    return _drawn(collect(connection, "x", scope, today=TODAY), width, limit)


def _drawn(found: reports.Report, width: int, limit: int | None = None) -> str:
    console = Console(width=width, record=True, file=io.StringIO(), highlight=False)
    screen.render(found, console, limit)
    return console.export_text()


@pytest.mark.parametrize("module", [reports, ledger, suggestions])
def test_no_query_of_the_reports_works_out_a_number(module: ModuleType) -> None:
    """A number has one definition, in a view or macro of the store: a query here filters and orders."""
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    queries = [text for text in texts if re.search(r"\bselect\b", text)]
    assert queries
    aggregate = r"\b(sum|count|avg|median|min|max|any_value|list)\s*\(|\bgroup by\b|\bdistinct\b|\bover\s*\("
    assert not [text for text in queries if re.search(aggregate, text)]


def test_the_totals_are_the_sums() -> None:
    found = collect(_calls(*MANY), "x")
    assert found.total.cost_usd == pytest.approx(13.254)
    assert found.total.response_count == 4
    assert found.total.session_count == 3
    assert found.total.total_tokens == 4 * 3700
    assert found.total.unpriced_response_count == 1
    assert found.unpriced_models == [
        reports.UnpricedModel("claude-unknown-9", 1, "no price for fast mode")
    ]
    assert [model.name for model in found.models] == [
        "claude-opus-4-5",
        "claude-haiku-4-5",
        "claude-unknown-9",
    ]
    assert {finding.view: finding.count for finding in found.findings} == {
        **dict.fromkeys(NOTHING_FOUND, 0),
        "v_set_aside_line": 2,
        "v_unpriced_model": 1,
    }


def test_the_days_are_the_last_fourteen_with_use() -> None:
    days = collect(_calls(*MANY), "x").days
    assert [day.name for day in days] == ["2026-02-01", "2026-03-01", "2026-03-10", "2026-03-12"]
    text = _text(_calls(*MANY), 80)
    assert "27 idle days" in text
    assert "1 idle day " in text
    daily = [("s", "claude-opus-4-5", "alpha", f"2026-03-{day:02} 10:00", 1.0) for day in range(1, 29)]
    text = _text(_calls(*daily), 80)
    assert "Per day, the last 14 with use" in text
    assert ("2026-03-14" in text, "2026-03-15 Sun" in text, "2026-03-28 Sat" in text) == (False, True, True)
    assert len(collect(_calls(*daily), "x").days) == 28, "programs get all of them"


def test_what_has_no_day_is_in_the_total_and_in_a_line_of_its_own() -> None:
    calls = (*MANY, ("s4", "claude-opus-4-5", "alpha", None, 2.0))
    found = collect(_calls(*calls), "x")
    assert found.total.cost_usd == pytest.approx(sum(model.cost_usd or 0 for model in found.models))
    assert found.day_count == 4
    assert (found.days[-1].name, found.days[-1].cost_usd) == (reports.UNDATED, 2.0)
    assert any(
        line.split()[:1] == ["undated"] and "$2.00" in line for line in _text(_calls(*calls), 80).splitlines()
    )


@pytest.mark.parametrize("width", [80, 120])
def test_it_fits_the_width(width: int) -> None:
    text = _text(_calls(*MANY), width)
    assert max(len(line) for line in text.splitlines()) <= width
    for words in (
        "$13.25",
        "at list prices",
        "Per day",
        "Per model",
        "Per project",
        "Most expensive sessions",
        "Prompt cache",
    ):
        assert words in text
    assert "Dollars are API list prices, not what a subscription costs." in text
    assert "no price" in text
    flat = " ".join(text.split())
    assert (
        "Not in the dollars, because there is no price: claude-unknown-9 (1; no price for fast mode)." in flat
    )
    assert "<$0.01" in text
    assert "…" in text  # the long name is cut, the numbers are not
    assert "Title of [b]s1" in text  # a title is text, never markup


def test_models_without_a_price_do_not_fill_the_screen() -> None:
    names = ["a" * 9_000, *(f"unknown-{number}" for number in range(8))]
    calls = [(f"s{n}", name, "alpha", "2026-03-12 11:00", None) for n, name in enumerate(names)]
    flat = " ".join(_text(_calls(*calls), 120).split())
    found = re.search(r"because there is no price: (.*?)\. Add the prices", flat)
    assert found
    assert found[1].endswith(" and 4 more (v_unpriced_model)")
    assert "a" * 39 + "…" in found[1]
    assert len(found[1]) < 400


@pytest.mark.parametrize("width", [14, 24, 40, 60, 80, 140])
def test_a_number_is_whole_or_not_there(width: int) -> None:
    calls = _calls(*MANY, ("s4", "claude-opus-4-5", "alpha", "2026-03-12 11:00", 12_345.67))

    def amounts(text: str) -> set[str]:
        return set(re.findall(r"\$[\d,.]*", text[text.index("Per day") : text.index("In the store")]))

    text = _text(calls, width)
    assert max(len(line) for line in text.splitlines()) <= width
    assert "$12,345.67" in amounts(text)
    assert amounts(text) <= amounts(_text(calls, 200))


def test_a_session_is_shown_with_the_id_that_explain_needs() -> None:
    calls = _calls(("0fae0449-64d3-4788", "claude-opus-4-5", "alpha", "2026-03-01 10:00", 1.0))
    for width in (40, 140):
        assert "0fae0449" in _text(calls, width)


def test_today_this_week_and_this_month_stand_beside_the_usual_week() -> None:
    daily = [
        *[("old", "m", "alpha", f"2026-{month:02}-02 10:00", 70.0) for month in (1, 2)],  # one call in a week
        ("s", "m", "alpha", "2026-03-02 10:00", 10.0),
        ("s", "m", "alpha", "2026-03-09 10:00", 2.0),
        ("s", "m", "alpha", "2026-03-12 10:00", 1.0),
    ]
    pace = {line.period: line for line in collect(_calls(*daily), "x", today=TODAY).pace}
    assert {period: line.cost_usd for period, line in pace.items()} == {
        "day": 1.0,
        "week": 3.0,
        "month": 13.0,
    }
    assert (pace["week"].usual_usd, pace["week"].usual_count) == (70.0, 3)
    flat = " ".join(_screen(_calls(*daily), 120).split())
    assert "Today $1.00 · this week $3.00 (a usual week: $70.00) · this month $13.00" in flat
    later = collect(_calls(*daily), "x", today=date(2026, 6, 1))
    assert [line.response_count for line in later.pace] == [0, 0, 0]
    for render in (screen.render, render_full):
        console = Console(width=120, record=True, file=io.StringIO())
        render(later, console)
        words = "Nothing this month · last week with use, from 2026-03-09: $3.00 (a usual week: $70.00)"
        assert words in console.export_text()


def test_misses_and_what_could_be_saved_are_in_the_full_report() -> None:
    text = _text(_calls(*MANY), 100)
    assert "4 cache misses: $2.00 billed again, $1.00 more than from the cache" in text
    assert "$9.50  cache expired 1h · claude-opus-4-5: Start a new session (3 misses)" in text
    assert "2 min  denied call · make: Allow it (3 times)" in text


def test_days_and_projects_narrow_everything() -> None:
    found = collect(_calls(*MANY), "x", Scope(date(2026, 3, 1), date(2026, 3, 10)))
    assert (found.total.cost_usd, found.total.session_count) == (pytest.approx(0.754), 2)
    assert [day.name for day in found.days] == ["2026-03-01", "2026-03-10"]
    assert (found.misses.count, found.pace, found.optimizations) == (2, [], [])
    assert {line.session_id: line.prompt_count for line in found.sessions} == {"s1": None, "s2": None}
    one = collect(_calls(*MANY), "x", Scope(projects=("alpha",)))
    assert [line.name for line in one.projects] == ["alpha"]
    assert one.total.response_count == 3


def test_a_time_without_use_says_which_has() -> None:
    text = _screen(_calls(*MANY), 100, Scope(since=date(2026, 4, 1)))
    assert "Nothing was used since 2026-04-01. The store has use from 2026-02-01 to 2026-03-12." in text


def test_a_project_is_found_by_its_name_or_a_part_of_it() -> None:
    calls = _calls(
        ("a", "m", "shop", "2026-03-01", 1.0),
        ("b", "m", "shop-api", "2026-03-01", 1.0),
        ("c", "m", "web", "2026-03-01", 1.0),
    )
    assert find_projects(calls, "Shop") == ("shop",), "called so"
    assert find_projects(calls, "sho") == ("shop", "shop-api")
    assert find_projects(calls, "/home/x/web") == ("web",)
    for nothing in ("nope", " "):
        with pytest.raises(StoreError, match="No project"):
            find_projects(calls, nothing)


def test_today_is_that_of_the_zone_of_the_store_and_of_the_sample_its_last_day() -> None:
    calls = _calls(*MANY)
    calls.execute("create or replace table store_build as select 'Pacific/Kiritimati' as timezone, true as is_sample")
    assert store_today(calls) == date(2026, 3, 12)
    calls.execute("update store_build set is_sample = false")
    assert store_today(calls) == reports.today_in("Pacific/Kiritimati")
    # Exactly 24 hours lie between the two; between Kiritimati and Niue it is 25, and two dates for an hour a day.
    assert (reports.today_in("Pacific/Kiritimati") - reports.today_in("Pacific/Honolulu")).days == 1


def test_an_empty_store_is_said() -> None:
    for text in (_text(_calls(), 80), _screen(_calls(), 80)):
        assert "The store has no API response yet." in text


def test_it_is_json(tmp_path: Path) -> None:
    data = json.loads(json.dumps(plain(collect(_calls(*MANY), "x").as_json()), allow_nan=False))
    assert data["last_date"] == "2026-03-12"
    assert data["total"]["response_count"] == 4
    assert data["prices"] == reports.PRICES_ARE


def test_a_store_of_another_shape_is_said() -> None:
    connection = duckdb.connect()
    connection.execute("create view v_cost as select 1 as something_else")
    with pytest.raises(StoreError, match="does not have the shape"):
        collect(connection, "x")


def test_numbers_in_words() -> None:
    assert [dollars(value) for value in (None, 0, -0.0, 0.004, 1234.5, -2)] == [
        "–",
        "$0.00",
        "$0.00",
        "<$0.01",
        "$1,234.50",
        "-$2.00",
    ]
    assert [short_number(value) for value in (None, 0, 999, 1_500, 41_200_000, 2_500_000_000_000)] == [
        "–", "0", "999", "1.5k", "41.2M", "2,500.0B",
    ]  # fmt: skip
    assert bytes_in_words(218_400_000) == "218.4 MB"
    assert [percent(value) for value in (None, 0, -0.0, 0.0001, 0.9731)] == ["–", "0.0 %", "0.0 %", "<0.1 %", "97.3 %"]
    assert [bar(value, 10, 10) for value in (0, 0.01, 5, 10)] == ["", "▏", "█████", "██████████"]
    now = datetime(2026, 3, 1, 12)
    assert age(datetime(2026, 3, 1, 11), now) == "1 hour ago"
    assert age(datetime(2026, 2, 1), now) == "28 days ago"
    assert age(None) == "at an unknown time"


def test_the_first_screen_answers_how_much_on_what_what_changed_and_what_to_do() -> None:
    text = _screen(_calls(*MANY), 100)
    flat = " ".join(text.split())
    for words in (
        "4 days with use, 2026-02-01 to 2026-03-12 (UTC)",
        "$13.25 + 1 response without a price (*): claude-unknown-9 (1)",
        "3 sessions · 4 responses · 14.8k tokens · at API list prices, not what a subscription costs",
        "Today no price · this week <$0.01 (a usual week: $6.62) · this month $0.75",
        "Changed most this week: project alpha",
        "What caused it (100.0 % measured)",
        "System prompt and tools $13.25 100.0 %",
        "4 cache misses cost $1.00 more than reading from the cache",
        "Most expensive sessions, 3 of 3",
        "What to do, by savings in a month with use",
        "$9.50 Start a new session (cache misses)",
        "$0.50 shop:release: Switch it off",
        "2 min make: Allow it",
        "Findings: 1 unpriced model · 2 lines set aside · all: agent-store doctor",
        "agent-store report --full · report explain s1",
    ):
        assert words in flat, words
    assert len(text.splitlines()) <= screen.LINES


@cache
def _busy() -> reports.Report:
    """Of a store with more of everything than a screen has room for, and long names."""
    calls = [
        (
            f"{number:08}-session", f"model-{number}-" + "x" * number, f"folder/of/project-{number}" + "y" * number,
            f"2026-03-{1 + number % 12:02} 10:00", None if number % 7 == 0 else 12_345.678 * number,
        )
        for number in range(1, 40)
    ]  # fmt: skip
    connection = _calls(*calls)
    connection.execute(
        "insert into v_optimization select 'reread_file', '/home/dev/' || repeat('deep/', i) || 'module.py', "
        "repeat('Ask for less of it. ', 9), 'often', 100 * i, 300, null, timestamp '2026-03-10' from range(1, 9) as t (i)"
    )
    return collect(connection, "x", today=TODAY)


@pytest.mark.parametrize("width", [24, 40, 60, 80, 100, 140])
def test_the_first_screen_fits_and_cuts_no_number(width: int) -> None:
    text = _drawn(_busy(), width)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width
    if width >= screen.WIDE:
        assert len(text.splitlines()) <= screen.LINES
    known = {
        amount for most in range(5) for amount in re.findall(r"\$[\d,.]+", _drawn(_busy(), 240, limit=most))
    }
    amounts = set(re.findall(r"\$[\d,.]*", text))
    assert amounts and amounts <= known
    assert not re.search(r"\$[\d,]*…", text)


def test_a_pipe_gets_plain_text_and_no_color_means_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    found = collect(_calls(*MANY), "x", today=TODAY)

    def printed(**options: Any) -> str:
        console = safe_console(file=io.StringIO(), width=100, highlight=False, **options)
        for render in (screen.render, render_full):
            render(found, console)
        assert isinstance(console.file, io.StringIO)
        return console.file.getvalue()

    assert "\x1b" not in printed()
    colors = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-7]|9[0-7])(?:;\d+)*m")
    assert colors.search(printed(force_terminal=True, color_system="standard"))
    monkeypatch.setenv("NO_COLOR", "1")
    assert not colors.search(printed(force_terminal=True, color_system="standard"))


def test_a_limit_is_for_each_list_of_the_first_screen() -> None:
    text = _drawn(_busy(), 100, limit=6)
    assert "Most expensive sessions, 6 of 39" in text
    assert "33 more" in text
    assert "model-39-" in _drawn(_busy(), 100, limit=0)


def test_a_time_is_compared_with_as_many_days_before_it() -> None:
    calls = _calls(*MANY)
    text = " ".join(_screen(calls, 100, Scope(date(2026, 3, 1), date(2026, 3, 28))).split())
    # Up to today, the twelfth: twelve days.
    assert "As many days before, 2026-02-17 to 2026-02-28: nothing" in text
    text = " ".join(_screen(calls, 100, Scope(since=date(2026, 2, 20))).split())
    assert "As many days before, 2026-01-30 to 2026-02-19: $12.50" in text
    assert "this week" not in text
    assert "$0.75 s1 /shop/a.py: No need to read it again" in text, "suggestions for its sessions"


def test_a_project_has_its_own_usual_week() -> None:
    calls = _calls(
        ("a", "m", "shop", "2026-03-02 10:00", 10.0),
        ("a", "m", "shop", "2026-03-10 10:00", 1.0),
        ("b", "m", "web", "2026-03-03 10:00", 90.0),
    )
    text = " ".join(_screen(calls, 100, Scope(projects=("shop",))).split())
    assert "this week $1.00 (a usual week: $10.00)" in text
    changed = text.partition("Changed most this week: ")[2]
    assert changed.startswith("m $1.00 (usually $10.00)"), "that it is this project is said already"


def test_changes_count_a_week_without_a_name_as_nothing() -> None:
    calls = _calls(
        ("a", "m", "shop", "2026-02-16 10:00", 4.0),
        ("a", "m", "shop", "2026-02-23 10:00", 6.0),
        ("b", "m", "web", "2026-03-02 10:00", 3.0),
        ("b", "m", "web", "2026-03-10 10:00", 8.0),
    )
    found = collect(calls, "x", today=TODAY).changes
    projects = {line.name: (line.cost_usd, line.usual_usd, line.change_rank) for line in found if line.kind == "project"}
    assert projects == {"web": (8.0, 0.0, 1), "shop": (0.0, 4.0, 2)}
    assert collect(_calls(("a", "m", "shop", "2026-03-10", 1.0)), "x", today=TODAY).changes == [], "no earlier week"


def test_what_caused_it_is_measured_or_estimated() -> None:
    (cause,) = collect(_calls(*MANY), "x").causes
    assert (cause.cost_usd, cause.estimated_cost_usd) == (pytest.approx(13.254), pytest.approx(0.004))
    assert cause.measured_ratio == pytest.approx(13.25 / 13.254)
    (one,) = collect(_calls(*MANY), "x", Scope(date(2026, 3, 10), date(2026, 3, 10))).causes
    assert one.measured_ratio == pytest.approx(0)
    calls = _calls(("a", "m", "shop", "2026-03-02", 10.0), ("b", "m", "web", "2026-03-03", 90.0))
    assert [line.cost_usd for line in collect(calls, "x", Scope(projects=("shop",))).causes] == [10.0]
