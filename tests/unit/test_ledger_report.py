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

from agent_store import cli
from agent_store.build import publish
from agent_store.cli.report import By
from agent_store.errors import StoreError
from agent_store.show import ledger
from agent_store.show.query import plain
from agent_store.show.report import Scope

MACROS = Path(publish.__file__).with_name("sql_macros") / "cost.sql"
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
        ('shop:release', timestamp '2026-03-02 09:59', 150e-2), ('shop:release', timestamp '2026-03-01 09:59', 50e-2),
        ('heavy:work', timestamp '2026-03-01 09:59', 300e-2)
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
        ('5e12-a', 'c3', timestamp '2026-03-02 10:00', 'expired_1h', 5400.0, 9000, 75e-2, 'p/5e12-a.jsonl', 31)
    ) as t (session_id, call_id, missed_at, cause, gap_seconds, missed_tokens, extra_cost_usd, _source_path, _source_line);
    create table v_cache_miss as select * from (values
        ('expired_1h', 'Compact before a pause'), ('expired_1h', 'Compact before a pause'), ('unknown', null)
    ) as t (cause, suggestion);
    create table v_expensive_prompt as select * from (values
        ('p1', '5e12-a', 'Make the [red]button blue', 'p/5e12-a.jsonl', 1)
    ) as t (prompt_id, session_id, prompt_text, _source_path, _source_line);
    create view v_context_piece as
        select *, component_name || coalesce(': ' || file_path, '') as piece_name, 'p/5e12-a.jsonl' as _source_path,
            7 as _source_line
        from fact_context_segment;
    create view v_spending as
        select
            cast(c.called_at as date) as usage_date, c.session_id, s.title as session_title, s.project_name,
            '/home/dev/' || s.project_name as project_path, coalesce(nullif(c.git_branch, 'HEAD'), 'none') as git_branch,
            'claude-opus-5' as model_name, 'anthropic' as provider, a.agent_name, a.agent_type, 'implement' as task_type,
            min(c.called_at) as first_called_at, count(*) as response_count, 0 as uncached_input_tokens,
            sum(c.output_tokens) as output_tokens, sum(c.input_tokens) as cache_read_tokens, 0 as cache_write_5m_tokens,
            0 as cache_write_1h_tokens, sum(c.input_tokens + c.output_tokens) as total_tokens,
            count(*) filter (where not c.is_priced) as unpriced_response_count, sum(c.cost_usd) as cost_usd,
            0 as cache_miss_count, 0 as missed_tokens, 0e0 as rebilled_cost_usd, 0e0 as miss_extra_cost_usd,
            0e0 as cache_saved_usd
        from fact_api_call as c
        inner join dim_session as s on s.session_id = c.session_id
        inner join dim_agent as a on a.agent_id = c.agent_id
        group by all;
    create view v_cause as
        with usage as (
            select u.*, cast(u.measured_at as date) as usage_date, c.component_name, c.component_type
            from fact_token_usage as u inner join dim_component as c on c.component_id = u.component_id
        ),
        causes as (
            select 'component' as cause_type, component_name as cause_name, component_type as detail, usage_date,
                session_id, input_tokens, 0 as invocation_count, cost_usd, cast(null as double) as work_cost_usd
            from usage
            union all
            select 'tool', component_name, '', usage_date, session_id, input_tokens, 1, cost_usd, null
            from usage where component_type = 'tool'
            union all
            select 'mcp', 'issues', '', usage_date, session_id, input_tokens, 1, cost_usd, null
            from usage where component_name = 'mcp__issues__find'
            union all
            select 'skill', component_name, '', usage_date, session_id, input_tokens, 0, cost_usd, null
            from usage where component_type = 'skill'
            union all
            select 'skill', skill_name, '', cast(invoked_at as date), '5e12-a', 0, 1, null, cost_usd
            from fact_skill_invocation
            union all
            select 'file', file_path, '', cast(entered_at as date), session_id, tokens + carried_tokens, 0, cost_usd, null
            from fact_context_segment
        )
        select
            usage_date, session_id, 'shop' as project_name, cause_type, cause_name, detail, count(*) as request_count,
            sum(input_tokens) as carried_tokens, 0 as output_tokens, sum(invocation_count) as invocation_count,
            sum(cost_usd) as cost_usd, sum(work_cost_usd) as work_cost_usd
        from causes group by all;
