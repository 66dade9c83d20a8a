"""The reports from the ledger: their numbers, the picture, and that they fit."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner
from rich.console import Console

from agent_store import cli, tables
from agent_store import ledger_report as ledger
from agent_store.errors import StoreError
from agent_store.query import plain

SESSION, OTHER = "5e12-a", "5e34-b"
LONG = "/home/dev/a-project-with-a-very-long-name/src/some/folder/of/many/deep/inside/module_name.py"

TABLES = """
    create table dim_session as select * from (values
        ('5e12-a', 'First [b]session', 'main', 'shop'), ('5e34-b', null, null, 'shop')
    ) as t (session_id, title, git_branch, project_name);
    create table dim_agent as select * from (values ('a1', 'main', 'main'), ('a2', 'Explore', 'subagent'))
        as t (agent_id, agent_name, agent_type);
    create table dim_tool as select * from (values ('Read', null), ('mcp__issues__find', 'issues'))
        as t (tool_name, mcp_server);
    create table dim_component as select * from (values
        ('base', 'system_prompt', 'system_prompt'), ('memory', 'system_prompt', 'memory_and_environment'),
        ('read', 'tool', 'Read'), ('find', 'tool', 'mcp__issues__find'), ('skill', 'skill', 'shop:release'),
        ('p1', 'task', 'Make the [red]button blue')
    ) as t (component_id, component_type, component_name);
    create table fact_api_call (
        call_id varchar, session_id varchar, agent_id varchar, agent_run_id varchar, called_at timestamp,
        context_tokens bigint, input_tokens bigint, output_tokens bigint, cost_usd double, success boolean,
        is_priced boolean, git_branch varchar);
    create table fact_skill_invocation as select * from (values
        ('shop:release', timestamp '2026-03-02 09:59', 150e-2), ('shop:release', timestamp '2026-03-01 09:59', 50e-2)
    ) as t (skill_name, invoked_at, cost_usd);
    create table fact_token_usage (
        call_id varchar, session_id varchar, component_id varchar, measured_at timestamp, input_tokens bigint,
        output_tokens bigint, cost_usd double, context_tokens bigint generated always as (input_tokens));
    create table fact_context_overflow (session_id varchar, next_call_id varchar, compact_triggered boolean);
    create table fact_cost_allocation as select * from (values
        ('5e12-a', 'base', 'context', 'direct', 3, 1e0, 2e0, 0e0, 3e0),
        ('5e12-a', 'read', 'context', 'proportional', 3, 5e-1, 1e0, 5e-1, 2e0),
        ('5e12-a', 'p1', 'task', 'direct', 3, 0e0, 0e0, 5e-1, 5e0)
    ) as t (session_id, component_id, basis, allocation_method, request_count, entry_cost_usd,
        carrying_cost_usd, output_cost_usd, cost_usd);
    create table fact_context_segment (
        segment_id varchar, session_id varchar, call_id varchar, file_id varchar, file_path varchar,
        entered_at timestamp, item_kind varchar, component_name varchar, tokens bigint, carried_tokens bigint,
        requests_carried integer, cost_usd double, allocation_method varchar);
    create table fact_cache_miss as select * from (values
        ('5e12-a', 'c3', timestamp '2026-03-02 10:00', 'expired_1h', 9000, 75e-2)
    ) as t (session_id, call_id, missed_at, cause, missed_tokens, extra_cost_usd);
