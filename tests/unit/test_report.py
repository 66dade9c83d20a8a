"""The report: its numbers, and that it fits."""

from __future__ import annotations

import io
import json
from datetime import datetime
from pathlib import Path

import duckdb
import pytest
from mini import MEASURES
from rich.console import Console

from agent_store import report as reports
from agent_store.errors import StoreError
from agent_store.query import plain
from agent_store.report import age, bar, bytes_in_words, collect, dollars, percent, render, short_number


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
    views = {
        "v_cost_daily": "called_at::date as usage_date",
        "v_cost_by_model": "model_name, 'anthropic' as provider",
        "v_cost_by_project": "project_name, '/p/' || project_name as project_path",
    }
    for view, columns in views.items():
        connection.execute(
            f"create view {view} as select {columns}, {MEASURES} from fact_api_call group by all"
        )
    connection.execute(
        "create view v_session_report as select session_id, 'Title of [b]' || session_id as title, "
        "project_name, "
        "min(called_at) as started_at, 1 as prompt_count, 2 as tool_call_count, "
        + MEASURES.replace("count(distinct session_id) as session_count,", "")
        + " from fact_api_call group by session_id, project_name"
    )
    connection.execute(
        "create view v_cache_health as select model_name, count(*) as response_count,"
        " sum(input_tokens) as uncached_input_tokens,"
        " sum(cache_read_tokens) as cache_read_tokens, sum(cache_write_tokens) as cache_write_tokens,"
        " 1 as cache_miss_count, 0.25 as saved_usd from fact_api_call group by all"
    )
    connection.execute(
        "create view dim_model as select distinct model_name as model_id, model_name from fact_api_call"
    )
    connection.execute(
        "create view fact_inference as select model_name as model_id, rowid as call_id,"
        " called_at::date as called_local_date, cost_usd is not null as is_priced,"
        " 'no_price_for_speed' as unpriced_reason, 'fast' as speed from fact_api_call"
    )
    connection.execute("create table dim_session as select distinct session_id from fact_api_call")
    connection.execute("create view v_set_aside_line as select 1 as x from fact_api_call limit 2")
    connection.execute("create view v_unfinished_output as select 1 as x where false")
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
    render(collect(connection, "/home/x/.agent-store/agent_store.duckdb"), console)
    return console.export_text()


def test_the_totals_are_the_sums() -> None:
    found = collect(_calls(*MANY), "x")
    assert found.total.cost_usd == pytest.approx(13.254)
    assert found.total.response_count == 4
    assert found.total.session_count == 3
    assert found.total.total_tokens == 4 * 3700
    assert found.total.unpriced_response_count == 1
    assert found.unpriced_models == [("claude-unknown-9", 1, "no price for fast mode")]
    assert [model.name for model in found.models] == [
        "claude-opus-4-5",
        "claude-haiku-4-5",
        "claude-unknown-9",
    ]
    assert {finding.view: finding.count for finding in found.findings} == {
        "v_set_aside_line": 2,
        "v_unfinished_output": 0,
    }


def test_the_days_are_the_last_fourteen_with_use() -> None:
    days = collect(_calls(*MANY), "x").days
    assert [day.name for day in days] == ["2026-02-01", "2026-03-01", "2026-03-10", "2026-03-12"]
    text = _text(_calls(*MANY), 80)
    assert "27 idle days" in text
    assert "1 idle day " in text
    daily = [("s", "claude-opus-4-5", "alpha", f"2026-03-{day:02} 10:00", 1.0) for day in range(1, 29)]
    days = collect(_calls(*daily), "x").days
    assert [len(days), days[0].name, days[-1].name] == [14, "2026-03-15", "2026-03-28"]


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
        "Dearest sessions",
        "Prompt cache",
    ):
        assert words in text
    assert "Dollars are what the API would have cost at list prices" in text
    assert "no price" in text
    flat = " ".join(text.split())
    assert "Not in the dollars, for want of a price: claude-unknown-9 (1; no price for fast mode)." in flat
    assert "<$0.01" in text
    assert "…" in text  # the long name is cut, the numbers are not
    assert "Title of [b]s1" in text  # a title is text, never markup


def test_an_empty_store_is_said() -> None:
    text = _text(_calls(), 80)
    assert "There is no response of a model in the store yet." in text


def test_it_is_json(tmp_path: Path) -> None:
    data = json.loads(json.dumps(plain(collect(_calls(*MANY), "x").as_json())))
    assert data["last_date"] == "2026-03-12"
    assert data["total"]["response_count"] == 4
    assert data["prices"] == reports.PRICES_ARE


def test_a_store_of_another_shape_is_said() -> None:
    connection = duckdb.connect()
    connection.execute("create view v_cost_daily as select 1 as something_else")
    with pytest.raises(StoreError, match="does not have the shape"):
        collect(connection, "x")


def test_numbers_in_words() -> None:
    assert [dollars(value) for value in (None, 0, 0.004, 1234.5, -2)] == [
        "–",
        "$0.00",
        "<$0.01",
        "$1,234.50",
        "-$2.00",
    ]
    assert [short_number(value) for value in (None, 0, 999, 1_500, 41_200_000, 2_500_000_000_000)] == [
        "–", "0", "999", "1.5k", "41.2M", "2,500.0B",
    ]  # fmt: skip
    assert bytes_in_words(218_400_000) == "218.4 MB"
    assert percent(0.9731) == "97.3 %"
    assert [bar(value, 10, 10) for value in (0, 0.01, 5, 10)] == ["", "▏", "█████", "██████████"]
    now = datetime(2026, 3, 1, 12)
    assert age(datetime(2026, 3, 1, 11), now) == "1 hour ago"
    assert age(datetime(2026, 2, 1), now) == "28 days ago"
    assert age(None) == "at an unknown time"