"""


@pytest.fixture
def store() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    connection.execute(TABLES)
    for statement in connection.extract_statements(MACROS.read_text(encoding="utf-8")):
        connection.execute(statement)
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
    assert found.causes[0].total_tokens == 2_000


@pytest.mark.parametrize(
    ("by", "first", "count"),
    [
        ("day", "2026-03-01", 3),
        ("week", "2026-02-23", 2),
        ("month", "2026-03", 1),
        ("model", "claude-opus-5", 1),
        ("project", "shop", 1),
        ("session", SESSION, 2),
        ("task-type", "implement", 1),
        ("skill", "heavy:work", 2),
        ("tool", "mcp__issues__find", 2),
        ("mcp", "issues", 1),
        ("agent", "main agent", 2),
        ("branch", "main", 2),
        ("file", LONG, 1),
        ("component", "system_prompt", 5),
    ],
)
def test_every_ranking_answers(store: duckdb.DuckDBPyConnection, by: str, first: str, count: int) -> None:
    found = ledger.rank(store, by)
    assert found.causes[0].name == first
    assert len(found.causes) == count


def test_every_kind_of_the_command_is_known_to_the_store(store: duckdb.DuckDBPyConnection) -> None:
    assert By.kinds == ledger.BY
    assert all(ledger.rank(store, by).causes for by in ledger.BY)


def test_skills_are_ordered_by_what_was_done_under_them(store: duckdb.DuckDBPyConnection) -> None:
    first, second = ledger.rank(store, "skill").causes
    assert (first.name, first.work_cost_usd, first.cost_usd) == ("heavy:work", pytest.approx(3.0), None)
    assert (second.cost_usd, second.work_cost_usd) == (pytest.approx(0.25), pytest.approx(2.0))
    assert second.work_ratio == pytest.approx(2.0 / 5.5)
    shown = _text(ledger.render_ranking, ledger.rank(store, "skill"), 80)
    assert "36.4 %" in shown
    one_day = ledger.rank(store, "skill", Scope(date(2026, 3, 2), date(2026, 3, 2))).causes[0]
    assert one_day.work_cost_usd == pytest.approx(1.5)
    assert ledger.rank(store, "tool").causes[0].work_cost_usd is None


def test_subagents_stand_apart_from_main_agents(store: duckdb.DuckDBPyConnection) -> None:
    shown = _text(ledger.render_ranking, ledger.rank(store, "agent"), 120)
    table, _, summary = shown.partition("$5.00 (90.9 %) by main agents and $5.50 in all.")
    assert "Explore" in table and "main agent" not in table
    assert summary


def test_what_has_no_price_shows_an_asterisk_and_days_come_in_their_order(
    store: duckdb.DuckDBPyConnection,
) -> None:
    shown = _text(ledger.render_ranking, ledger.rank(store, "day"), 80)
    assert [line.split()[0] for line in shown.splitlines() if line.strip().startswith("2026")] == [
        "2026-03-01", "2026-03-02", "2026-03-05",
    ]  # fmt: skip
    assert "no price" in shown


def test_components_and_agents_add_up_to_the_total(store: duckdb.DuckDBPyConnection) -> None:
    for by in ("component", "agent", "branch", "day", "session", "task-type"):
        found = ledger.rank(store, by)
        assert sum(cause.cost_usd or 0 for cause in found.causes) == pytest.approx(found.total_usd)


def test_both_days_of_a_time_are_in_it(store: duckdb.DuckDBPyConnection) -> None:
    one_day = ledger.rank(store, "component", Scope(date(2026, 3, 2), date(2026, 3, 2)))
    assert one_day.total_usd == pytest.approx(2.5)
    assert sum(cause.cost_usd or 0 for cause in one_day.causes) == pytest.approx(2.5)
    assert ledger.rank(store, "component", Scope(until=date(2026, 3, 1))).total_usd == pytest.approx(3.0)
    empty = ledger.rank(store, "tool", Scope(since=date(2026, 4, 1)))
    assert not empty.causes
    assert "The store has use from 2026-03-01 to 2026-03-05" in _text(ledger.render_ranking, empty, 120)


def test_a_limit_holds_for_the_table_and_0_is_all(store: duckdb.DuckDBPyConnection) -> None:
    found = ledger.rank(store, "component")
    console = Console(width=100, record=True, file=io.StringIO())
    ledger.render_ranking(found, console, 2)
    text = console.export_text()
    assert "the 2 most expensive of 5" in text
    ledger.render_ranking(found, console, 0)
    assert "most expensive" not in console.export_text()


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


@pytest.mark.parametrize("width", [60, 80, 160])
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
        "explanation": [
            "$5.50 for 4 requests",
            "Make the [red]button blue",
            "expired_1h: Compact before a pause.",
            "module_name.py",
            "agent-store line p/5e12-a.jsonl LINE",
        ],
    }[what]
    for word in words:
        assert word in shown, word


def test_misses_that_are_not_shown_are_summed(store: duckdb.DuckDBPyConnection) -> None:
    store.execute(
        "insert into fact_cache_miss select '5e12-a', 'm' || i, timestamp '2026-03-02', 'unknown', 60, 1000, 0.5, "
        "'p/5e12-a/subagents/agent-7.jsonl', i from range(13) as t (i)"
    )
    shown = _text(ledger.render_explanation, ledger.explain(store, SESSION), 100)
    assert "Cache misses: 14, $7.25 more than from the cache" in shown
    assert re.search(r"6 more +6.0k +\$3.00", shown)
    assert "agent-7:3" in shown and " 31 " in shown


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
        (["report", "--by", "tool", "--since", "some day"], "is not understood; write 2026-03-01"),
        (["report", "--since", "2026-02-30"], "is not a day of the calendar"),
        (["report", "--by", "colour"], "is none of day, week"),
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