"""


@pytest.fixture
def store() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    connection.execute(TABLES)
    calls = [
        ("c1", SESSION, "a1", None, "2026-03-01 10:00", 10_000, 1.0, True),
        ("c2", SESSION, "a1", None, "2026-03-01 10:01", 16_000, 1.5, True),
        ("c3", SESSION, "a1", None, "2026-03-02 10:00", 12_000, 2.5, True),
        ("s1", SESSION, "a2", "run", "2026-03-01 10:02", 3_000, 0.5, True),
        ("o1", OTHER, "a1", None, "2026-03-05 10:00", 4_000, None, False),
    ]
    for call_id, session, agent, run, at, tokens, cost, priced in calls:
        connection.execute(
            "insert into fact_api_call values (?, ?, ?, ?, ?, ?, ?, 100, ?, true, ?, ?)",
            [call_id, session, agent, run, at, tokens, tokens, cost, priced, "main" if priced else "HEAD"],
        )
    usage = [
        ("c1", SESSION, "base", "2026-03-01 10:00", 9_000, 0.75),
        ("c1", SESSION, "memory", "2026-03-01 10:00", 1_000, 0.25),
        ("c2", SESSION, "base", "2026-03-01 10:01", 9_000, 0.5),
        ("c2", SESSION, "memory", "2026-03-01 10:01", 1_000, 0.25),
        ("c2", SESSION, "read", "2026-03-01 10:01", 6_000, 0.75),
        ("c3", SESSION, "base", "2026-03-02 10:00", 9_000, 1.25),
        ("c3", SESSION, "find", "2026-03-02 10:00", 2_000, 1.0),
        ("c3", SESSION, "skill", "2026-03-02 10:00", 1_000, 0.25),
        ("s1", SESSION, "base", "2026-03-01 10:02", 3_000, 0.5),
        ("o1", OTHER, "base", "2026-03-05 10:00", 4_000, 0.0),
    ]
    for call_id, session, component, at, tokens, cost in usage:
        connection.execute(
            "insert into fact_token_usage values (?, ?, ?, ?, ?, 0, ?)",
            [call_id, session, component, at, tokens, cost],
        )
    connection.execute("insert into fact_context_overflow values (?, 'c3', true)", [SESSION])
    connection.execute(
        "insert into fact_context_segment values ('x', ?, 'c2', 'f1', ?, '2026-03-01 10:01', 'tool_result', "
        "'Read', 6000, 0, 0, 0.75, 'direct')",
        [SESSION, LONG],
    )
    return connection


def _text(render: Callable[[Any, Console], None], found: object, width: int) -> str:
    console = Console(width=width, record=True, file=io.StringIO(), highlight=False)
    render(found, console)
    return console.export_text()


def test_tools_are_ranked_by_what_they_caused(store: duckdb.DuckDBPyConnection) -> None:
    found = ledger.rank(store, "tool")
    assert [(cause.name, cause.cost_usd) for cause in found.causes] == [
        ("mcp__issues__find", 1.0),
        ("Read", 0.75),
    ]
    assert found.total_usd == pytest.approx(5.5)
    assert found.causes[0].cost_ratio == pytest.approx(1.0 / 5.5)
    assert found.causes[0].carried_tokens == 2_000


@pytest.mark.parametrize(
    ("by", "first", "count"),
    [
        ("skill", "shop:release", 1),
        ("tool", "mcp__issues__find", 2),
        ("mcp", "issues", 1),
        ("agent", "main", 2),
        ("branch", "main", 2),
        ("file", LONG, 1),
        ("component", "system_prompt", 5),
    ],
)
def test_every_ranking_answers(store: duckdb.DuckDBPyConnection, by: str, first: str, count: int) -> None:
    found = ledger.rank(store, by)
    assert found.causes[0].name == first
    assert len(found.causes) == count


def test_work_under_a_skill_stands_beside_what_it_weighs(store: duckdb.DuckDBPyConnection) -> None:
    cause = ledger.rank(store, "skill").causes[0]
    assert (cause.cost_usd, cause.work_cost_usd) == (pytest.approx(0.25), pytest.approx(2.0))
    one_day = ledger.rank(store, "skill", date(2026, 3, 2), date(2026, 3, 2)).causes[0]
    assert one_day.work_cost_usd == pytest.approx(1.5)
    assert ledger.rank(store, "tool").causes[0].work_cost_usd is None


def test_components_and_agents_add_up_to_the_total(store: duckdb.DuckDBPyConnection) -> None:
    for by in ("component", "agent", "branch"):
        found = ledger.rank(store, by)
        assert sum(cause.cost_usd for cause in found.causes) == pytest.approx(found.total_usd)


def test_both_days_of_a_time_are_in_it(store: duckdb.DuckDBPyConnection) -> None:
    one_day = ledger.rank(store, "component", date(2026, 3, 2), date(2026, 3, 2))
    assert one_day.total_usd == pytest.approx(2.5)
    assert sum(cause.cost_usd for cause in one_day.causes) == pytest.approx(2.5)
    assert ledger.rank(store, "component", until=date(2026, 3, 1)).total_usd == pytest.approx(3.0)
    assert not ledger.rank(store, "tool", since=date(2026, 4, 1)).causes


def test_days_follow_the_zone_of_the_store(store: duckdb.DuckDBPyConnection) -> None:
    store.execute("create table store_build as select 'Pacific/Kiritimati' as timezone")
    assert ledger.rank(store, "component", date(2026, 3, 2), date(2026, 3, 2)).total_usd == pytest.approx(3.0)


def test_a_session_is_found_by_the_unique_beginning_of_its_id(store: duckdb.DuckDBPyConnection) -> None:
    assert ledger.find_session(store, "5e1")[0] == SESSION
    assert ledger.find_session(store, SESSION)[0] == SESSION
    with pytest.raises(StoreError, match="2 sessions begin with '5e'"):
        ledger.find_session(store, "5e")
    with pytest.raises(StoreError, match="No session begins with 'nine%'"):
        ledger.find_session(store, "nine%")


def test_an_id_that_is_the_beginning_of_another_is_itself(store: duckdb.DuckDBPyConnection) -> None:
    store.execute("insert into dim_session values ('5e12-a-and-more', null, null, 'shop')")
    assert ledger.find_session(store, SESSION)[0] == SESSION


def test_the_picture_has_the_main_threads_requests_in_order(store: duckdb.DuckDBPyConnection) -> None:
    found = ledger.picture(store, SESSION)
    assert [moment.call_id for moment in found.moments] == ["c1", "c2", "c3"]
    assert [moment.follows_compaction for moment in found.moments] == [False, False, True]
    assert found.moments[1].tokens == {
        "system prompt": 9_000, "memory and environment": 1_000, "tool Read": 6_000,
    }  # fmt: skip
    assert all(sum(moment.tokens.values()) == moment.context_tokens for moment in found.moments)


def test_a_column_is_as_high_as_its_context_and_its_bands_as_their_parts() -> None:
    moment = ledger.Moment(
        1, "c", None, 16_000, {"a": 12_000, "b": 3_000, "c": 1_000}, follows_compaction=False
    )
    column = ledger._column(moment, ["a", "b", ledger._OTHER], 16_000)
    assert [column.count(band) for band in range(3)] == [12, 3, 1]
    assert len(ledger._column(moment, ["a", "b", ledger._OTHER], 32_000)) == ledger.PICTURE_ROWS // 2


@pytest.mark.parametrize("width", [80, 100, 120, 160])
@pytest.mark.parametrize("what", ["ranking", "files", "picture", "explanation"])
def test_it_fits_the_width(store: duckdb.DuckDBPyConnection, width: int, what: str) -> None:
    shown = {
        "ranking": lambda: _text(ledger.render_ranking, ledger.rank(store, "component"), width),
        "files": lambda: _text(ledger.render_ranking, ledger.rank(store, "file"), width),
        "picture": lambda: _text(ledger.render_picture, ledger.picture(store, SESSION), width),
        "explanation": lambda: _text(ledger.render_explanation, ledger.explain(store, SESSION), width),
    }[what]()
    assert max(len(line) for line in shown.splitlines()) <= width
    assert not re.search(r"[$\d]…", shown), "a number is never cut"
    words = {
        "ranking": ["Cost by component", "system_prompt", "$3.00", "$5.50 in all"],
        "files": ["module_name.py", "$0.75"],
        "picture": ["First [b]session", "▲ compaction", "tool Read", "16.0k", "request 1 to 3"],
        "explanation": ["$5.50 for 4 requests", "Make the [red]button blue", "expired_1h", "module_name.py"],
    }[what]
    for word in words:
        assert word in shown, word


def test_a_long_session_fits_too(store: duckdb.DuckDBPyConnection) -> None:
    store.execute(
        "insert into fact_api_call select 'n' || i, '5e34-b', 'a1', null, "
        "timestamp '2026-04-01' + to_seconds(i), 1000 + i * 100, 1000 + i * 100, 1, 0.1, true, true, 'main' "
        "from range(2000) as t (i)"
    )
    store.execute(
        "insert into fact_token_usage select 'n' || i, '5e34-b', 'base', timestamp '2026-04-01', "
        "1000 + i * 100, 0, 0.1 from range(2000) as t (i)"
    )
    shown = _text(ledger.render_picture, ledger.picture(store, OTHER), 80)
    assert max(len(line) for line in shown.splitlines()) <= 80
    assert "request 2,001" in shown


def test_a_session_without_requests_says_so(store: duckdb.DuckDBPyConnection) -> None:
    store.execute("insert into dim_session values ('empty', 'Nothing', null, 'shop')")
    assert "sent no request" in _text(ledger.render_picture, ledger.picture(store, "empty"), 80)
    assert "– for 0" not in _text(ledger.render_explanation, ledger.explain(store, "empty"), 80)


def test_it_is_also_json(store: duckdb.DuckDBPyConnection) -> None:
    for found in (ledger.rank(store, "tool"), ledger.picture(store, SESSION), ledger.explain(store, SESSION)):
        assert json.loads(json.dumps(plain(found.as_json())))
    explained = ledger.explain(store, SESSION).as_json()
    assert explained["shares"][0]["cost_ratio"] == pytest.approx(3.0 / 5.5)
    assert explained["misses"][0]["cause"] == "expired_1h"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["report", "--by", "tool", "--since", "yesterday"], "does not match the format"),
        (["report", "--by", "tool", "explain", "5e12"], "do not go with explain"),
    ],
)
def test_wrong_usage_is_told(arguments: list[str], words: str) -> None:
    done = CliRunner().invoke(cli.cli, arguments)
    assert done.exit_code == 2
    assert words in done.output


def test_without_a_store_the_way_to_one_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_STORE_HOME", str(tmp_path / "none"))
    done = CliRunner().invoke(cli.cli, ["report", "context", "5e12"])
    assert isinstance(done.exception, StoreError)
    assert done.exception.exit_code == 3


def test_names_give_way_and_numbers_do_not() -> None:
    table = tables.table("")
    tables.name_column(table, "branch", 40)
    tables.name_column(table, "project", 18)
    tables.number_columns(table, "cost", "tokens", "requests")
    table.add_row(
        "a-branch-with-a-very-long-name-that-goes-on",
        "a-project-of-many-words",
        "$1,234.56",
        "145.5M",
        "12,345",
    )
    console = Console(width=60, record=True, file=io.StringIO())
    console.print(tables.fitted(table, console))
    text = console.export_text()
    assert all(number in text for number in ("$1,234.56", "145.5M", "12,345"))
    assert text.count("…") == 2
    assert max(len(line) for line in text.splitlines()) <= 60


def test_a_title_is_as_wide_as_it_needs() -> None:
    table = tables.table("")
    tables.name_column(table, "project", 40)
    tables.number_columns(table, "cost")
    table.add_row("a", "$1")
    console = Console(width=60, record=True, file=io.StringIO())
    console.print(tables.fitted(table, console))
    assert "project" in console.export_text()
